// Values: palette (RGB triples), then one byte a weight.
function picture(data) {
  const { meta, values } = unpack(data);
  const palette = values.subarray(0, meta.palette_bytes);
  return { meta, palette, levels: values.subarray(meta.palette_bytes) };
}

function paint(canvas, levels, palette, rows, columns) {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < levels.length; i++) {
    const from = 3 * levels[i];
    image.data[4 * i] = palette[from];
    image.data[4 * i + 1] = palette[from + 1];
    image.data[4 * i + 2] = palette[from + 2];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function label(text, className) {
  const element = document.createElement("div");
  element.className = className;
  element.textContent = text;
  element.setAttribute("aria-hidden", "true");
  return element;
}

function build(root, nLayers, nHeads, choose) {
  root.replaceChildren();
  root.style.setProperty("--heads", nHeads);
  root.append(label("", "corner"));
  for (let head = 1; head <= nHeads; head++) root.append(label(String(head), "head"));
  const tiles = [];
  for (let layer = 1; layer <= nLayers; layer++) {
    root.append(label(`Layer ${layer}`, "layer"));
    for (let head = 1; head <= nHeads; head++) {
      const tile = document.createElement("button");
      tile.type = "button";
      tile.className = "tile";
      tile.title = `Layer ${layer}, head ${head}`;
      tile.setAttribute("aria-label", tile.title);
      tile.append(document.createElement("canvas"));
      tile.onclick = () => choose(layer, head);
      root.append(tile);
      tiles.push(tile);
    }
  }
  return tiles;
}

function mark(tiles, nHeads, layer, head) {
  tiles.forEach((tile, index) => {
    const chosen = index === (layer - 1) * nHeads + head - 1;
    tile.setAttribute("aria-pressed", String(chosen));
    tile.tabIndex = chosen ? 0 : -1;
  });
}

function moveFocus(event, tiles, nHeads) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -nHeads, ArrowDown: nHeads };
  const at = tiles.indexOf(event.target.closest(".tile"));
  const next = tiles[at + steps[event.key]];
  if (at < 0 || !(event.key in steps)) return;
  event.preventDefault();
  if (next) next.focus();
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const { meta, palette, levels } = picture(data);
  const [nLayers, nHeads, rows, columns] = meta.shape;
  const root = keep(parentElement, "overview");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "All heads: layers downwards, heads across");
  const shape = `${nLayers}x${nHeads}`;
  if (root.dataset.shape !== shape) {
    root.tiles = build(root, nLayers, nHeads, (layer, head) => root.choose(layer, head));
    root.dataset.shape = shape;
  }
  root.choose = (layer, head) => {
    mark(root.tiles, nHeads, layer, head); // at once; the server answers later
    setStateValue("chosen", [layer, head]);
  };
  root.onkeydown = (event) => moveFocus(event, root.tiles, nHeads);
  root.tiles.forEach((tile, index) => {
    const size = rows * columns;
    paint(tile.firstChild, levels.subarray(index * size, (index + 1) * size), palette, rows, columns);
  });
  mark(root.tiles, nHeads, ...meta.chosen);
}
