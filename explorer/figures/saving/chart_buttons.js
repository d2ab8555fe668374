// Two buttons on every Plotly chart, which save it as a picture (picture.js).
(() => {
  if (window.explorerChartButtons) return; // pages share this window
  window.explorerChartButtons = true;

  const titleOf = (chart) => chart.closest("[aria-label]")?.getAttribute("aria-label") ?? "";
  const fileName = (title) => title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "chart";

  function buttonsOf(chart) {
    const made = document.createElement("div");
    made.className = "chart-buttons";
    made.dataset.control = "";
    for (const kind of ["SVG", "PNG"]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = kind;
      button.title = `Save this chart as ${kind}`;
      button.setAttribute("aria-label", button.title);
      button.onclick = () => {
        const title = titleOf(chart);
        window.explorerPictures.save(chart, kind.toLowerCase(), fileName(title), title);
      };
      made.append(button);
    }
    return made;
  }

  function addButtons() {
    for (const chart of document.querySelectorAll(".js-plotly-plot"))
      if (!chart.querySelector(":scope > .chart-buttons")) chart.append(buttonsOf(chart));
  }

  let isAsked = false;
  new MutationObserver(() => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      addButtons();
    });
  }).observe(document.body, { childList: true, subtree: true });
  addButtons();
})();
