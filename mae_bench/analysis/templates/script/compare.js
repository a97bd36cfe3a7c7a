// Any arm as the baseline, in any setting: the grid, and a drawing of the differences.

const SIGNS = { wins: "\u25B2 ", loses: "\u25BC ", undecided: "\u25CB ", failed: "\u2715 ", not_run: "\u2013 ", not_tested: "\u25C7 " };

/** Return the word of an outcome in the page's language. */
function named(data, word) {
  return phrase(data, "outcome_" + word);
}

/** Return a list to choose from, under a label. */
function chooser(label, options, chosen, onChange) {
  const list = element("select", { change: () => onChange(Number(list.value)) },
    ...options.map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
  return element("label", {}, label + " ", list);
}

function armOptions(data, arms) {
  return arms.map((arm) => [arm, data.arms[arm].shown]);
}

/** Return the words on one comparison: its numbers, then each seed's. */
function wordsOn(data, column, arm, result, word) {
  const { measure } = column;
  const head = data.arms[arm].label + ", " + column.name + ": " + inWords(data, result, measure, true) + ", " + named(data, word);
  return head + "\n" + bySeed(data, result.values, measure, true);
}

/** Return the columns of a setting: the tasks, and their mean. */
function columnsOf(data, setting) {
  return Array.from({ length: numColumns(setting) }, (_, index) => {
    const measure = measureOf(setting, index);
    const name = index < setting.tasks.length ? setting.tasks[index].name : phrase(data, "mean_of_tasks");
    const note = index < setting.tasks.length && measure.note ? " (" + measure.note + ")" : "";
    return { index, measure, name, heading: name + note, unit: phrase(data, "above", { unit: measure.unit }) + (measure.sign < 0 ? " (" + phrase(data, "lower_is_better") + ")" : "") };
  });
}

/** Return the grid against a baseline, and a drawing for each column. */
function comparison(data, setting, baseline) {
  const columns = columnsOf(data, setting);
  const arms = comparedArms(data).filter((arm) => arm !== baseline);
  const head = element("tr", {}, ...[phrase(data, "arm"), ...columns.map((column) => column.heading)].map((text) => element("th", { scope: "col" }, text)));
  const body = element("tbody", {}, baselineRow(data, setting, baseline, columns));
  const lines = columns.map(() => []);
  for (const arm of arms) {
    const row = element("tr", {}, element("th", { scope: "row" }, ...breakable(data.arms[arm].shown)));
    for (const column of columns) {
      const result = paired(data, setting, column.index, arm, baseline);
      const word = outcome(data, setting, column.index, arm, baseline, result.n);
      const text = () => wordsOn(data, column, arm, result, word);
      row.append(comparisonCell(data, column, result, word, text));
      lines[column.index].push({ arm: data.arms[arm], result, word, text: text() });
    }
    body.append(row);
  }
  const table = element("table", { class: "grid" }, element("thead", {}, head), body);
  const scroll = element("div", { class: "scroll" + (columns.length > 2 ? " wide" : ""), tabindex: "0", role: "region", "aria-label": phrase(data, "against", { baseline: data.arms[baseline].label }) }, table);
  const isDrawn = ({ index }) => lines[index].some(({ result }) => result.mean !== null);
  const charts = columns.filter(isDrawn).slice(0, 12).map((column) => element("div", {}, element("h3", {}, column.name), differenceChart(data, column, lines[column.index])));
  const legend = element("p", { class: "soft" }, phrase(data, "legend"));
  if (!charts.length) return [scroll, legend];
  return [scroll, legend, element("div", { class: "charts" }, ...charts), element("p", { class: "soft" }, phrase(data, "chart_caption"))];
}

function baselineRow(data, setting, baseline, columns) {
  const row = element("tr", {}, element("th", { scope: "row" }, ...breakable(data.arms[baseline].shown)));
  for (const column of columns) {
    const result = score(data, setting, column.index, baseline);
    const half = result.low === null ? "" : " \u00B1 " + shownNumber((result.high - result.low) / 2, column.measure);
    row.append(gridCell("control", phrase(data, "baseline"), numberOrNone(data, result.mean, column.measure) + half, phrase(data, "its_score")));
  }
  return row;
}

function comparisonCell(data, column, result, word, text) {
  if (result.n === 0) {
    const kind = result.failed > 0 ? "failed" : "not_run";
    return gridCell(kind.replace("_", "-"), SIGNS[kind] + named(data, kind), "", "");
  }
  const notes = [shownInterval(data, result.low, result.high, column.measure)];
  if (result.n < data.seeds.length) notes.push("n=" + result.n);
  if (result.failed) notes.push(phrase(data, "num_failed", { n: result.failed }));
  if (result.collapsed) notes.push("\u2020" + result.collapsed);
  const cell = gridCell(word.replace("_", "-"), SIGNS[word] + named(data, word), shownNumber(result.mean, column.measure, true), notes.join(" "));
  explain(cell, text);
  return cell;
}

function gridCell(kind, word, main, detail) {
  return element("td", { class: kind }, element("span", { class: "word" }, word), element("span", { class: "num" }, main), element("small", {}, detail));
}

/** Return the sentences on where the words of a comparison come from. */
function explanation(data, setting, baseline) {
  if (setting.beaten === null) return phrase(data, "all_one_run");
  const parts = [phrase(data, "recomputed")];
  if (data.arms[baseline].role === "floor") parts.push(phrase(data, "floor_untested"));
  else if (baseline === data.control) parts.push(phrase(data, "words_of_control"));
  else parts.push(phrase(data, data.onlyWith === null ? "words_of_pairs" : "words_of_few_pairs", { control: data.onlyWith === null ? "" : data.arms[data.onlyWith].label }));
  return parts.join(" ");
}

/** The choice of baseline and setting, above the grid that the report printed. */
function startComparison(data) {
  const printed = document.getElementById("against");
  if (!printed || data.control === null) return;
  const area = element("div", { id: "compared", hidden: true });
  const chosen = { baseline: data.control, setting: 0 };
  const update = () => {
    const isPrinted = chosen.baseline === data.control && chosen.setting === 0;
    printed.hidden = !isPrinted;
    area.hidden = isPrinted;
    if (isPrinted) return area.replaceChildren();
    const setting = data.settings[chosen.setting];
    const baseline = data.arms[chosen.baseline].label;
    const title = element("h2", {}, phrase(data, "against", { baseline }));
    const label = element("p", { class: "soft" }, phrase(data, "said_of", { setting: setting.label }) + explanation(data, setting, chosen.baseline));
    if (setting.beaten === null) return area.replaceChildren(title, label);
    const fixed = fixedColumns(data, { baseline, setting: setting.label });
    return fill(data, area, "against-" + baseline + "-" + setting.label, fixed, title, label, ...comparison(data, setting, chosen.baseline));
  };
  const all = data.arms.map((_, index) => index);
  const controls = element("div", { class: "controls" },
    chooser(phrase(data, "baseline_label"), armOptions(data, all), chosen.baseline, (arm) => { chosen.baseline = arm; update(); }),
    data.settings.length > 1 ? chooser(phrase(data, "setting_label"), data.settings.map((setting, index) => [index, setting.label]), 0, (index) => { chosen.setting = index; update(); }) : null);
  printed.before(controls);
  printed.after(area);
  if (data.numHidden) controls.append(element("span", { class: "soft" }, phrase(data, "hidden", { n: data.numHidden })));
}
