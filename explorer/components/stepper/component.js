// A translation as a scene that plays: the source is encoded layer by layer, then each step reads what
// is written so far, attends to the source, and writes one piece. Still, it is stepped through.
const QUIET_MS = 300;
const PLAY_MS = 900;
const SPEEDS = { "½ ×": 0.5, "1 ×": 1, "2 ×": 2 };
const MANY_STEPS = 20;
const LEAST_ARC = 0.1; // of a weight that is drawn
const KINDS = ["encoder", "decoder", "cross"];

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = keep(parentElement, "stepper", build);
  const { meta, values } = unpack(data);
  const isNew = root.meta?.run !== meta.run;
  root.meta = meta;
  root.values = values;
  root.report = () => setStateValue("view", { ...root.view, run: meta.run });
  root.send = setTriggerValue;
  if (isNew) {
    stop(root);
    root.words = wordsOf(meta);
  }
  // an older answer of the server never overwrites a newer choice
  if (isNew || !root.timer) root.view = { ...meta.view };
  const drawn = JSON.stringify([meta.run, meta.source, meta.steps, meta.can_change]);
  const isRedrawn = root.drawn !== drawn;
  const hadFocus = root.stage.contains(root.getRootNode().activeElement);
  if (isRedrawn) drawSentence(root);
  root.drawn = drawn;
  show(root);
  if (isRedrawn && hadFocus) root.stop.focus();
}

function build(root) {
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute(
    "aria-label",
    "Translation step by step; left and right arrow keys go to other steps, down and up to a step's candidates and back",
  );
  root.stage = element("div", "stage");
  root.player = element("div", "player");
  root.blocks = element("div", "blocks");
  root.append(root.player, root.stage, root.blocks);
  buildPlayer(root);
  root.onkeydown = (event) => press(root, event);
  reaching(root.stage, (target) => pointAt(linkedWords(root, target.closest(".token"))));
  root.stage.onmouseleave = () => pointAt(null);
  onPoint(root, (words) => root.meta && light(root, words));
  steerFromAnywhere(root);
  followStep(root);
  root.stage.addEventListener("focusin", (event) => stopAt(root, event.target));
  new ResizeObserver(() => root.meta && drawRibbons(root)).observe(root.stage);
}

// Left and right go to another step, and the focus with them if it is on a word or a candidate;
// up and down move it between a word and its candidates.
function press(root, event) {
  if (event.target.closest("input:not([type=range]), select")) return;
  if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own
  const last = root.meta.steps.length;
  const bySteps = { ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last }[event.key];
  const byRows = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const column = event.target.closest(".column");
  if (!bySteps && !(column && byRows)) return;
  event.preventDefault();
  const from = column ? root.targets.indexOf(column) + 1 : root.view.step;
  if (bySteps) go(root, from + bySteps);
  if (!column) return;
  const row = stops(column).indexOf(event.target) + (byRows ?? 0);
  const within = stops(bySteps ? root.targets[root.view.step - 1] : column);
  within[Math.min(Math.max(row, 0), within.length - 1)].focus();
}

// The arrow keys step without a click before, unless something else on the page takes them.
function steerFromAnywhere(root) {
  const hear = (event) => {
    if (!root.isConnected) return document.removeEventListener("keydown", hear);
    const isFree = [document.body, null].includes(document.activeElement);
    if (isFree && !event.defaultPrevented && root.meta && isFirst(root)) press(root, event);
  };
  document.addEventListener("keydown", hear);
}

// Of two runs on a page the upper one is steered.
function isFirst(root) {
  const hosts = [...document.querySelectorAll("[data-testid='stBidiComponentRegular'], [data-testid='stBidiComponentIsolated']")];
  const steppers = hosts.map((host) => (host.shadowRoot ?? host).querySelector?.(".stepper")).filter(Boolean);
  return !steppers.length || steppers[0] === root;
}

function buildPlayer(root) {
  const back = button("move", "Step back", () => go(root, root.view.step - 1));
  const forward = button("move", "Step forward", () => go(root, root.view.step + 1));
  back.textContent = "◀";
  forward.textContent = "▶";
  root.playButton = button("move play", "Play", () => (root.playing ? stop(root) : play(root, null)));
  root.speed = element("select", "speed");
  root.speed.setAttribute("aria-label", "Speed");
  for (const name of Object.keys(SPEEDS)) root.speed.append(new Option(name, SPEEDS[name]));
  root.speed.value = 1;
  root.speed.onchange = () => root.playing && play(root, root.encoded);
  root.slider = element("input", "slider");
  root.slider.type = "range";
  root.slider.min = 1;
  root.slider.setAttribute("aria-label", "Decoding step");
  root.slider.oninput = () => go(root, Number(root.slider.value));
  root.status = element("div", "status");
  root.status.setAttribute("role", "status");
  for (const made of [back, root.playButton, forward, root.speed, root.slider]) root.player.append(control(made));
  root.player.append(root.status, pictureButtons(root, "translation", () => says(root)));
  stop(root);
}

