// Two pictures of one view, one over the other, with a slider between them.
const SMALLEST_WIDTH = 560; // pixels; smaller pictures are enlarged by a whole factor, their pixels shown as squares

const viewer = { scene: 0, view: 0, left: "truth", right: null, position: 50 };

function pictureChoices(view) {
  const list = [];
  if (view.truth) list.push({ key: "truth", name: "Ground truth", image: view.truth, caption: "" });
  const qualities = (values) =>
    data.metrics
      .slice(0, 2)
      .map((metric, index) => `${metric.heading} ${valueText(metric, values[index])}`)
      .join(", ");
  const errors = [];
  for (const decoded of view.decoded) {
    const row = data.rows[decoded.row];
    const name = `${data.labels[row.label].name}, ${text(row.rate)}`;
    const caption = `${qualities(decoded.values)} on this view; file of ${wholeNumber(row.bytes)} bytes`;
    list.push({ key: name, name, image: decoded.image, caption });
    if (decoded.error) errors.push({ key: `error ${name}`, name: `Error of ${name}`, image: decoded.error, caption, error: true });
  }
  return [...list, ...errors];
}

function clip(stage, slider) {
  viewer.position = Number(slider.value);
  stage.querySelector(".left").style.clipPath = `inset(0 ${100 - viewer.position}% 0 0)`;
  stage.querySelector(".divider").style.left = `${viewer.position}%`;
  slider.setAttribute("aria-valuetext", `left picture up to ${Math.round(viewer.position)} % of the width`);
}

function stageOf(view, left, right) {
  const shown = Math.min(view.width, data.picture_width);
  const factor = Math.max(1, Math.round(SMALLEST_WIDTH / shown));
  const style = `width: ${shown * factor}px; aspect-ratio: ${view.width} / ${view.height}`;
  const image = (picture, side) =>
    element("img", { src: picture.image, alt: `${side}: ${picture.name}, ${view.name}`, class: `${side.toLowerCase()}${factor > 1 ? " enlarged" : ""}` });
  const slider = element("input", { type: "range", min: 0, max: 100, step: 0.5, value: viewer.position, "aria-label": "Border between the left and the right picture" });
  const stage = element("div", { class: "stage", style }, image(right, "Right"), image(left, "Left"), element("div", { class: "divider" }), slider);
  slider.addEventListener("input", () => clip(stage, slider));
  clip(stage, slider);
  const captions = [left, right].map((picture) => element("p", {}, element("strong", {}, picture.name), element("br"), picture.caption));
  return [stage, element("div", { class: "captions", style: `width: ${shown * factor}px` }, ...captions)];
}

function chooser(name, texts, chosen, changed) {
  const select = element("select", { "data-choice": name, on: { change: () => changed(Number(select.value)) } });
  choices(select, texts, chosen);
  return element("label", {}, name, select);
}

function showViewer() {
  const focused = document.activeElement?.dataset?.choice;
  const scene = data.pictures[viewer.scene];
  viewer.view = Math.min(viewer.view, scene.views.length - 1);
  const view = scene.views[viewer.view];
  const pictures = pictureChoices(view);
  const find = (key, otherwise) => {
    const found = pictures.findIndex((picture) => picture.key === key);
    return found < 0 ? otherwise : found;
  };
  const plain = pictures.filter((picture) => !picture.error);
  const left = find(viewer.left, 0);
  const right = find(viewer.right, Math.min(plain.length - 1, Math.ceil(plain.length / 2)));
  const choose = (name) => (index) => {
    viewer[name] = name === "left" || name === "right" ? pictures[index].key : index;
    showViewer();
  };
  const names = pictures.map((picture) => picture.name);
  const sides = element(
    "div",
    { class: "sides" },
    chooser("Scene", data.pictures.map(({ title }) => title), viewer.scene, choose("scene")),
    chooser("View", scene.views.map(({ name }) => name), viewer.view, choose("view")),
    chooser("Left", names, left, choose("left")),
    chooser("Right", names, right, choose("right")),
  );
  const parts = [sides, ...stageOf(view, pictures[left], pictures[right])];
  if (pictures[left].error || pictures[right].error) {
    const bar = byId("colour-bar").content.firstElementChild.cloneNode(true);
    bar.style.width = parts[1].style.width;
    parts.push(bar);
  }
  if (!view.truth) {
    parts.push(element("p", { class: "hint" }, "The folder of results has no ground truth of this scene, so there is none to compare with and no map of errors: an older version of nerfzip made it. The same nerfzip run or a new point of the scene adds it."));
  }
  byId("viewer").className = "viewer";
  byId("viewer").replaceChildren(...parts);
  for (const select of byId("viewer").querySelectorAll("select")) if (select.dataset.choice === focused) select.focus();
}

if (data.pictures.length) showViewer();
