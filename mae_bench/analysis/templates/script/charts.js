// Drawings of what the page computes: differences from the chosen baseline, scores against cost.

/** Return a scale from values to a stretch of the drawing, with some room at both ends. */
function scaleOf(values, from, to) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) [low, high] = [low - 1, high + 1];
  const room = 0.06 * (high - low);
  const scale = (value) => from + ((value - low + room) / (high - low + 2 * room)) * (to - from);
  return Object.assign(scale, { low: low - room, high: high + room });
}

/** Return three to six round values inside a scale. */
function ticksOf({ low, high }) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push(Number(at.toPrecision(12)));
  return ticks;
}

function plainTick(value) {
  return String(value).replace("-", "\u2212");
}

/** Draw differences of all arms from the baseline in one column, filled where decided. */
function differenceChart(data, column, lines) {
  const [width, left, top, gap] = [320, 112, 8, 26];
  const measure = column.measure;
  const there = lines.filter((line) => line.result.mean !== null);
  const ends = there.flatMap(({ result }) => [result.mean, result.low ?? result.mean, result.high ?? result.mean]);
  const scale = scaleOf([0, ...ends].map((value) => measure.factor * value), left, width - 10);
  const height = top + gap * lines.length + 36;
  const bottom = height - 34;
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", "aria-hidden": "true" });
  for (const tick of ticksOf(scale)) {
    picture.append(
      drawn("line", { class: "rule", x1: scale(tick), x2: scale(tick), y1: top, y2: bottom }),
      drawn("text", { x: scale(tick), y: bottom + 14, "text-anchor": "middle" }, plainTick(tick)));
  }
  picture.append(
    drawn("line", { class: "zero", x1: scale(0), x2: scale(0), y1: top, y2: bottom }),
    drawn("text", { x: (left + width) / 2, y: bottom + 30, "text-anchor": "middle" }, column.unit));
  const spots = [];
  lines.forEach(({ arm, result, word, text }, index) => {
    const y = top + gap * (index + 0.5);
    picture.append(drawn("text", { class: "name", x: left - 8, y: y + 4, "text-anchor": "end" }, shortened(arm.label, 17)));
    if (result.mean === null) return;
    const at = (value) => scale(measure.factor * value);
    if (result.low !== null) {
      picture.append(drawn("line", { x1: at(result.low), x2: at(result.high), y1: y, y2: y, stroke: arm.colour, "stroke-width": 2.4 }));
    }
    const isDecided = word === "wins" || word === "loses";
    picture.append(drawn("circle", { class: isDecided ? "mark" : "mark hollow", cx: at(result.mean), cy: y, r: 4.6, stroke: arm.colour, fill: arm.colour }));
    spots.push([at(result.mean) / width, y / height, text]);
  });
  return withSpots(data, picture, spots);
}

/** Draw scores against what a pretraining cost. */
function costChart(data, points, measure, heading, unit) {
  const [width, height, left, bottom] = [640, 330, 58, 282];
  const across = scaleOf([0, ...points.map((point) => point.cost)], left, width - 110);
  const ends = points.flatMap(({ result }) => [result.mean, result.low ?? result.mean, result.high ?? result.mean]);
  const up = scaleOf(ends.map((value) => measure.factor * value), bottom, 12);
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", "aria-hidden": "true" });
  for (const tick of ticksOf(up)) {
    picture.append(
      drawn("line", { class: "rule", x1: left, x2: width - 10, y1: up(tick), y2: up(tick) }),
      drawn("text", { x: left - 8, y: up(tick) + 4, "text-anchor": "end" }, plainTick(tick)));
  }
  for (const tick of ticksOf(across).filter((tick) => tick >= 0)) {
    picture.append(drawn("text", { x: across(tick), y: bottom + 18, "text-anchor": "middle" }, withPrefix(tick, "")));
  }
  picture.append(drawn("text", { x: (left + width) / 2, y: bottom + 40, "text-anchor": "middle" }, heading));
  const spots = [];
  const taken = [];
  for (const { arm, cost, result } of points) {
    const [x, y] = [across(cost), up(measure.factor * result.mean)];
    if (result.low !== null) {
      const [low, high] = [result.low, result.high].map((value) => up(measure.factor * value));
      picture.append(drawn("line", { x1: x, x2: x, y1: low, y2: high, stroke: arm.colour, "stroke-width": 2 }));
    }
    picture.append(drawn("circle", { class: "mark", cx: x, cy: y, r: 5.4, stroke: arm.colour, fill: arm.colour }));
    const free = [0, 13, -13, 26, -26, 39, -39].find((offset) =>
      taken.every(([otherX, otherY]) => Math.abs(otherX - x) > 110 || Math.abs(otherY - y - offset) > 12)) ?? 0;
    taken.push([x, y + free]);
    picture.append(drawn("text", { class: "name", x: x + 9, y: y + 4 + free }, shortened(arm.label, 15)));
    const score = shownNumber(result.mean, measure) + " " + shownRange(result, measure);
    spots.push([x / width, y / height, arm.label + ": " + score.trim() + ", " + withPrefix(cost, unit)]);
  }
  return withSpots(data, picture, spots);
}

function shownRange({ low, high }, measure) {
  return low === null ? "" : "[" + shownNumber(low, measure) + ", " + shownNumber(high, measure) + "]";
}

function shortened(text, most) {
  return text.length > most ? text.slice(0, most - 1) + "\u2026" : text;
}

function withSpots(data, picture, spots) {
  const holder = element("div", { class: "spots" }, picture);
  addSpots(data, holder, () => spots);
  return holder;
}
