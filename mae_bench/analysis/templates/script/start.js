// Puts the tools on the page. What the report printed stays as it is until a reader asks for more.

/** Give a table of the report its tools; its CSV names the setting and the baseline. */
function equipPrinted(data, scroll) {
  const { slug, where, baseline } = scroll.dataset;
  const fixed = fixedColumns(data, { ...(baseline && { baseline }), ...(where && { setting: where }) });
  equip(data, scroll.querySelector("table"), baseline ? slug + "-" + where : slug, fixed);
}

function start() {
  const data = embedded();
  startScores(data);
  for (const scroll of document.querySelectorAll(".scroll[data-slug]")) equipPrinted(data, scroll);
  startComparison(data);
  startWins(data);
  startCosts(data);
  addFigureSpots(data);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  for (const moved of ["wheel", "touchmove"]) document.addEventListener(moved, hideTip, { passive: true });
  document.documentElement.dataset.isReady = "yes";
}

start();