// What a picture of it shows, beside what stands in it.
function says({ view, meta }) {
  return `Translation, step ${view.step} of ${meta.steps.length}; attention of layer ${view.layer}, head ${view.head}.`;
}

// From its beginning the scene shows the encoder first; in the middle it goes on from there.
function play(root, encoded) {
  clearInterval(root.playing);
  root.playButton.textContent = "Pause";
  root.playButton.setAttribute("aria-label", "Pause");
  const isAtAnEnd = root.view.step === 1 || root.view.step >= root.meta.steps.length;
  root.encoded = encoded ?? (root.playing || !isAtAnEnd ? null : 0);
  root.stage.classList.add("staged");
  root.playing = setInterval(() => tick(root), PLAY_MS / Number(root.speed.value));
  tick(root);
}

function tick(root) {
  if (!root.isConnected) return stop(root);
  if (root.encoded !== null) {
    if (root.encoded < root.meta.weights.encoder.n_layers) return encode(root, root.encoded + 1);
    root.encoded = null;
    root.stage.classList.remove("encoding");
    root.ribbons.querySelectorAll(".arc").forEach((arc) => arc.remove());
    return change(root, { step: 1 });
  }
  if (root.view.step >= root.meta.steps.length) return stop(root);
  go(root, root.view.step + 1);
}

// One more layer of the encoder: nothing is written yet.
function encode(root, layer) {
  const n = root.meta.weights.encoder.n_layers;
  root.encoded = layer;
  root.stage.classList.add("encoding");
  root.stage.style.setProperty("--encoded", layer / n);
  root.status.replaceChildren(
    element("b", "", `Encoder layer ${layer} of ${n}`),
    document.createTextNode(": every source word attends to every source word, all at once"),
  );
  root.stage.scrollTo({ left: 0 });
  drawArcs(root, layer);
}

// What the source attends to in one layer of the encoder, by the chosen head: an arc a weight.
function drawArcs(root, layer) {
  root.ribbons.querySelectorAll(".arc").forEach((arc) => arc.remove());
  const matrix = weightsOf(root, "encoder", layer);
  if (!matrix) return;
  const box = root.ribbons.getBoundingClientRect();
  const x = root.sources.map((chip) => {
    const place = chip.getBoundingClientRect();
    return place.left + place.width / 2 - box.left;
  });
  matrix.forEach((share, i) => {
    const [from, to] = [Math.floor(i / matrix.width), i % matrix.width];
    if (from === to || share < LEAST_ARC) return;
    const arc = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const depth = Math.min(220, 14 + Math.abs(x[to] - x[from]) / 2);
    arc.setAttribute("class", "arc");
    arc.setAttribute("d", `M${x[from]},0 C${x[from]},${depth} ${x[to]},${depth} ${x[to]},0`);
    arc.style.strokeWidth = `${1 + 5 * share}px`;
    root.ribbons.append(arc);
  });
}

function stop(root) {
  clearInterval(root.playing);
  root.playing = null;
  if (root.encoded != null) {
    root.encoded = null;
    if (root.meta) show(root);
  }
  root.stage.classList.remove("staged", "encoding");
  root.ribbons?.querySelectorAll(".arc").forEach((arc) => arc.remove());
  root.playButton.textContent = "Play";
  root.playButton.setAttribute("aria-label", "Play");
}

// Draw at once; tell the server when the reader has been quiet for a moment.
function change(root, view) {
  root.view = { ...root.view, ...view };
  show(root);
  clearTimeout(root.timer);
  root.timer = setTimeout(() => {
    root.timer = null;
    root.report();
  }, QUIET_MS);
}

function go(root, step) {
  const within = Math.min(Math.max(step, 1), root.meta.steps.length);
  if (within === root.view.step) return;
  change(root, { step: within });
  window.dispatchEvent(new CustomEvent("explorer:step", { detail: { root, step: within } }));
}

