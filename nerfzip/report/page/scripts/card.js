// What is known of one point: its picture, numbers, settings, and the command that makes it again.
const pictureOf = new Map();
for (const scene of data.pictures) {
  for (const view of scene.views) {
    for (const decoded of view.decoded) {
      if (!pictureOf.has(decoded.row)) pictureOf.set(decoded.row, { ...decoded, view: view.name });
    }
  }
}

const text = (number) => data.texts[number];

function description(pairs) {
  return element("dl", {}, ...pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
}

// Deviations over seeds; papers and points of one seed have none.
function numbers(point) {
  const deviation = (value, format) => (typeof value === "number" ? ` ± ${format(value)}` : "");
  const qualities = data.metrics.map((metric, index) => {
    const shown = valueText(metric, point.values[index]);
    return [metric.heading, shown + deviation(point.deviations?.[index], (value) => valueText(metric, value))];
  });
  const size = `${wholeNumber(point.bytes)} bytes`;
  return [["Size", size + deviation(point.bytes_deviation, (value) => `${wholeNumber(value)} bytes`)], ...qualities];
}

function settingsOf(row) {
  return data.settings.flatMap((part, place) =>
    part.lists[row.settings[place]].flatMap((number, index) => {
      if (number < 0) return [];
      return [[part.names[index], part.values[index][number].replace(/^"|"$/g, ""), index < part.varying]];
    }),
  );
}

function settings(row) {
  const pairs = settingsOf(row);
  const varying = pairs.filter(([, , varies]) => varies);
  const others = pairs.filter(([, , varies]) => !varies);
  const box = (shown, name) => element("div", { class: "settings", tabindex: 0, role: "group", "aria-label": name }, description(shown));
  return [
    element("h4", {}, "Settings that differ between rows"),
    varying.length ? box(varying, "Settings that differ between rows") : element("p", {}, "None."),
    element("details", {}, element("summary", {}, `The other ${others.length} settings`), box(others, "The other settings")),
  ];
}

async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    // The browser does not allow it here: select the text instead.
    getSelection().selectAllChildren(code);
    button.textContent = "Selected: press Ctrl+C";
  }
}

function command(row) {
  if (!row.command) {
    return [element("h4", {}, "Command"), element("p", {}, `None is known: ${row.no_command.map(text).join("")}`)];
  }
  const code = element("code", {}, row.command.map(text).join(" "));
  const button = element("button", { type: "button", "aria-live": "polite" }, "Copy");
  button.addEventListener("click", () => copy(code, button));
  return [
    element("h4", {}, "Command that makes it again"),
    element("div", { class: "command" }, element("pre", { tabindex: 0, "aria-label": "Command" }, code), button),
  ];
}

function picture(row, name) {
  const shown = pictureOf.get(row);
  if (!shown) return element("p", {}, "No picture of it is in this page.");
  return element("img", { src: shown.image, alt: `${name}, decoded, ${shown.view}` });
}

function showRow(box, number, name) {
  const row = data.rows[number];
  box.replaceChildren(picture(number, name), ...settings(row), ...command(row));
}

const rowName = (row) => `${text(row.scene)}, seed ${row.seed}`;

function several(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// A point stands for one row or for the mean of several, of which one is chosen for its picture and command.
function showPoint(card, point, chart, pinned) {
  const name = `${data.labels[point.label].name}, ${point.rate}`;
  const rows = point.rows.map((number) => data.rows[number]);
  const seeds = [...new Set(rows.map((row) => row.seed))].sort((a, b) => a - b);
  const scenes = new Set(rows.map((row) => row.scene));
  const box = element("div");
  const extent =
    rows.length > 1
      ? ["Mean of", `${several(scenes.size, "scene")}, ${several(seeds.length, "seed")} (${several(rows.length, "row")})`]
      : ["Seed", String(seeds[0])];
  const parts = [
    element("h3", { id: "card-heading" }, name),
    element("p", { class: "where" }, `${chart.title}${pinned ? " · kept; Escape lets it go" : ""}`),
    description([...numbers(point), extent]),
  ];
  if (rows.length > 1) {
    const select = element("select", { on: { change: () => showRow(box, point.rows[select.value], name) } });
    choices(select, rows.map(rowName), 0);
    parts.push(element("label", {}, "One of them ", select));
  }
  showRow(box, point.rows[0], name);
  card.replaceChildren(...parts, box);
}

function showPaper(card, paper, chart) {
  card.replaceChildren(
    element("h3", { id: "card-heading" }, paper.name),
    element("p", { class: "where" }, `${chart.title}; printed in ${paper.source}`),
    description([...numbers(paper), ["Mean of", several(paper.scenes, "scene")], ["Size counts", paper.counts]]),
    element("p", {}, "Papers measure differently: these points are in no table but that of BD-rates with --with-papers."),
  );
}
