// The section of curves: what is chosen, and which point is shown or kept.
const state = { chart: 0, metric: data.metric, logarithmic: true, hidden: new Set(), shown: null, kept: false };
let drawn = { items: [], buttons: [] };

function itemsOf(chart) {
  const metric = data.metrics[state.metric];
  const sign = metric.better === "higher" ? 1 : -1;
  const item = (look, name, point, more) => ({
    look,
    name,
    bytes: point.bytes,
    value: point.values[state.metric],
    goodness: sign * point.values[state.metric],
    label: `${name}: ${sizeText(point.bytes)}, ${metric.heading} ${valueText(metric, point.values[state.metric])}`,
    point,
    ...more,
  });
  const ours = chart.points.map((point) => {
    const look = data.labels[point.label];
    return item(look, `${look.name}, ${point.rate}`, point, { curve: look.name, hollow: false });
  });
  const papers = chart.papers.map((paper) => item(paper, paper.name, paper, { curve: `paper ${paper.name}`, hollow: true }));
  const order = data.labels.map((label) => label.name);
  const rank = (entry) => (entry.hollow ? order.length : order.indexOf(entry.curve));
  return [...ours, ...papers].sort((a, b) => rank(a) - rank(b) || a.bytes - b.bytes).filter((entry) => entry.value !== null);
}

function showItem(item) {
  const chart = data.charts[state.chart];
  if (item.hollow) showPaper(byId("card"), item.point, chart);
  else showPoint(byId("card"), item.point, chart, state.kept);
}

function mark() {
  drawn.buttons.forEach((button, index) => {
    const shown = drawn.items[index].point === state.shown;
    button.classList.toggle("shown", shown);
    button.setAttribute("aria-pressed", shown && state.kept);
  });
}

function pointed(index) {
  if (state.kept || drawn.items[index].point === state.shown) return;
  state.shown = drawn.items[index].point;
  showItem(drawn.items[index]);
  mark();
}

function clicked(index) {
  const item = index === null ? null : drawn.items[index];
  const again = item !== null && state.kept && item.point === state.shown;
  state.kept = item !== null && !again;
  const shown = item || drawn.items.find((entry) => entry.point === state.shown);
  if (!shown) return;
  state.shown = shown.point;
  showItem(shown);
  mark();
}

function redraw() {
  const chart = data.charts[state.chart];
  const all = itemsOf(chart);
  const items = all.filter((item) => !state.hidden.has(item.curve));
  const { root, buttons } = drawChart({
    items,
    metric: data.metrics[state.metric],
    logarithmic: state.logarithmic,
    width: Math.max(280, Math.floor(byId("chart").clientWidth)),
    title: `${chart.title}: ${data.metrics[state.metric].heading} over size`,
    pointed,
    clicked,
  });
  byId("chart").replaceChildren(root);
  drawn = { items, buttons };
  legend(all);
  if (!items.some((item) => item.point === state.shown)) {
    state.kept = false;
    state.shown = null;
    if (items.length) pointed(Math.floor((items.length - 1) / 2));
    else byId("card").replaceChildren(element("h3", { id: "card-heading" }, "No point"));
  }
  mark();
}

function legend(items) {
  const curves = new Map(items.map((item) => [item.curve, item]));
  const focused = document.activeElement?.dataset?.curve;
  byId("legend").replaceChildren(
    ...[...curves].map(([curve, item]) => {
      const toggle = () => {
        if (!state.hidden.delete(curve)) state.hidden.add(curve);
        redraw();
      };
      const attributes = { type: "button", "aria-pressed": String(!state.hidden.has(curve)), "data-curve": curve };
      return element("button", { ...attributes, on: { click: toggle } }, swatch(item.look, item.hollow), item.hollow ? item.name : curve);
    }),
  );
  for (const button of byId("legend").children) if (button.dataset.curve === focused) button.focus();
}

const change = (name) => (value) => {
  state[name] = value;
  redraw();
};

choices(byId("chart-choice"), data.charts.map((chart) => chart.title), 0);
byId("chart-choice").addEventListener("change", (event) => change("chart")(Number(event.target.value)));
radios(byId("metric-choice"), data.metrics.map((metric) => metric.heading), state.metric, change("metric"));
radios(byId("axis-choice"), ["logarithmic", "linear"], 0, (index) => change("logarithmic")(index === 0));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.kept) clicked(null);
});
let lastWidth = 0;
new ResizeObserver(() => {
  const width = byId("chart").clientWidth;
  if (width !== lastWidth) redraw();
  lastWidth = width;
}).observe(byId("chart"));
redraw();
