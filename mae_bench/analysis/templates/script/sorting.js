// Sorting of any table: by number where a column has numbers, what has no value always last.

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

// a number that is plain, and one with a prefix of the SI
const NUMBER = "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?";
const FIRST_NUMBER = new RegExp(`^[<>[]?(${NUMBER})(?: ([kMGTPE])(?![a-z]))?`);
const PREFIXES = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };

/** Whether a text says that there is no value: "none", "not run", "6 of 6 never". */
function isMissing(data, text) {
  data.missingForms ??= data.missing.map((form) =>
    new RegExp("^" + form.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{\w+\}/g, "\\d+") + "$"));
  return text === "" || data.missingForms.some((form) => form.test(text));
}

/** Return the number that a cell begins with: of an interval the lower end, of a grid its difference; null for none. */
function numberOf(data, cell) {
  if (!cell || cell.classList.contains("control")) return null; // among differences stands the score of the control
  const number = cell.querySelector(".num");
  const text = (number ? number.textContent : textOf(cell)).trim();
  if (isMissing(data, text)) return null;
  const match = FIRST_NUMBER.exec(asAscii(text));
  return match === null ? null : Number(match[1]) * (PREFIXES[match[2]] || 1);
}

/** Return a number as programs read it: a plain minus sign, no commas between thousands. */
function asAscii(text) {
  return text.replace(/\u2212/g, "-").replace(/(\d),(?=\d{3})/g, "$1");
}

function addSorting(data, table, headings, heading, column, order) {
  const button = element("button", {
    type: "button", class: "sort", title: phrase(data, "sort"),
    click: () => {
      const lines = linesOf(table);
      const cells = lines.map((line) => cellOf(line, column));
      const numbers = new Map(lines.map((line, index) => [line, numberOf(data, cells[index])]));
      const texts = new Map(lines.map((line, index) => [line, isMissing(data, textOf(cells[index])) ? null : textOf(cells[index])]));
      const numMissing = [...texts.values()].filter((text) => text === null).length;
      const isNumeric = [...numbers.values()].filter((value) => value !== null).length * 2 > lines.length - numMissing;
      // numbers begin with the largest, words with the first; a third press restores the order
      const ways = isNumeric ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
      const way = ways[(ways.indexOf(heading.getAttribute("aria-sort") || "none") + 1) % 3];
      for (const other of headings) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", way);
      lines.sort((one, other) => order.get(one) - order.get(other));
      if (way !== "none") lines.sort(isNumeric ? byValue(numbers, way, (a, b) => a - b) : byValue(texts, way, byAlphabet));
      const parent = lines[0].parentNode;
      for (const line of lines) parent.append(line);
    },
  }, ...heading.childNodes);
  heading.setAttribute("aria-sort", "none");
  heading.append(button);
}

/** Compare lines by a value; those without one stay last, whichever way. */
function byValue(values, way, compare) {
  const sign = way === "ascending" ? 1 : -1;
  return (one, other) => {
    const [a, b] = [values.get(one), values.get(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * compare(a, b);
  };
}

function byAlphabet(one, other) {
  return one.localeCompare(other, undefined, { numeric: true });
}
