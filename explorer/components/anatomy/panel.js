// The words beside the figure: this step, or the block that is open with its own numbers.

function panel(root) {
  const block = root.meta.blocks.find((each) => each.name === root.view.block);
  root.panel.classList.toggle("open", Boolean(block));
  root.panel.replaceChildren(...(block ? ofBlock(root, block) : ofStep(root)));
}

const paragraph = (className, text) => element("p", className, text);

function ofStep(root) {
  const { meta, view, shown } = root;
  const step = meta.steps[view.step - 1];
  const why = root.pointed?.source.size ? "you point at it"
    : view.row ? "you chose it; click it again to let go"
    : `this step's cross-attention, layer ${view.layers.decoder}, head ${view.heads.cross}, gives it the largest weight of all words`;
  return [
    element("h3", "", `Step ${view.step} of ${meta.steps.length}`),
    paragraph("", `The decoder has read ${quoted(readSoFar(root))} and writes ${quoted(step.produced.text)} (${percent(taken(step).probability)}).`),
    paragraph("", `In the encoder you see the vectors of ${quoted(meta.source[shown.row].text)}: ${why}.`),
    paragraph("", `In the decoder you see those of ${quoted(meta.steps[shown.position].consumed.text)}, the token that ${shown.position === view.step - 1 ? "this step" : `step ${shown.position + 1}`} reads last.`),
    control(paragraph("hint", "Click a block for its equation and its numbers, a word at the bottom to follow it.")),
  ];
}

const quoted = (text) => `“\u2068${text}\u2069”`;
const taken = (step) => step.next_pieces.find((piece) => piece.is_taken);

// All that the decoder has read at the step, in the middle cut short.
function readSoFar(root) {
  const read = root.meta.steps.slice(0, root.view.step).map((step) => step.consumed.text);
  return (read.length > 8 ? [...read.slice(0, 2), "…", ...read.slice(-5)] : read).join(" ");
}

function ofBlock(root, block) {
  const title = element("h3", "", block.title);
  const close = button("close", "Close this block", () => open(root, ""));
  close.textContent = "×";
  const top = element("div", "top");
  top.append(title, close);
  const equation = element("p", "equation");
  equation.append(...raised(block.equation));
  equation.append(element("span", "section", `paper, section ${block.section}`));
  return [
    top, paragraph("where", whereOf(root, block)), paragraph("", block.says), equation,
    ...facts(root, block).map((line) => paragraph("fact", line)),
    ...numbersOf(root, block), ...linkOf(root, block),
  ];
}

function whereOf(root, block) {
  if (!block.name.includes(".layers.")) return { encoder: "Encoder", decoder: "Decoder" }[block.side];
  const head = block.attention ? `, head ${root.view.heads[block.attention]} of ${root.meta.n_heads}` : "";
  return `${{ encoder: "Encoder", decoder: "Decoder" }[block.side]}, layer ${root.view.layers[block.side]} of ${root.meta.n_layers[block.side]}${head}`;
}

// Shapes with the lengths of this sentence and step, and what was learnt.
function facts(root, block) {
  const { meta, view } = root;
  const shape = block.shape.replace(/\bS\b/g, meta.source.length).replace(/\bT\b/g, view.step);
  const n = block.n_parameters;
  const parameters = !n ? "No parameters of its own"
    : block.n_copies > 1 ? `${whole(n)} parameters × ${block.n_copies} layers = ${whole(n * block.n_copies)}` : `${whole(n)} parameters`;
  return [`Shapes: ${shape}`, `${parameters}${block.note ? `. ${block.note}` : ""}`];
}

// ^ and _ raise and lower the letter, or the letters in braces, after them.
function raised(text) {
  return text.split(/([\^_](?:\{[^}]*\}|[\p{L}\d]+))/u).map((part) => {
    if (!/^[\^_]./u.test(part)) return document.createTextNode(part);
    return element(part[0] === "^" ? "sup" : "sub", "", part.slice(1).replace(/^\{|\}$/g, ""));
  });
}

const list = (numbers, n = 4) => (numbers ? `${numbers.slice(0, n).map(decimal).join(", ")}${numbers.length > n ? ", …" : ""}` : "…");

// A table of real numbers: what is named, and the first numbers of it.
function table(rows) {
  const made = element("table", "");
  for (const [name, value] of rows) {
    const row = element("tr", "");
    row.append(element("th", "", name), element("td", "", value));
    made.append(row);
  }
  return made;
}

function numbersOf(root, block) {
  if (!root.meta.strips && !["attention", "equation", "softmax"].includes(block.kind))
    return [paragraph("hint", "Its numbers come when the model is loaded.")];
  return { embedding: ofEmbedding, positions: ofPositions, attention: ofAttention, equation: ofAttention,
    norm: ofNorm, feed_forward: ofUnits, linear: ofLogits, softmax: ofProbabilities }[block.kind](root, block);
}

const tokenOf = (root, side) => quoted(side === "encoder" ? root.meta.source[root.shown.row].text : root.meta.steps[root.shown.position].consumed.text);
const stripHere = (root, name, side) => stripOf(root, name, root.view.layers[side], side === "encoder" ? root.shown.row : root.shown.position);