// A translation beside another one shows the same step.
function followStep(root) {
  const hear = ({ detail }) => {
    if (!root.isConnected) return window.removeEventListener("explorer:step", hear);
    const step = Math.min(detail.step, root.meta?.steps.length);
    if (detail.root !== root && step !== root.view.step) change(root, { step });
  };
  window.addEventListener("explorer:step", hear);
}

// What the arrow keys reach in a column: its chip, then its candidates.
function stops(column) {
  return [...column.querySelectorAll("button")];
}

// Of all columns one button is in the tab order: where the reader was last, else the current chip.
function stopAt(root, made) {
  if (root.stop) root.stop.tabIndex = -1;
  made.tabIndex = 0;
  root.stop = made;
}

function drawSentence(root) {
  const { meta, stage } = root;
  root.sources = meta.source.map((token, index) => sourceChip(root, token, index));
  root.targets = meta.steps.map((step, index) => targetColumn(root, step, index));
  const sourceRow = element("div", "row sources");
  const targetRow = element("div", "row targets");
  sourceRow.append(...root.sources);
  targetRow.append(...root.targets);
  for (const [row, name] of [[sourceRow, "Source words"], [targetRow, "Words of the translation"]]) {
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", name);
  }
  root.ribbons = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  root.ribbons.setAttribute("class", "ribbons");
  root.ribbons.setAttribute("aria-hidden", "true");
  stage.replaceChildren(sourceRow, root.ribbons, targetRow);
  drawRibbons(root);
}

function sourceChip(root, token, index) {
  const chip = element("span", "token source");
  chip.dataset.source = index;
  chip.append(tokenElement("text", token.text));
  chip.classList.toggle("inner", !token.opens && !token.special);
  chip.classList.toggle("special", token.special);
  if (token.is_new) {
    chip.classList.add("new");
    chip.title = "training never showed this piece";
  }
  return chip;
}

function targetColumn(root, step, index) {
  const column = element("div", "column");
  const name = `Step ${index + 1}: ${step.text}, probability ${percent(step.probability)}`;
  const chip = button("token target", name, () => go(root, index + 1));
  chip.dataset.target = index;
  chip.append(tokenElement("text", step.text));
  chip.classList.toggle("inner", !step.opens && !step.special);
  chip.classList.toggle("special", step.special);
  chip.classList.toggle("forced", step.forced);
  chip.classList.toggle("changed", step.changed);
  const marks = [step.forced && "held fixed", step.changed && "differs from the earlier run"];
  chip.title = [name, ...marks.filter(Boolean)].join("; ");
  const bar = element("span", "bar");
  bar.style.setProperty("--share", step.probability);
  chip.append(bar);
  const candidates = element("div", "candidates");
  for (const candidate of step.candidates) candidates.append(candidateButton(root, index, candidate));
  column.append(chip, tokenElement("gloss", step.gloss), candidates);
  for (const made of stops(column)) made.tabIndex = -1;
  return column;
}

function candidateButton(root, index, candidate) {
  const share = percent(candidate.probability);
  const taken = candidate.id === root.meta.steps[index].id;
  const isOffer = root.meta.can_change && !taken;
  const label = !isOffer
    ? `${candidate.text}, ${share}${taken ? `, taken at step ${index + 1}` : ""}`
    : `${candidate.text}, ${share}: go on from here with it at step ${index + 1}`;
  const made = button("candidate", label, () => {
    if (isOffer) root.send("taken", { step: index + 1, id: candidate.id, run: root.meta.run });
  });
  made.setAttribute("aria-pressed", String(taken));
  made.style.setProperty("--share", candidate.probability);
  made.append(tokenElement("text", candidate.text), element("span", "share", share));
  return made;
}

// Ribbons join each target piece with the source pieces that carry most of its attention.
function drawRibbons(root) {
  const box = root.ribbons.getBoundingClientRect();
  if (!box.width) return;
  const middle = (node) => {
    const place = node.getBoundingClientRect();
    return place.left + place.width / 2 - box.left;
  };
  const sources = root.sources.map(middle);
  const paths = root.meta.steps.flatMap((step, index) => {
    const x = middle(root.targets[index]);
    return step.links.map(([source, share]) => ribbon(sources[source], x, box.height, share, source, index));
  });
  root.ribbons.replaceChildren(...paths);
  show(root);
}

function ribbon(from, to, height, share, source, target) {
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const half = height / 2;
  path.setAttribute("d", `M${from},0 C${from},${half} ${to},${half} ${to},${height}`);
  path.style.strokeWidth = `${1 + 7 * share}px`;
  path.dataset.source = source;
  path.dataset.target = target;
  return path;
}

