// From values to pixels, and where the ticks are.
function steps(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function linearScale(low, high, start, end, count) {
  return {
    at: (value) => start + ((value - low) / (high - low)) * (end - start),
    ticks: steps(low, high, count),
  };
}

const TICKS_IN_A_DECADE = [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1, 3], [1]];

// As many ticks as there is room for.
function logarithmicScale(low, high, start, end, count) {
  const decades = Math.log10(high / low);
  const powers = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) powers.push(power);
  const candidates = TICKS_IN_A_DECADE.map((factors) =>
    powers.flatMap((power) => factors.map((factor) => factor * 10 ** power)).filter((value) => value >= low && value <= high),
  );
  const ticks = candidates.find((candidate) => candidate.length <= count) || candidates.at(-1);
  return { at: (value) => start + (Math.log10(value / low) / decades) * (end - start), ticks };
}

// Without the noise of binary fractions.
const tickText = (value) => String(Number(value.toPrecision(6)));
