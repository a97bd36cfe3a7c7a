// Saving what a table shows as CSV: each number in a column of its own.

const MARKS_FIRST = /^[\u25B2\u25BC\u25CB\u25C7\u2715\u2713\u2717\u2013\u00B7] */;
const FORMS = [ // of cells that hold several numbers, and the phrases of their columns
  [new RegExp(`^\\[(${NUMBER}), (${NUMBER})\\](?: (.*))?$`), ["low", "high"]],
  [/^(\d+) \/ (\d+) \/ (\d+)$/, ["outcome_wins", "outcome_loses", "outcome_undecided"]],
  [new RegExp(`^(${NUMBER}) \u00B1 (${NUMBER})(?: (.*))?$`), [null, "half"]],
];

/** Return the lines that are shown as CSV, in their order; fixed columns come first. */
function asCsv(data, table, fixed) {
  const lines = linesOf(table).filter((line) => !line.hidden);
  const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = table.classList.contains("grid") ? gridRows(data, headings, lines) : tableRows(data, table, headings, lines);
  const [names, values] = [Object.keys(fixed), Object.values(fixed)];
  const all = rows.map((row, index) => [...(index === 0 ? names : values), ...row]);
  return all.map((row) => row.map(csvField).join(",") + "\r\n").join("");
}

/** Return a line for each arm and task: what was decided, the difference and its interval. */
function gridRows(data, headings, lines) {
  const rows = [["arm", "task", "outcome", "difference", "low", "high", "notes"].map((name) => phrase(data, name))];
  for (const line of lines) {
    const [name, ...cells] = line.cells;
    cells.forEach((cell, index) => {
      const [word, main, detail] = [".word", ".num", "small"].map((part) => (cell.querySelector(part)?.textContent ?? "").trim());
      const ends = FORMS[0][0].exec(asAscii(detail));
      const isDifference = numberOf(data, cell) !== null;
      const notes = isDifference ? (ends ? ends[3] ?? "" : detail) : [main, detail].join(" ").trim();
      rows.push([textOf(name), headings[index + 1], word.replace(MARKS_FIRST, ""), isDifference ? main : "", ends?.[1] ?? "", ends?.[2] ?? "", notes]);
    });
  }
  return rows;
}

/** Return the lines of a table, columns of several numbers split. */
function tableRows(data, table, headings, lines) {
  const isGrouped = table.tBodies.length > 1;
  const names = isGrouped ? [phrase(data, "claim"), ...headings] : headings;
  const texts = lines.map((line) => (isGrouped ? [...line.rows].flatMap((row) => [...row.cells]) : [...line.cells]).map(textOf));
  const columns = names.map((name, column) => splitColumn(data, name, texts.map((row) => row[column] ?? "")));
  return [columns.flatMap(({ names: parts }) => parts), ...texts.map((_, line) => columns.flatMap(({ rows }) => rows[line]))];
}

/** Return a column, or the columns of the numbers that each of its cells holds. */
function splitColumn(data, name, texts) {
  const plain = texts.map(asAscii);
  const [form, parts] = FORMS.find(([one]) => plain.some((text) => one.test(text))) ?? [null, []];
  if (form === null) return { names: [name], rows: texts.map((text) => [plainValue(text)]) };
  const matches = plain.map((text) => form.exec(text));
  const hasNotes = matches.some((match) => match && match[parts.length + 1]);
  const rows = matches.map((match, line) => {
    const values = match ? match.slice(1, parts.length + 1) : [plainValue(texts[line]), ...Array(parts.length - 1).fill("")];
    return hasNotes ? [...values, match?.[parts.length + 1] ?? ""] : values;
  });
  const headings = [...parts, ...(hasNotes ? ["notes"] : [])].map((part) => (part === null ? name : name + ": " + phrase(data, part)));
  return { names: headings, rows };
}

/** Return a cell of one number as that number, such as 1500000 for "1.5 M"; other texts without their mark. */
function plainValue(text) {
  const match = new RegExp(`^(${NUMBER})(?: ([kMGTPE]))?$`).exec(asAscii(text));
  if (match === null) return text.replace(MARKS_FIRST, "");
  return match[2] ? String(Number((Number(match[1]) * PREFIXES[match[2]]).toPrecision(12))) : match[1];
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
  const link = element("a", { href: address, download: name.replace(/[^\p{L}\p{N}_.%-]+/gu, "-") });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
