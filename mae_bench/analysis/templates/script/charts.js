// Drawings of what the page computes: differences from the chosen baseline, scores against cost.

/** Return a scale from values to a stretch of the drawing, with some room at both ends. */
function scaleOf(values, from, to) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const only = low === high ? low : null;
  if (only !== null) [low, high] = [low - 0.1 * (Math.abs(low) || 1), high + 0.1 * (Math.abs(high) || 1)];
  const room = 0.06 * (high - low);
  const scale = (value) => from + ((value - low + room) / (high - low + 2 * room)) * (to - from);
  return Object.assign(scale, { low: low - room, high: high + room, only });
}

/** Return three to six round values inside a scale; of a single value that one. */
function ticksOf({ low, high, only }) {
  if (only !== null) return [only];
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push(Number(at.toPrecision(12)));
  return ticks;
}

/** Return names of ticks with a prefix of the SI, of as few digits as tell them apart. */
function distinct(ticks) {
  for (let digits = 3; digits < 12; digits += 1) {
    const names = ticks.map((tick) => withPrefix(tick, "", digits));
    if (new Set(names).size === names.length) return names;
  }
  return ticks.map(String);
}

/** Return the element of a hollow mark that stands on its corner, for what was not tested. */
function diamond(x, y, size) {
  return ["path", { d: `M${x} ${y - size}L${x + size} ${y}L${x} ${y + size}L${x - size} ${y}Z` }];
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
    picture.append(drawn("text", { class: "name", x: left - 8, y: y + 4, "text-anchor": "end" }, shortened(arm.label, 15)));
    if (result.mean === null) return;
    const at = (value) => scale(measure.factor * value);
    if (result.low !== null) {
      picture.append(drawn("line", { x1: at(result.low), x2: at(result.high), y1: y, y2: y, stroke: arm.colour, "stroke-width": 2.4 }));
    }
    const isDecided = word === "wins" || word === "loses";
    const shape = word === "not_tested" ? diamond(at(result.mean), y, 5.4) : ["circle", { cx: at(result.mean), cy: y, r: 4.6 }];
    picture.append(drawn(shape[0], { ...shape[1], class: isDecided ? "mark" : "mark hollow", stroke: arm.colour, fill: arm.colour }));
    spots.push([at(result.mean) / width, y / height, text]);
  });
  return withSpots(data, picture, spots);
}

/** Draw scores against what a pretraining cost. */
function costChart(data, points, measure, heading, unit) {
  const isNarrow = window.matchMedia("(max-width: 640px)").matches;
  const [width, height, left, bottom] = isNarrow ? [350, 300, 40, 252] : [680, 340, 52, 292];
  const across = scaleOf(points.map((point) => point.cost), left + 20, width - 90);
  const ends = points.flatMap(({ result }) => [result.mean, result.low ?? result.mean, result.high ?? result.mean]);
  const up = scaleOf(ends.map((value) => measure.factor * value), bottom, 12);
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", "aria-hidden": "true" });
  for (const tick of ticksOf(up)) {
    picture.append(
      drawn("line", { class: "rule", x1: left, x2: width - 10, y1: up(tick), y2: up(tick) }),
      drawn("text", { x: left - 8, y: up(tick) + 4, "text-anchor": "end" }, plainTick(tick)));
  }
  const ticks = ticksOf(across);
  distinct(ticks).forEach((name, index) => {
    picture.append(drawn("text", { x: across(ticks[index]), y: bottom + 18, "text-anchor": "middle" }, name));
  });
  picture.append(drawn("text", { x: (left + width) / 2, y: bottom + 40, "text-anchor": "middle" }, heading));
  const spots = [];
  const centres = points.map(({ cost, result }) => [across(cost), up(measure.factor * result.mean)]);
  const taken = centres.map(([x, y]) => [x - 7, x + 7, y - 7, y + 7]);
  points.forEach(({ arm, cost, result }, index) => {
    const [x, y] = centres[index];
    if (result.low !== null) {
      const [low, high] = [result.low, result.high].map((value) => up(measure.factor * value));
      picture.append(drawn("line", { x1: x, x2: x, y1: low, y2: high, stroke: arm.colour, "stroke-width": 2 }));
    }
    picture.append(drawn("circle", { class: "mark", cx: x, cy: y, r: 5.4, stroke: arm.colour, fill: arm.colour }));
    const name = shortened(arm.label, 16);
    const free = freeBox(x, y, 6.9 * name.length, width, taken);
    if (free !== null) { // where there is no room, the pointer still tells
      taken.push(free.box);
      picture.append(drawn("text", { class: "name", x: free.x, y: free.y, "text-anchor": free.anchor }, name));
    }
    spots.push([x / width, y / height, arm.label + ": " + inWords(data, result, measure) + ", " + withPrefix(cost, unit)]);
  });
  return withSpots(data, picture, spots);
}

/** Return where a name beside a mark covers nothing; null where there is no such spot. */
function freeBox(x, y, length, width, taken) {
  for (const dy of [0, 13, -13, 25, -25]) {
    for (const [anchor, dx] of [["start", 10], ["end", -10]]) {
      const from = anchor === "start" ? x + dx : x + dx - length;
      const box = [from, from + length, y + dy - 7, y + dy + 7];
      const isInside = box[0] > 0 && box[1] < width;
      const isFree = taken.every((other) => box[1] < other[0] || other[1] < box[0] || box[3] < other[2] || other[3] < box[2]);
      if (isInside && isFree) return { box, anchor, x: x + dx, y: y + dy + 4 };
    }
  }
  return null;
}

function shortened(text, most) {
  return text.length > most ? text.slice(0, most - 1) + "\u2026" : text;
}

function withSpots(data, picture, spots) {
  const holder = element("div", { class: "spots" }, picture);
  addSpots(data, holder, () => spots);
  return holder;
}
