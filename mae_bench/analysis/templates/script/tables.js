// Sorting, filtering and saving of any table that is on the page.

/** Give a table its tools, once: headings that sort, a filter, a CSV of what is shown. */
function equip(data, table, name) {
  if (table.dataset.isEquipped) return;
  table.dataset.isEquipped = "yes";
  const groups = linesOf(table);
  const order = new Map(groups.map((group, index) => [group, index]));
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => addSorting(data, table, headings, heading, column, order));
  const count = element("output", { class: "count" });
  const filter = element("input", {
    type: "search", placeholder: phrase(data, "filter"), "aria-label": phrase(data, "filter_rows"),
    input: () => {
      const wanted = filter.value.trim().toLowerCase();
      const lines = linesOf(table);
      for (const line of lines) line.hidden = !line.textContent.toLowerCase().includes(wanted);
      const shown = lines.filter((line) => !line.hidden).length;
      count.textContent = wanted === "" ? "" : phrase(data, "lines", { shown, all: lines.length });
    },
  });
  const save = element("button", {
    type: "button", title: phrase(data, "csv_title"),
    click: () => download(data.study + "-" + name + ".csv", asCsv(data, table)),
  }, "CSV");
  const tools = element("div", { class: "tools" }, groups.length > 1 ? filter : null, groups.length > 1 ? count : null, save);
  table.closest(".scroll").before(tools);
}

/** Return what is sorted and filtered: table rows, or groups of them that belong together. */
function linesOf(table) {
  return table.tBodies.length > 1 ? [...table.tBodies] : [...table.tBodies[0].rows];
}

/** Return the cell of a line under a heading; of a group, that of its last row. */
function cellOf(line, column) {
  return line.tagName === "TBODY" ? line.rows[line.rows.length - 1].cells[column] : line.cells[column];
}

function textOf(cell) {
  if (!cell) return "";
  const parts = [...cell.children].filter((child) => ["SPAN", "SMALL"].includes(child.tagName));
  return (parts.length ? parts.map((part) => part.textContent).join(" ") : cell.textContent).trim();
}

const PREFIXES = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };

/** Return the number that a cell begins with, its grid's number first; null for none. */
function numberOf(cell) {
  const number = cell && cell.querySelector(".num");
  const text = (number ? number.textContent : textOf(cell)).replace(/\u2212/g, "-").replace(/,/g, "");
  const match = /^[<>]?([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?: ([kMGTPE])(?![a-z ]))?/.exec(text);
  return match === null ? null : Number(match[1]) * (PREFIXES[match[2]] || 1);
}

function addSorting(data, table, headings, heading, column, order) {
  const button = element("button", {
    type: "button", class: "sort", title: phrase(data, "sort"),
    click: () => {
      const lines = linesOf(table);
      const numbers = new Map(lines.map((line) => [line, numberOf(cellOf(line, column))]));
      const isNumeric = [...numbers.values()].filter((value) => value !== null).length * 2 > lines.length;
      // numbers begin with the largest, words with the first; a third press restores the order
      const ways = isNumeric ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
      const way = ways[(ways.indexOf(heading.getAttribute("aria-sort") || "none") + 1) % 3];
      for (const other of headings) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", way);
      lines.sort((one, other) => order.get(one) - order.get(other));
      if (way !== "none") lines.sort(isNumeric ? byNumber(numbers, way) : byText(column, way));
      const parent = lines[0].parentNode;
      for (const line of lines) parent.append(line);
    },
  }, ...heading.childNodes);
  heading.setAttribute("aria-sort", "none");
  heading.append(button);
}

/** Compare lines by number; those without one stay last, whichever way. */
function byNumber(numbers, way) {
  const sign = way === "ascending" ? 1 : -1;
  return (one, other) => {
    const [a, b] = [numbers.get(one), numbers.get(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a - b);
  };
}

function byText(column, way) {
  const sign = way === "ascending" ? 1 : -1;
  return (one, other) => sign * textOf(cellOf(one, column)).localeCompare(textOf(cellOf(other, column)), undefined, { numeric: true });
}

/** Return the lines that are shown as CSV, in their order. */
function asCsv(data, table) {
  const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const lines = linesOf(table).filter((line) => !line.hidden);
  const isGrouped = table.tBodies.length > 1;
  const rows = lines.map((line) => (isGrouped ? [...line.rows].flatMap((row) => [...row.cells]) : [...line.cells]).map(textOf));
  const all = [isGrouped ? [phrase(data, "claim"), ...headings] : headings, ...rows];
  return all.map((row) => row.map(csvField).join(",") + "\r\n").join("");
}

/** Return a field of CSV that no spreadsheet takes for a formula. */
function csvField(text) {
  const plain = text.replace(/\u2212/g, "-");
  const isNumber = /^[+-]?[\d.]/.test(plain);
  const safe = /^[=+\-@\t\r]/.test(plain) && !isNumber ? "'" + plain : plain;
  return /[",\r\n]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
}

/** Hand a text to the reader as a file; nothing leaves the machine. */
function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = element("a", { href: address, download: name.replace(/[^\w.%-]+/g, "-") });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Replace what an area shows, and give its tables their tools. */
function fill(data, area, name, ...nodes) {
  area.replaceChildren(...nodes);
  for (const table of area.querySelectorAll("table")) equip(data, table, name);
}
