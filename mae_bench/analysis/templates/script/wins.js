// Arm against arm: how often each wins, loses and is undecided; and where.

const MAX_ARMS = 30; // of the matrix

/** Return the matrix of wins; a press on a field calls onChoose with its two arms. */
function winsMatrix(data, settings, onChoose) {
  const arms = comparedArms(data).slice(0, MAX_ARMS);
  const head = element("tr", {}, element("th", { scope: "col" }, phrase(data, "arm")),
    ...arms.map((arm) => element("th", { scope: "col" }, ...breakable(data.arms[arm].label))), element("th", { scope: "col" }, phrase(data, "all_wins")));
  const body = element("tbody");
  for (const one of arms) {
    const row = element("tr", {}, element("th", { scope: "row" }, ...breakable(data.arms[one].shown)));
    let total = 0;
    for (const other of arms) {
      const counts = record(data, settings, one, other);
      total += counts.wins;
      row.append(one === other ? element("td", { class: "self" }, "\u00B7") : matrixCell(data, one, other, counts, onChoose));
    }
    row.append(element("td", { class: "total" }, String(total)));
    body.append(row);
  }
  const table = element("table", { class: "data matrix" }, element("thead", {}, head), body);
  return element("div", { class: "scroll wide", tabindex: "0", role: "region", "aria-label": phrase(data, "matrix") }, table);
}

function matrixCell(data, one, other, counts, onChoose) {
  const { wins, loses, undecided } = counts;
  const kind = wins === loses ? (wins ? "even" : "undecided") : wins > loses ? "wins" : "loses";
  const names = { arm: data.arms[one].label, other: data.arms[other].label };
  if (wins + loses + undecided === 0) return element("td", { class: "self" }, named(data, "not_tested"));
  const button = element("button", {
    type: "button", "aria-label": phrase(data, "record", { ...names, wins, loses, undecided }), click: () => onChoose(one, other),
  }, element("b", {}, String(wins)), " / " + loses + " / " + undecided);
  explain(button, () => phrase(data, "record", { ...names, wins, loses, undecided }));
  return element("td", { class: kind }, button);
}

/** Return the list of settings and tasks where one arm beats or is beaten by another. */
function whereItWon(data, settings, one, other, hasUndecided) {
  const body = element("tbody");
  for (const setting of settings) {
    for (const column of columnsOf(data, setting).slice(0, setting.tasks.length)) {
      const result = paired(data, setting, column.index, one, other);
      const word = outcome(data, setting, column.index, one, other, result.n);
      if (word !== "wins" && word !== "loses" && !(hasUndecided && word === "undecided")) continue;
      body.append(element("tr", { class: "of-" + word }, element("th", { scope: "row" }, column.name), element("td", {}, setting.label),
        element("td", {}, SIGNS[word] + named(data, word)), element("td", {}, numberOrNone(data, result.mean, column.measure, true)),
        element("td", {}, shownInterval(data, result.low, result.high, column.measure)), element("td", {}, column.measure.unit), element("td", {}, String(result.n))));
    }
  }
  if (!body.rows.length) return element("p", { class: "soft" }, phrase(data, "nowhere"));
  const names = ["task", "setting", "outcome", "difference", "interval", "unit", "seeds"];
  const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, phrase(data, name))));
  const table = element("table", { class: "data" }, element("thead", {}, head), body);
  return element("div", { class: "scroll wide", tabindex: "0", role: "region", "aria-label": phrase(data, "where_title") }, table);
}

/** The matrix of wins, and under it the list of where. */
function startWins(data) {
  const section = document.getElementById("wins");
  const arms = comparedArms(data);
  if (!section || arms.length < 2 || !data.settings.some((setting) => setting.beaten !== null)) return;
  const scored = data.settings.filter((setting) => !setting.isOfCorpus);
  const best = (arm) => record(data, scored, arm, data.control).wins;
  const others = arms.filter((arm) => arm !== data.control && data.arms[arm].role !== "untrained");
  const first = !others.length || others.length > MAX_ARMS ? others[0] ?? arms.find((arm) => arm !== data.control) : others.reduce((one, other) => (best(other) > best(one) ? other : one));
  const chosen = { one: first, other: arms.includes(data.control) ? data.control : arms.find((arm) => arm !== first), scope: scored.length ? -1 : 0, hasUndecided: false };
  const counted = element("p", { class: "soft" });
  const [matrix, list, selects] = [element("div"), element("div"), element("div", { class: "controls" })];
  const settings = () => (chosen.scope < 0 ? scored : [data.settings[chosen.scope]]);
  const scopeName = () => "-" + (chosen.scope < 0 ? "all" : data.settings[chosen.scope].label);
  const updateList = () => {
    const undecided = element("input", { type: "checkbox", change: () => { chosen.hasUndecided = undecided.checked; updateList(); } });
    undecided.checked = chosen.hasUndecided;
    selects.replaceChildren(
      chooser(phrase(data, "where_arm"), armOptions(data, arms), chosen.one, (arm) => { chosen.one = arm; updateList(); }),
      chooser(phrase(data, "where_against"), armOptions(data, arms), chosen.other, (arm) => { chosen.other = arm; updateList(); }),
      element("label", {}, undecided, " " + phrase(data, "with_undecided")));
    const [arm, against] = [chosen.one, chosen.other].map((index) => data.arms[index].label);
    fill(data, list, "where-" + arm + "-" + against + scopeName(), fixedColumns(data, { arm, baseline: against }), whereItWon(data, settings(), chosen.one, chosen.other, chosen.hasUndecided));
  };
  const updateMatrix = () => {
    const num = settings().reduce((sum, setting) => sum + setting.tasks.length, 0);
    const [only] = chosen.scope < 0 ? [] : settings();
    counted.textContent = only?.isOfCorpus ? phrase(data, "no_score", { setting: only.label }) : phrase(data, "counted", { n: num });
    fill(data, matrix, "wins" + scopeName(), fixedColumns(data, { setting: scopes.find(([value]) => value === chosen.scope)[1] }), winsMatrix(data, settings(), (one, other) => {
      Object.assign(chosen, { one, other });
      updateList();
      selects.querySelector("select").focus();
    }));
  };
  const update = () => { updateMatrix(); updateList(); };
  // what reads the corpus is no score of a task: it may be looked at, and is in no sum
  const names = data.settings.map((setting, index) => [index, setting.isOfCorpus ? phrase(data, "no_score", { setting: setting.label }) : setting.label]);
  const scopes = [...(scored.length ? [[-1, phrase(data, "all_settings", { n: scored.length })]] : []), ...names];
  section.append(
    element("h2", {}, phrase(data, "matrix")),
    element("p", { class: "soft" }, phrase(data, data.onlyWith === null ? "matrix_note" : "matrix_note_few") + (arms.length > MAX_ARMS ? " " + phrase(data, "first_arms", { n: MAX_ARMS, all: arms.length }) : "")),
    data.settings.length > 1 ? element("div", { class: "controls" }, chooser(phrase(data, "over"), scopes, chosen.scope, (index) => { chosen.scope = index; update(); })) : "",
    counted, matrix, element("h3", {}, phrase(data, "where_title")), selects, list);
  section.hidden = false;
  document.querySelector('nav a[href="#scores"]').before(element("a", { href: "#wins" }, phrase(data, "matrix")), "\n");
  update();
}