function ofEmbedding(root, block) {
  return [table([[`${tokenOf(root, block.side)}, scaled`, list(stripHere(root, block.name, block.side))]])];
}

function ofPositions(root, block) {
  const { side } = block;
  const position = side === "encoder" ? root.shown.row : root.shown.position;
  return [table([
    ["embedding", list(stripHere(root, `${side}.embedding.tokens`, side))],
    [`+ position ${position}`, list(stripHere(root, block.name, side))],
    ["= sum", list(stripHere(root, `${side}.embedding`, side))],
  ])];
}

function ofAttention(root, block) {
  const kind = block.attention;
  const head = headOf(root, kind);
  const query = kind === "encoder" ? root.shown.row : root.shown.position;
  const texts = kind === "decoder" ? root.meta.steps.map((step) => step.consumed.text) : root.meta.source.map((token) => token.text);
  const n = kind === "decoder" ? query + 1 : texts.length;
  const order = head ? Array.from({ length: n }, (_, key) => key).sort((a, b) => head.at(query, b) - head.at(query, a)).slice(0, 4) : [];
  const rows = order.map((key) => [quoted(texts[key]), percent(head.at(query, key))]);
  const said = paragraph("", `${tokenOf(root, kind === "encoder" ? "encoder" : "decoder")} attends to${head ? "" : " …"}`);
  const output = root.meta.strips && block.kind === "attention"
    ? [paragraph("fact", `All heads together, times Wᴼ: ${list(stripHere(root, block.name, block.side))}`)] : [];
  return [said, table(rows), ...output];
}

function ofNorm(root, block) {
  const { side, name } = block;
  const layer = root.view.layers[side];
  const position = side === "encoder" ? root.shown.row : root.shown.position;
  const sublayer = stripHere(root, name.replace(/_norm$/, ""), side);
  const sum = stripHere(root, `${name}.sum`, side);
  const normed = stripHere(root, name, side);
  const norms = root.meta.strips.norms[name];
  const [mean, deviation] = ["mean", "deviation"].map((each) => ofLayer(norms, each, layer, position));
  const [gain, bias] = ["gain", "bias"].map((each) => ofLayer(norms, each, layer));
  const made = [table([
    ["x", list(sum && sum.map((each, i) => each - sublayer[i]))],
    ["+ Sublayer(x)", list(sublayer)],
    ["= sum", list(sum)],
    ["LayerNorm", list(normed)],
  ])];
  if (sum && mean !== null)
    made.push(paragraph("fact", `Its first number: the sum has mean ${decimal(mean)} and deviation ${decimal(deviation)}, so (${decimal(sum[0])}${added(-mean)}) / ${decimal(deviation)} × ${decimal(gain)}${added(bias)} = ${decimal(normed[0])}`));
  return made;
}

const added = (x) => ` ${x < 0 ? "−" : "+"} ${decimal(Math.abs(x))}`;

function ofUnits(root, block) {
  const found = root.meta.strips.hidden[block.side];
  const layer = root.view.layers[block.side];
  const position = block.side === "encoder" ? root.shown.row : root.shown.position;
  const best = strongest(found, layer, position);
  if (!best) return [];
  return [
    paragraph("", `${tokenOf(root, block.side)} sets ${whole(ofLayer(found, "n_active", layer, position))} of ${whole(root.meta.d_ff)} units above 0; the strongest are`),
    table(best.map(([unit, value]) => [`unit ${unit}`, decimal(value)])),
    paragraph("fact", `Output: ${list(stripHere(root, block.name, block.side))}`),
  ];
}

function ofLogits(root) {
  const { next_pieces: pieces } = root.meta.steps[root.view.step - 1];
  return [paragraph("", "The scores of this step"), table(pieces.map((piece) => [quoted(piece.text), decimal(piece.logit)]))];
}

function ofProbabilities(root) {
  const step = root.meta.steps[root.view.step - 1];
  const rest = 1 - step.next_pieces.reduce((sum, piece) => sum + piece.probability, 0);
  return [
    paragraph("", `What may follow ${quoted(readSoFar(root))}`),
    table([...step.next_pieces.map((piece) => [`${quoted(piece.text)}${piece.is_taken ? ", taken" : ""}`, percent(piece.probability)]), ["all others", percent(Math.max(0, rest))]]),
  ];
}

const LINKS = {
  "Heads": "See all heads of this attention", "Inside attention": "Follow this row through Equation 1",
  "Positions": "See the position table", "Translate": "See every step of the translation", "Ablate": "See the translation without it",
};

// A link that opens the page: by a click within the app, else as any link.
function linkOf(root, block) {
  if (!block.page) return [];
  const made = element("a", "link", `${LINKS[block.page]}: ${block.page} →`);
  const query = new URLSearchParams(location.search);
  const { view } = root;
  const kind = block.attention ?? view.kind;
  const chosen = { kind, layer: view.layers[sideOf(kind)], head: view.heads[kind], step: view.step, row: view.row };
  for (const [name, value] of Object.entries(chosen)) value ? query.set(name, value) : query.delete(name);
  query.delete("block");
  made.href = `${block.path}?${query}`;
  made.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    root.leave(block.name, kind);
  };
  return [made];
}
