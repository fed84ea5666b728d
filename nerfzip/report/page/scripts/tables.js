// Headings become buttons that sort: the first click ascending, the second descending.
function sortBy(heading) {
  const row = heading.parentElement;
  const body = row.closest("table").tBodies[0];
  const place = [...row.children].indexOf(heading);
  const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const lines = [...body.rows].map((line) => {
    const cell = line.cells[place];
    return { line, text: cell.textContent, number: cell.dataset.order === undefined ? null : cell.dataset.order };
  });
  lines.sort((a, b) => {
    if (a.number === null && b.number === null) return direction * a.text.localeCompare(b.text, "en", { numeric: true });
    // What is missing stays last in both directions.
    if (!a.number || !b.number) return Number(!a.number) - Number(!b.number);
    return direction * (Number(a.number) - Number(b.number));
  });
  for (const other of row.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
  body.append(...lines.map(({ line }) => line));
}

for (const heading of document.querySelectorAll("#tables th")) {
  const button = element("button", { type: "button", on: { click: () => sortBy(heading) } }, heading.textContent);
  heading.replaceChildren(button);
}
