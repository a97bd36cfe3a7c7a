// The tools of any table that is on the page: headings that sort, a filter, a CSV of what is shown.

/**
 * Give a table its tools, once.
 *
 * name: of the file that is saved; fixed: columns of it that say the same on every line.
 */
function equip(data, table, name, fixed = {}) {
  if (table.dataset.isEquipped) return;
  table.dataset.isEquipped = "yes";
  const groups = linesOf(table);
  const order = new Map(groups.map((group, index) => [group, index]));
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => addSorting(data, table, headings, heading, column, order));
  const scroll = table.closest(".scroll");
  const count = element("output", { class: "count" });
  const nothing = element("p", { class: "soft", hidden: true });
  const filter = element("input", {
    type: "search", placeholder: phrase(data, "filter"), "aria-label": phrase(data, "filter_rows"),
    input: () => {
      const wanted = filter.value.trim();
      const lines = linesOf(table);
      for (const line of lines) line.hidden = !line.textContent.toLowerCase().includes(wanted.toLowerCase());
      const shown = lines.filter((line) => !line.hidden).length;
      count.textContent = wanted === "" ? "" : phrase(data, "lines", { shown, all: lines.length });
      nothing.textContent = phrase(data, "no_line", { words: wanted });
      nothing.hidden = shown > 0;
    },
  });
  const save = element("button", {
    type: "button", title: phrase(data, "csv_title"),
    click: () => download(data.study + "-" + name + ".csv", asCsv(data, table, fixed)),
  }, "CSV");
  const tools = element("div", { class: "tools" }, groups.length > 1 ? filter : null, groups.length > 1 ? count : null, save);
  scroll.before(tools);
  scroll.after(nothing);
  scroll.classList.add("watched");
  new ResizeObserver(() => scroll.classList.toggle("overflows", scroll.scrollWidth > scroll.clientWidth + 1)).observe(scroll);
}

/** Replace what an area shows, and give its tables their tools. */
function fill(data, area, name, fixed, ...nodes) {
  area.replaceChildren(...nodes);
  for (const table of area.querySelectorAll("table")) equip(data, table, name, fixed);
}
