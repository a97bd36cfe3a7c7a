// Elements, words and numbers. All text enters the page as text nodes, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const MAX_SEEDS = 24; // that are told one by one

/** Return the data that the report embedded. */
function embedded() {
  return JSON.parse(document.getElementById("data").textContent);
}

/** Return a new element with attributes and children; strings become text nodes. */
function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Likewise for a part of a drawing. */
function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Return a name that may be broken after each underscore, for narrow columns. */
function breakable(text) {
  const parts = text.split("_");
  return parts.flatMap((part, index) => (index < parts.length - 1 ? [part + "_", element("wbr")] : [part]));
}

/** Return a phrase of the page's language, its placeholders filled in. */
function phrase(data, name, values = {}) {
  return data.words[name].replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

/** Return columns that say the same on every line, by their headings. */
function fixedColumns(data, values) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [phrase(data, name), value]));
}

/** Return a value as tables print it: in the unit of its metric, with a true minus sign. */
function shownNumber(value, measure, isSigned = false) {
  const shown = measure.factor * value;
  const size = Math.abs(shown);
  const text = size < 1e8 ? withCommas(roundedHalfEven(size, measure.digits)) : threeDigits(size);
  if (shown < 0) return "\u2212" + text;
  return isSigned ? "+" + text : text;
}

/** Round as Python does: a tie, which only a sum of halves can be, goes to the even digit. */
function roundedHalfEven(size, digits) {
  const isTie = Math.abs((size * 2 ** (digits + 1)) % 2) === 1;
  if (!isTie) return size.toFixed(digits);
  const below = Math.floor(size * 10 ** digits);
  return ((below % 2 === 0 ? below : below + 1) / 10 ** digits).toFixed(digits);
}

function withCommas(text) {
  const [whole, rest] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? grouped : grouped + "." + rest;
}

function threeDigits(size) {
  return size.toExponential(2).replace(/\.?0+e/, "e").replace(/e\+(\d)$/, "e+0$1");
}

/** Return a value as tables print it, or the word for none. */
function numberOrNone(data, value, measure, isSigned = false) {
  return value === null ? phrase(data, "none") : shownNumber(value, measure, isSigned);
}

/** Return "[low, high]" of a difference. */
function shownInterval(data, low, high, measure) {
  return low === null ? phrase(data, "no_interval") : bracketed(low, high, measure, true);
}

function bracketed(low, high, measure, isSigned) {
  return "[" + shownNumber(low, measure, isSigned) + ", " + shownNumber(high, measure, isSigned) + "]";
}

/** Return a mean with its interval, where it has one, and its unit; the word for none without a mean. */
function inWords(data, { mean, low, high }, measure, isSigned = false) {
  if (mean === null) return phrase(data, "none");
  const interval = low === null ? "" : " " + bracketed(low, high, measure, isSigned);
  return shownNumber(mean, measure, isSigned) + interval + " " + measure.unit;
}

/** Return the values of the first seeds, each after its seed. */
function bySeed(data, values, measure, isSigned = false) {
  const seeds = values.slice(0, MAX_SEEDS).map((value, seed) => data.seeds[seed] + ": " + numberOrNone(data, value, measure, isSigned));
  return phrase(data, "by_seed") + " " + seeds.join(", ") + (values.length > MAX_SEEDS ? ", \u2026" : "");
}

/** Return three digits, or more, and a prefix of the SI, as in "1.2 PFLOP". */
function withPrefix(value, unit, digits = 3) {
  for (const [power, prefix] of [[18, "E"], [15, "P"], [12, "T"], [9, "G"], [6, "M"], [3, "k"]]) {
    if (Math.abs(value) >= (1 - 0.5 * 10 ** -digits) * 10 ** power) {
      return Number((value / 10 ** power).toPrecision(digits)) + " " + prefix + unit;
    }
  }
  return (Number(value.toPrecision(digits)) + " " + unit).trim();
}
