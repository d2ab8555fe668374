const dark = matchMedia("(prefers-color-scheme: dark)");
function theme(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--st-" + name).trim();
}
function look(layout) {
  const colour = theme("text-color");
  const made = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", "font.color": colour };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    made[name + ".gridcolor"] = made[name + ".zerolinecolor"] = theme("border-color");
  }
  return made;
}
async function drawFigure(place, figure) {
  const { template, ...layout } = figure.layout;
  await Plotly.newPlot(place, figure.data, layout,
    { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["toImage"] });
  const paint = () => Plotly.relayout(place, look(figure.layout));
  dark.addEventListener("change", paint);
  await paint();
}
async function drawView(place, view) {
  const address = URL.createObjectURL(new Blob([view.js], { type: "text/javascript" }));
  const { default: draw } = await import(address);
  const parentElement = place.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = view.css;
  parentElement.append(style);
  const data = view.bytes === undefined
    ? view.data
    : Uint8Array.from(view.bytes.match(/../g) ?? [], (digits) => parseInt(digits, 16));
  const ignore = () => {};
  draw({ data, parentElement, key: "", name: "", setStateValue: ignore, setTriggerValue: ignore });
}
for (const section of document.querySelectorAll("section")) {
  const shown = JSON.parse(section.querySelector("script").textContent);
  const place = section.querySelector(".picture");
  const drawn = shown.figure ? drawFigure(place, shown.figure) : drawView(place, shown);
  drawn.then(() => { place.dataset.drawn = "true"; });
}
