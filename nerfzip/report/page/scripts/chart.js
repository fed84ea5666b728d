// Draws one chart: axes, curves and markers. Each marker is a button that tells `shown` when it is pointed at.
const MARGIN = { left: 56, right: 14, top: 26, bottom: 42 };
const NEAR = 28; // pixels from a marker within which a pointer means it

function extentOf(values, margin) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = (high - low) * margin || Math.abs(high) * 0.02 || 1;
  return [low - room, high + room];
}

function axes(root, x, y, box, titles) {
  for (const tick of x.ticks) {
    root.append(
      svg("line", { class: "grid", x1: x.at(tick), x2: x.at(tick), y1: box.top, y2: box.bottom }),
      svg("text", { x: x.at(tick), y: box.bottom + 16, "text-anchor": "middle" }, tickText(tick)),
    );
  }
  for (const tick of y.ticks) {
    root.append(
      svg("line", { class: "grid", x1: box.left, x2: box.right, y1: y.at(tick), y2: y.at(tick) }),
      svg("text", { x: box.left - 7, y: y.at(tick) + 4, "text-anchor": "end" }, tickText(tick)),
    );
  }
  root.append(
    svg("rect", { class: "frame", x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }),
    svg("text", { x: (box.left + box.right) / 2, y: box.bottom + 35, "text-anchor": "middle" }, titles.x),
    svg("text", { x: 4, y: 14 }, titles.y),
  );
}

// `items` are what is drawn: {look, hollow, curve, bytes, value, label, show}; those of one curve follow each other by size.
function drawChart({ items, metric, logarithmic, width, title, pointed, clicked }) {
  const height = Math.round(Math.min(Math.max(width * 0.62, 260), 460));
  const box = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group", "aria-label": title });
  if (!items.length) {
    root.append(svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "No curve to show"));
    return { root, buttons: [] };
  }
  const sorted = items.map((item) => item.bytes).sort((a, b) => a - b);
  const [factor, unit] = sorted[Math.floor(sorted.length / 2)] >= 1e6 ? [1e-6, "MB"] : [1e-3, "kB"];
  const sizes = sorted.map((bytes) => bytes * factor);
  const count = Math.max(3, Math.floor(width / 75));
  const x = logarithmic
    ? logarithmicScale(sizes[0] / 1.2, sizes.at(-1) * 1.2, box.left, box.right, count)
    : linearScale(0, sizes.at(-1) * 1.06, box.left, box.right, count);
  const y = linearScale(...extentOf(items.map((item) => item.value), 0.07), box.bottom, box.top, 6);
  const better = `${metric.better} is better`;
  axes(root, x, y, box, {
    x: `size (${unit}${logarithmic ? ", logarithmic" : ""})`,
    y: `${metric.heading}${metric.unit ? ` (${metric.unit})` : ""}, ${better}`,
  });
  const places = items.map((item) => [x.at(item.bytes * factor), y.at(item.value)]);
  drawCurves(root, items, places);
  const buttons = items.map((item, index) => {
    const [left, top] = places[index];
    const attributes = {
      class: "point",
      role: "button",
      tabindex: index ? -1 : 0,
      "aria-label": item.label,
      transform: `translate(${left.toFixed(1)} ${top.toFixed(1)})`,
      style: colourOf(item.look),
    };
    const button = svg("g", attributes, svg("circle", { class: "halo", r: 9 }), marker(item.look, item.hollow));
    button.addEventListener("focus", () => pointed(index));
    return button;
  });
  root.append(...buttons);
  listen(root, buttons, items, places, pointed, clicked);
  return { root, buttons };
}

// A line joins the points that are better than every smaller one; the others lie beside it.
function drawCurves(root, items, places) {
  const lines = new Map();
  items.forEach((item, index) => {
    if (item.hollow) return;
    if (!lines.has(item.curve)) lines.set(item.curve, { look: item.look, points: [], best: -Infinity });
    const line = lines.get(item.curve);
    if (item.goodness <= line.best) return;
    line.best = item.goodness;
    line.points.push(places[index].map((value) => value.toFixed(1)).join(","));
  });
  for (const { look, points } of lines.values()) {
    const attributes = { class: "curve", points: points.join(" "), "stroke-dasharray": look.dashes || null };
    root.append(svg("polyline", { ...attributes, style: colourOf(look) }));
  }
}

function listen(root, buttons, items, places, pointed, clicked) {
  const nearest = (event) => {
    const frame = root.getBoundingClientRect();
    const [left, top] = [event.clientX - frame.left, event.clientY - frame.top];
    const distances = places.map(([x, y]) => Math.hypot(x - left, y - top));
    const best = distances.indexOf(Math.min(...distances));
    return distances[best] <= NEAR ? best : null;
  };
  root.addEventListener("pointermove", (event) => {
    const best = nearest(event);
    if (best !== null) pointed(best);
  });
  root.addEventListener("click", (event) => clicked(nearest(event)));
  root.addEventListener("keydown", (event) => {
    const current = buttons.indexOf(document.activeElement);
    if (current < 0) return;
    const next = neighbour(event.key, current, items, places);
    if (event.key === "Enter" || event.key === " ") clicked(current);
    else if (event.key === "Escape") clicked(null);
    else if (next === null) return;
    else {
      buttons.forEach((button, index) => button.setAttribute("tabindex", index === next ? 0 : -1));
      buttons[next].focus();
    }
    event.preventDefault();
  });
}

// Left and right go along a curve, up and down to the nearest point of the previous and next one.
function neighbour(key, current, items, places) {
  if (key === "Home") return 0;
  if (key === "End") return items.length - 1;
  if (key === "ArrowRight" || key === "ArrowLeft") {
    return Math.min(Math.max(current + (key === "ArrowRight" ? 1 : -1), 0), items.length - 1);
  }
  if (key !== "ArrowUp" && key !== "ArrowDown") return null;
  const curves = [...new Set(items.map((item) => item.curve))];
  const curve = curves[curves.indexOf(items[current].curve) + (key === "ArrowDown" ? 1 : -1)];
  const distance = (index) => Math.abs(places[index][0] - places[current][0]);
  const others = items.map((_, index) => index).filter((index) => items[index].curve === curve);
  return others.length ? others.reduce((best, index) => (distance(index) < distance(best) ? index : best)) : null;
}
