// The drawing of scores against cost, along a chosen axis.

/** The drawing of scores against cost, in place of the figure without a choice. */
function startCosts(data) {
  const printed = document.getElementById("cost-figures");
  const area = element("div", { id: "cost-chart" });
  const axes = ["tokens", "flops", "seconds"];
  const units = ["", "FLOP", "s"];
  const chosen = { axis: 1, setting: 0, column: 0 };
  const points = () => {
    const setting = data.settings[chosen.setting];
    return data.arms.flatMap((arm, index) => {
      const costs = setting.costs[index];
      const result = score(data, setting, chosen.column, index);
      return arm.role === "trained" && costs && costs[chosen.axis] !== null && result.mean !== null ? [{ arm, cost: costs[chosen.axis], result }] : [];
    });
  };
  if (!printed || !data.settings.some((setting) => setting.costs.some((costs) => costs !== null))) return;
  chosen.column = numColumns(data.settings[0]) - 1;
  const update = () => {
    const setting = data.settings[chosen.setting];
    chosen.column = Math.min(chosen.column, numColumns(setting) - 1);
    const columns = columnsOf(data, setting);
    const { measure, name } = columns[chosen.column];
    const there = points();
    const radios = axes.map((axis, index) => {
      const radio = element("input", { type: "radio", name: "cost-axis", value: axis, change: () => { chosen.axis = index; update(); area.querySelector(`input[value=${axis}]`).focus(); } });
      radio.checked = index === chosen.axis;
      return element("label", {}, radio, " " + phrase(data, axis));
    });
    const controls = element("div", { class: "controls" },
      element("span", { role: "radiogroup", "aria-label": phrase(data, "cost_axis") }, ...radios),
      columns.length > 1 ? chooser(phrase(data, "score_of"), columns.map((column) => [column.index, column.name]), chosen.column, (index) => { chosen.column = index; update(); }) : null,
      data.settings.length > 1 ? chooser(phrase(data, "setting_label"), data.settings.map((one, index) => [index, one.label]), chosen.setting, (index) => { chosen.setting = index; update(); }) : null);
    const heading = phrase(data, "cost_heading_" + axes[chosen.axis]);
    const chart = there.length ? costChart(data, there, measure, heading, units[chosen.axis]) : element("p", {}, phrase(data, "no_costs"));
    const way = phrase(data, measure.sign > 0 ? "upper_left" : "lower_left");
    area.replaceChildren(controls, chart, element("p", { class: "soft" }, phrase(data, "chart", { name, unit: measure.unit, setting: setting.label }) + way));
  };
  printed.before(area);
  printed.hidden = true;
  update();
}
