// Heat maps take part in the page's one hover: pointing at a cell lights its words everywhere, and
// pointing at a word marks its rows and columns. What each row and column stands for is in the
// figure's `meta.hover`; see `HoverWords`.
(() => {
  if (window.explorerChartsAreLinked) return; // pages share this window
  window.explorerChartsAreLinked = true;

  // As `pointAt` in components/common.js.
  const pointAt = (words) => window.dispatchEvent(new CustomEvent("explorer:point", { detail: words }));
  const hoverOf = (chart) => chart.layout?.meta?.hover;

  function point(chart, event) {
    const hover = hoverOf(chart);
    if (!hover) return;
    const words = { source: [], target: [] };
    for (const [name, values] of [["rows", event.yvals], ["columns", event.xvals]]) {
      const axis = hover[name];
      words[axis.side] = [...words[axis.side], ...(axis.words[Math.round(values[0])] ?? [])];
    }
    pointAt(words);
  }

  // Frames over the lines of the words pointed at.
  function mark(chart, words) {
    chart.querySelectorAll(".linked-line").forEach((line) => line.remove());
    const hover = hoverOf(chart);
    const { xaxis, yaxis } = chart._fullLayout ?? {};
    if (!words || !hover || !yaxis) return;
    for (const [name, axis] of [["rows", yaxis], ["columns", xaxis]])
      hover[name].words.forEach((own, line) => {
        if (own.some((word) => words[hover[name].side].includes(word))) chart.append(frame(name, line, axis, xaxis, yaxis));
      });
  }

  function frame(name, line, axis, xaxis, yaxis) {
    const ends = [axis.l2p(line - 0.5), axis.l2p(line + 0.5)].sort((a, b) => a - b);
    const [start, size] = [axis._offset + ends[0], ends[1] - ends[0]];
    const made = document.createElement("div");
    made.className = `linked-line ${name}`;
    made.dataset.control = ""; // of the pointer, not of the picture
    const [left, top, width, height] =
      name === "rows" ? [xaxis._offset, start, xaxis._length, size] : [start, yaxis._offset, size, yaxis._length];
    Object.assign(made.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    return made;
  }

  function join(chart) {
    if (!chart._ev || chart.linkedTo === chart._ev) return; // a chart drawn anew has lost its listeners
    chart.linkedTo = chart._ev;
    chart.on("plotly_hover", (event) => point(chart, event));
    chart.on("plotly_unhover", () => pointAt(null));
  }

  const charts = () => document.querySelectorAll(".js-plotly-plot");
  let isAsked = false;
  new MutationObserver(() => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      charts().forEach(join);
    });
  }).observe(document.body, { childList: true, subtree: true });
  window.addEventListener("explorer:point", ({ detail }) => charts().forEach((chart) => mark(chart, detail)));
})();
