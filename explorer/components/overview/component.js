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
  const made = element("div", className, text);
  made.setAttribute("aria-hidden", "true");
  return made;
}

function build(root, nLayers, nHeads, of) {
  root.grid = element("div", "grid");
  root.grid.setAttribute("role", "group");
  root.grid.setAttribute("aria-label", "All heads: layers downwards, heads across");
  root.grid.style.setProperty("--heads", nHeads);
  root.grid.append(label("", "corner"));
  for (let head = 1; head <= nHeads; head++) root.grid.append(label(String(head), "head"));
  root.tiles = [];
  for (let layer = 1; layer <= nLayers; layer++) {
    root.grid.append(label(`Layer ${layer}`, "layer"));
    for (let head = 1; head <= nHeads; head++) root.grid.append(tile(root, layer, head));
  }
  root.preview = control(element("figure", "preview"));
  root.preview.setAttribute("aria-hidden", "true");
  root.preview.append(element("canvas", ""), element("figcaption", ""));
  root.replaceChildren(root.grid, root.preview, pictureButtons(root, ["heads", of.split(":")[0]].filter(Boolean).join("-"), () => root.says));
  root.grid.onkeydown = (event) => moveFocus(event, root.tiles, nHeads);
  reaching(root.grid, (target) => preview(root, target.closest(".tile")));
  root.grid.onmouseleave = root.grid.onfocusout = () => preview(root, null);
  onPoint(root, (words) => cross(root, words));
}

function tile(root, layer, head) {
  const made = button("tile", "", () => root.choose(layer, head));
  made.name = `Layer ${layer}, head ${head}`;
  made.append(element("canvas", ""), element("span", "number"));
  root.tiles.push(made);
  return made;
}

// The tile pointed at, larger, beside it; the chosen one already stands large on the page.
function preview(root, tile) {
  root.preview.hidden = !tile || root.isPainted || tile.getAttribute("aria-pressed") === "true";
  if (root.preview.hidden) return;
  const [canvas, caption] = root.preview.children;
  const from = tile.firstChild;
  canvas.width = from.width;
  canvas.height = from.height;
  canvas.getContext("2d").drawImage(from, 0, 0);
  caption.textContent = tile.title;
  const isLeft = tile.offsetLeft > root.clientWidth / 2;
  root.preview.style.left = isLeft ? "auto" : `${tile.offsetLeft + tile.offsetWidth + 8}px`;
  root.preview.style.right = isLeft ? `${root.clientWidth - tile.offsetLeft + 8}px` : "auto";
  root.preview.style.top = `${tile.offsetTop}px`;
}

// Where the lines of the words pointed at lie, the same in every tile.
function cross(root, words) {
  for (const [name, axis] of Object.entries(root.hover ?? {})) {
    const lit = axis.words.flatMap((own, line) => (own.some((word) => words?.[axis.side].includes(word)) ? [line] : []));
    const style = root.grid.style;
    style.setProperty(`--${name}-at`, lit.length ? lit[0] / axis.words.length : 0);
    style.setProperty(`--${name}-size`, lit.length ? (lit.at(-1) + 1 - lit[0]) / axis.words.length : 0);
  }
  root.grid.classList.toggle("crossed", Boolean(words));
}

function mark(tiles, nHeads, layer, head) {
  tiles.forEach((tile, index) => {
    const isChosen = index === (layer - 1) * nHeads + head - 1;
    tile.setAttribute("aria-pressed", String(isChosen));
    tile.tabIndex = isChosen || (!layer && !index) ? 0 : -1;
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

function describe(tile, tint, index) {
  const number = tile.lastChild;
  tile.classList.toggle("tinted", Boolean(tint));
  tile.style.background = tint ? tint.colours[index] : "none";
  tile.style.color = tint ? tint.inks[index] : "inherit";
  number.textContent = tint ? tint.labels[index] : "";
  tile.title = tint ? `${tile.name}: ${tint.names?.[index] ?? `${tint.title} ${tint.labels[index]}`}` : tile.name;
  tile.classList.toggle("blank", tint?.colours[index] === "transparent");
  tile.setAttribute("aria-label", tile.title);
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const { meta, palette, levels } = picture(data);
  const [nLayers, nHeads, rows, columns] = meta.shape;
  const root = keep(parentElement, "overview");
  const shape = `${nLayers}x${nHeads}`;
  if (root.dataset.shape !== shape) build(root, nLayers, nHeads, meta.of);
  root.dataset.shape = shape;
  root.choose = (layer, head) => {
    mark(root.tiles, nHeads, layer, head); // at once; the server answers later
    setStateValue("chosen", [layer, head]);
  };
  const size = rows * columns;
  root.tiles.forEach((tile, index) => {
    paint(tile.firstChild, levels.subarray(index * size, (index + 1) * size), palette, rows, columns);
    describe(tile, meta.tint, index);
  });
  mark(root.tiles, nHeads, ...(meta.chosen ?? []));
  root.hover = meta.hover;
  root.isPainted = Boolean(meta.tint?.names); // nothing but its colour to enlarge
  const framed = meta.chosen ? ` Framed: layer ${meta.chosen[0]}, head ${meta.chosen[1]}.` : "";
  root.says = `${meta.of ? `${meta.of}. ` : ""}${meta.title}, layers downwards${meta.tint ? `: ${meta.tint.title}` : ""}.${framed}`;
  preview(root, null);
}