// The words that pieces belong to, -1 for those of none.
function wordsOf(meta) {
  const count = (tokens) => {
    let word = -1;
    return tokens.map((token) => (token.special ? -1 : token.opens ? ++word : word));
  };
  return { source: count(meta.source), target: count(meta.steps) };
}

// The word that is pointed at, and those its ribbons lead to.
function linkedWords(root, token) {
  const { source, target } = token?.dataset ?? {};
  if (source === undefined && target === undefined) return null;
  const { words, meta } = root;
  const links = meta.steps.flatMap((step, index) =>
    step.links.map(([key]) => [words.source[key], words.target[index]]));
  const [side, own] = source !== undefined
    ? ["source", words.source[source]] : ["target", words.target[target]];
  const found = { source: [], target: [] };
  found[side].push(own);
  for (const [from, to] of links) {
    if ((side === "source" ? from : to) === own) found[side === "source" ? "target" : "source"].push(side === "source" ? to : from);
  }
  return own < 0 ? null : found;
}

// Light the words that are pointed at anywhere on the page, and the ribbons between them.
function light(root, pointed) {
  const has = (side, index) => Boolean(pointed) && pointed[side].includes(root.words[side][index]);
  root.sources.forEach((chip, i) => chip.classList.toggle("linked", has("source", i)));
  root.targets.forEach((column, i) => column.firstChild.classList.toggle("linked", has("target", i)));
  for (const path of root.ribbons.children) {
    const { source, target } = path.dataset;
    path.classList.toggle("linked", has("source", Number(source)) && has("target", Number(target)));
  }
}

// Everything that depends on the step or the head.
function show(root) {
  const { meta, view } = root;
  const step = meta.steps[view.step - 1];
  root.slider.max = meta.steps.length;
  root.slider.value = view.step;
  root.stage.classList.toggle("many", meta.steps.length > MANY_STEPS);
  root.status.replaceChildren(
    element("b", "", `Step ${view.step} of ${meta.steps.length}`),
    document.createTextNode(": the decoder reads "),
    tokenElement("in", readSoFar(meta, view.step)),
    document.createTextNode(" and writes "),
    tokenElement("out", step.text),
    document.createTextNode(` (${percent(step.probability)})`),
  );
  root.targets.forEach((column, index) => {
    column.classList.toggle("current", index === view.step - 1);
    column.classList.toggle("future", index > view.step - 1);
    column.firstChild.setAttribute("aria-pressed", String(index === view.step - 1));
  });
  const column = root.targets[view.step - 1];
  const isFocused = root.stop?.isConnected && root.stop === root.getRootNode().activeElement;
  if (!isFocused && !column.contains(root.stop)) stopAt(root, column.firstChild);
  for (const path of root.ribbons.children) {
    const target = Number(path.dataset.target);
    path.classList.toggle("current", target === view.step - 1);
    path.classList.toggle("past", target < view.step - 1);
  }
  keepInView(root, column);
  drawBlocks(root);
}

// All that is written before a step, in the middle cut short.
function readSoFar(meta, step) {
  const read = [meta.start, ...meta.steps.slice(0, step - 1).map((each) => each.text)];
  return (read.length > 6 ? [...read.slice(0, 2), "…", ...read.slice(-3)] : read).join(" ");
}

// The current column is never out of sight in a stage that is wider than its place.
function keepInView(root, column) {
  const { stage } = root;
  const [place, box] = [column, stage].map((node) => node.getBoundingClientRect());
  const isSeen = place.left >= box.left + 24 && place.right <= box.right - 24;
  if (isSeen || !box.width || root.shownStep === root.view.step) return;
  root.shownStep = root.view.step;
  const left = stage.scrollLeft + place.left - box.left - (box.width - place.width) / 2;
  const still = wantsStillness();
  stage.scrollTo({ left, behavior: still ? "auto" : "smooth" });
}

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

function wordForm(root) {
  const form = element("form", "word");
  const label = element("label", "", "Another word ");
  root.word = element("input", "");
  root.word.type = "text";
  root.word.maxLength = 100;
  root.word.dir = "auto";
  label.append(root.word);
  const send = element("button", "", "Continue with this word");
  form.append(label, send);
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = root.word.value.trim();
    if (text) root.send("typed", { step: root.view.step, text, run: root.meta.run });
    root.word.value = "";
  };
  return form;
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

const TITLES = {
  encoder: "Encoded once: each source word looks at all source words (rows look, columns are looked at;",
  decoder: "This step looks at what is written so far (masked self-attention,",
  cross: "This step looks at the source (cross-attention,",
};

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
