// One box of words beside the pointer, for cells and for the marks of figures.

const NEAR = 18; // pixels from a mark within which it is pointed at

/** Return the box; it is also read aloud. */
function tip() {
  return document.getElementById("tip") ||
    document.body.appendChild(element("div", { id: "tip", role: "status", hidden: true }));
}

function showTip(text, x, y) {
  const box = tip();
  box.textContent = text;
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const right = document.documentElement.clientWidth;
  box.style.left = Math.max(4, Math.min(x + 12, right - width - 4)) + "px";
  box.style.top = (y - height - 12 > 0 ? y - height - 12 : y + 16) + "px";
}

function hideTip() {
  tip().hidden = true;
}

/** Show words on an element that is pointed at or touched; they are made when they are needed. */
function explain(node, words) {
  node.addEventListener("pointerenter", (event) => showTip(words(), event.clientX, event.clientY));
  node.addEventListener("pointerleave", hideTip);
}

/**
 * Show the values of a figure's marks, by pointer, and by arrow keys once it has the focus.
 *
 * holder: positioned element that the figure fills; spots: a function that returns [x, y, text] as
 * shares of its size, for the figure that is shown at this moment. A fourth number makes a spot the
 * small dot of a seed; a fourth and fifth are the other end of a line.
 */
function addSpots(data, holder, spots) {
  let at = -1;
  const ring = element("span", { class: "ring", hidden: true });
  const show = (index) => {
    at = index;
    const box = holder.getBoundingClientRect();
    const [x, y, text] = spots()[index];
    ring.style.left = 100 * x + "%";
    ring.style.top = 100 * y + "%";
    ring.hidden = false;
    showTip(text, box.left + x * box.width, box.top + y * box.height);
  };
  const hide = () => {
    ring.hidden = true;
    hideTip();
  };
  holder.append(ring);
  holder.addEventListener("pointermove", (event) => {
    const box = holder.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const marks = spots();
    const distances = marks.map((spot) => distanceTo(spot, x, y, box));
    const least = Math.min(...distances);
    if (least > NEAR) return hide();
    const index = distances.indexOf(least);
    if (marks[index].length < 5) return show(index);
    ring.hidden = true; // a line is pointed at anywhere along it
    return showTip(marks[index][2], event.clientX, event.clientY);
  });
  holder.addEventListener("pointerleave", hide);
  holder.addEventListener("blur", hide);
  holder.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const count = spots().filter((spot) => spot.length !== 4).length; // dots of single seeds come after the others, and are for the pointer alone
    if (event.key === "Escape") hide();
    if (!step || !count) return;
    event.preventDefault();
    show((Math.max(at, step > 0 ? -1 : 0) + step + count) % count);
  });
  holder.tabIndex = 0;
  holder.setAttribute("role", "group");
  holder.setAttribute("aria-label", phrase(data, "arrow_keys"));
}

/** Return how many pixels a point is from a spot; what is smaller than a mark lies a little further. */
function distanceTo([x1, y1, , x2, y2], x, y, { width, height }) {
  const [fromX, fromY] = [x1 * width, y1 * height];
  if (y2 === undefined) return Math.hypot(x - fromX, y - fromY) + (x2 === undefined ? 0 : 2);
  const [alongX, alongY] = [x2 * width - fromX, y2 * height - fromY];
  const share = ((x - fromX) * alongX + (y - fromY) * alongY) / (alongX ** 2 + alongY ** 2 || 1);
  const at = Math.max(0, Math.min(1, share));
  return Math.hypot(x - fromX - at * alongX, y - fromY - at * alongY) + 8;
}

/** Lay the spots of the report's own figures over them. */
function addFigureSpots(data) {
  const isNarrow = window.matchMedia("(max-width: 640px)");
  for (const figure of document.querySelectorAll("figure[data-figure]")) {
    const known = data.figures[figure.dataset.figure];
    const image = figure.querySelector("picture");
    if (!known || !known.wide.length) continue;
    const holder = element("div", { class: "spots" });
    image.before(holder);
    holder.append(image);
    addSpots(data, holder, () => (isNarrow.matches && known.narrow ? known.narrow : known.wide));
  }
}

/** The values by seed of each score, on its cell. */
function startScores(data) {
  for (const table of document.querySelectorAll("[data-setting] > table")) {
    const setting = data.settings[Number(table.parentNode.dataset.setting)];
    if (!setting) continue;
    for (const row of table.tBodies[0].rows) {
      const arm = data.arms.findIndex(({ shown }) => shown === row.cells[0].textContent.trim());
      if (arm < 0) continue;
      setting.tasks.forEach((measure, column) => explain(row.cells[column + 1], () => {
        const result = score(data, setting, column, arm);
        return data.arms[arm].label + ", " + measure.name + ": " + inWords(data, result, measure) + "\n" + bySeed(data, result.values, measure);
      }));
    }
  }
  for (const cell of document.querySelectorAll(".grid td[title], .marks i[title]")) {
    const words = cell.title;
    cell.removeAttribute("title"); // the browser's own box would lie over the page's
    explain(cell, () => words);
  }
}
