// Puts the tools on the page. What the report printed stays as it is until a reader asks for more.

function start() {
  const data = embedded();
  startScores(data);
  for (const scroll of document.querySelectorAll(".scroll[data-slug]")) equip(data, scroll.querySelector("table"), scroll.dataset.slug);
  startComparison(data);
  startWins(data);
  startCosts(data);
  addFigureSpots(data);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  for (const moved of ["wheel", "touchmove"]) document.addEventListener(moved, hideTip, { passive: true });
  document.documentElement.dataset.isReady = "yes";
}

start();
