// What one head of each kind attends to at this step.

const KINDS = ["encoder", "decoder", "cross"];
const TITLES = {
  encoder: "Encoded once: each source word looks at all source words (rows look, columns are looked at;",
  decoder: "This step looks at what is written so far (masked self-attention,",
  cross: "This step looks at the source (cross-attention,",
};

function drawBlocks(root) {
  const { meta, view } = root;
  if (root.drawnFor !== meta.run) buildBlocks(root);
  root.drawnFor = meta.run;
  root.layerSelect.value = view.layer;
  root.headSelect.value = view.head;
  const read = meta.steps.slice(0, view.step - 1).map((step) => step.text);
  fill(root, "decoder", [meta.start, ...read]);
  fill(root, "cross", meta.source.map((token) => token.text));
  drawMatrix(root);
  root.hint.textContent = lateHint(root);
  root.word.placeholder = `instead of “${meta.steps[view.step - 1].text}”`;
}

function buildBlocks(root) {
  const { meta } = root;
  const choose = control(element("div", "choose"));
  root.layerSelect = select("Layer", meta.n_layers, (layer) => change(root, { layer }));
  root.headSelect = select("Head", meta.n_heads, (head) => change(root, { head }));
  choose.append(root.layerSelect.parentElement, root.headSelect.parentElement);
  const form = wordForm(root);
  if (meta.can_change) choose.append(form);
  root.strips = {};
  const blocks = KINDS.map((kind) => {
    const block = element("section", `block ${kind}`);
    root.strips[kind] = element("div", "strip");
    block.append(element("h3", ""), root.strips[kind]);
    return block;
  });
  root.hint = element("div", "hint");
  blocks[KINDS.indexOf("cross")].append(root.hint);
  root.canvas = element("canvas", "matrix");
  root.canvas.setAttribute("role", "img");
  root.strips.encoder.append(root.canvas);
  root.blocks.replaceChildren(choose, ...blocks);
}

function select(label, n, onchange) {
  const wrapper = element("label", "select", `${label} `);
  const made = element("select", "");
  for (let i = 1; i <= n; i++) made.append(new Option(String(i), String(i)));
  made.onchange = () => onchange(Number(made.value));
  wrapper.append(made);
  return made;
}

function weightsOf(root, kind, number = root.view.layer) {
  const { layers, heads, rows, columns, first } = root.meta.weights[kind];
  const layer = layers.indexOf(number);
  const head = heads.indexOf(root.view.head);
  if (layer < 0 || head < 0) return null;
  const size = rows * columns;
  const matrix = weightsAt(root.values, first + 2 * (layer * heads.length + head) * size, size);
  matrix.width = columns;
  return matrix;
}

function nameBlock(root, kind) {
  const { layer, head } = root.view;
  root.strips[kind].previousElementSibling.textContent = `${TITLES[kind]} layer ${layer}, head ${head})`;
}

// One chip a key: the row of the chosen head at this step.
function fill(root, kind, texts) {
  const matrix = weightsOf(root, kind);
  nameBlock(root, kind);
  const start = (root.view.step - 1) * (matrix?.width ?? 0);
  const chips = texts.map((text, index) => {
    const chip = element("span", "cell");
    const share = matrix ? matrix[start + index] : 0;
    chip.style.setProperty("--share", Math.sqrt(share));
    chip.append(tokenElement("text", text), element("span", "share", matrix ? percent(share) : "…"));
    return chip;
  });
  root.strips[kind].replaceChildren(...(exists(root, kind) ? chips : [element("i", "", lacking(root, kind))]));
}

function exists(root, kind) {
  const { n_layers, n_heads } = root.meta.weights[kind];
  return root.view.layer <= n_layers && root.view.head <= n_heads;
}

function lacking(root, kind) {
  const { n_layers, n_heads } = root.meta.weights[kind];
  return `This stack has ${n_layers} layers of ${n_heads} heads: there is no layer ${root.view.layer}, head ${root.view.head}.`;
}

// A head that finds a word's source when the word is read: whose row this is, and where to look on.
function lateHint(root) {
  const { meta, view } = root;
  const [layer, head] = meta.late ?? [];
  if (layer !== view.layer || head !== view.head) return "";
  const quoted = (step) => `“\u2068${meta.steps[step - 1].text}\u2069”`;
  const looks =
    view.step > 1
      ? `This head looks at the source of the word just written, ${quoted(view.step - 1)}.`
      : "This head looks at the source of the word just written, and none is written yet.";
  const on = view.step < meta.steps.length ? ` Its look for ${quoted(view.step)} comes in the next step.` : "";
  return looks + on;
}

function drawMatrix(root) {
  nameBlock(root, "encoder");
  const matrix = weightsOf(root, "encoder");
  const n = root.meta.weights.encoder.columns;
  root.canvas.setAttribute(
    "aria-label",
    exists(root, "encoder")
      ? `Encoder self-attention of layer ${root.view.layer}, head ${root.view.head}: ${n} source pieces look at ${n}`
      : lacking(root, "encoder"),
  );
  root.canvas.width = root.canvas.height = n;
  if (!matrix) return;
  const context = root.canvas.getContext("2d");
  const image = context.createImageData(n, n);
  const [red, green, blue] = root.meta.colour;
  matrix.forEach((share, i) => image.data.set([red, green, blue, 255 * Math.sqrt(share)], 4 * i));
  context.putImageData(image, 0, 0);
}
