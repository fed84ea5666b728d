// The markers of the figures, by matplotlib's letters, as SVG paths of about 10 pixels around the origin.
const polygon = (...corners) => `M${corners.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join("L")}Z`;

const around = (count, radius, turn = 0) =>
  Array.from({ length: count }, (_, index) => {
    const angle = turn + (2 * Math.PI * index) / count;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  });

const star = around(10, 1).map(([x, y], index) => (index % 2 ? [2.6 * x, 2.6 * y] : [6.4 * x, 6.4 * y]));

// A plus sign with thick arms.
const plus = [
  [-1.8, -5.2], [1.8, -5.2], [1.8, -1.8], [5.2, -1.8], [5.2, 1.8], [1.8, 1.8],
  [1.8, 5.2], [-1.8, 5.2], [-1.8, 1.8], [-5.2, 1.8], [-5.2, -1.8], [-1.8, -1.8],
];

const turned = (corners, angle) =>
  corners.map(([x, y]) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)]);

const MARKERS = {
  o: "M-4.8,0a4.8,4.8 0 1 0 9.6,0a4.8,4.8 0 1 0 -9.6,0Z",
  s: polygon(...around(4, 6.1, Math.PI / 4)),
  D: polygon(...around(4, 6.1)),
  "^": polygon(...around(3, 6.2)),
  v: polygon(...around(3, 6.2, Math.PI)),
  "<": polygon(...around(3, 6.2, -Math.PI / 2)),
  ">": polygon(...around(3, 6.2, Math.PI / 2)),
  p: polygon(...around(5, 5.6)),
  h: polygon(...around(6, 5.5)),
  8: polygon(...around(8, 5.3, Math.PI / 8)),
  P: polygon(...plus),
  X: polygon(...turned(plus, Math.PI / 4)),
  "*": polygon(...star),
};

// What makes a marker or a line a label's: `look` has the colours of both themes, a marker and dashes.
const colourOf = (look) => `--series: light-dark(${look.light}, ${look.dark})`;

const marker = (look, hollow) => svg("path", { d: MARKERS[look.marker], class: hollow ? "marker hollow" : "marker" });

function swatch(look, hollow) {
  const line = hollow ? null : svg("line", { x1: -16, x2: 16, "stroke-dasharray": look.dashes || null });
  return svg("svg", { viewBox: "-17 -7 34 14", "aria-hidden": "true", style: colourOf(look) }, line, marker(look, hollow));
}
