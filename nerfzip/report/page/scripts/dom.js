// The data of the page, and how elements are made. Texts of the data are only ever set as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);

const byId = (id) => document.getElementById(id);

function set(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const element = (name, attributes = {}, ...children) => set(document.createElement(name), attributes, children);

const svg = (name, attributes = {}, ...children) =>
  set(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

function choices(select, texts, chosen) {
  select.replaceChildren(...texts.map((text, index) => element("option", { value: index }, text)));
  select.value = chosen;
}

// Radio buttons in a fieldset; `changed` gets the number of the chosen one.
function radios(fieldset, texts, chosen, changed) {
  texts.forEach((text, index) => {
    const on = { change: () => changed(index) };
    const input = element("input", { type: "radio", name: fieldset.id, value: index, checked: index === chosen, on });
    fieldset.append(element("label", {}, input, text));
  });
}

const wholeNumber = (value) => Math.round(value).toLocaleString("en");

function sizeText(bytes) {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(2)} MB` : `${(bytes / 1e3).toPrecision(bytes >= 1e5 ? 4 : 3)} kB`;
}

function valueText(metric, value) {
  return value === null ? "–" : `${value.toFixed(metric.decimals)}${metric.unit ? ` ${metric.unit}` : ""}`;
}
