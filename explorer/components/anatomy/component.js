// The model as Figure 1 with a sentence in it. Stepping, pointing and changing heads need no server.

const QUIET_MS = 300;
const PLAY_MS = 1200;

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = keep(parentElement, "anatomy", assemble);
  const { meta, values } = unpack(data);
  const isNew = root.meta?.run !== meta.run;
  Object.assign(root, { meta, values });
  root.report = () => setStateValue("view", { ...root.view, run: meta.run });
  // one message: of two, the server may draw this page for the first before it opens the other
  root.leave = (name, kind) => {
    stop(root);
    clearTimeout(root.timer);
    root.timer = null;
    root.view = { ...root.view, kind, block: "" };
    setTriggerValue("opened", { name, view: { ...root.view, run: meta.run } });
  };
  if (isNew) stop(root);
  // an older answer of the server never overwrites a newer choice
  if (isNew || !root.timer) root.view = { ...meta.view };
  textWidth.family = getComputedStyle(root).fontFamily;
  root.pointed = null;
  redraw(root);
}

function assemble(root) {
  root.player = element("div", "player");
  root.figure = element("div", "figure");
  root.panel = element("div", "panel");
  root.panel.setAttribute("role", "region");
  root.panel.setAttribute("aria-label", "This step, or the open block");
  root.panel.tabIndex = 0;
  const body = element("div", "body");
  body.append(root.figure, root.panel);
  const controls = element("div", "controls");
  root.said = element("div", "said");
  controls.append(root.player, root.said);
  root.append(controls, body);
  buildPlayer(root);
  listen(root);
  new ResizeObserver(() => root.meta && root.figure.clientWidth !== root.plan?.width && redraw(root)).observe(root.figure);
  document.fonts?.ready.then(() => root.meta && redraw(root));
}

function buildPlayer(root) {
  const back = button("move", "Step back", () => go(root, root.view.step - 1));
  const forward = button("move", "Step forward", () => go(root, root.view.step + 1));
  [back.textContent, forward.textContent] = ["◀", "▶"];
  root.playButton = button("move play", "Play", () => (root.playing ? stop(root) : play(root)));
  root.slider = element("input", "slider");
  Object.assign(root.slider, { type: "range", min: 1, oninput: () => go(root, Number(root.slider.value)) });
  root.slider.setAttribute("aria-label", "Decoding step");
  root.status = element("div", "now");
  root.status.setAttribute("role", "status");
  control(root.player).append(back, root.playButton, forward, root.slider);
  root.said.append(root.status, pictureButtons(root, "model", () => says(root)));
  stop(root);
}

function says({ view, meta }) {
  return `The model as Figure 1, step ${view.step} of ${meta.steps.length}`;
}

function play(root) {
  if (root.view.step >= root.meta.steps.length) go(root, 1);
  root.playButton.textContent = "Pause";
  root.playButton.setAttribute("aria-label", "Pause");
  root.figure.classList.add("playing");
  root.playing = setInterval(() => {
    if (!root.isConnected || root.view.step >= root.meta.steps.length) return stop(root);
    go(root, root.view.step + 1);
  }, PLAY_MS);
}

function stop(root) {
  clearInterval(root.playing);
  root.playing = null;
  root.figure.classList.remove("playing");
  root.playButton.textContent = "Play";
  root.playButton.setAttribute("aria-label", "Play");
}

// Draw at once; tell the server when the reader has been quiet for a moment.
function change(root, view) {
  root.view = { ...root.view, ...view };
  point(root, null); // on a touch screen nothing else ends it
  update(root);
  clearTimeout(root.timer);
  root.timer = setTimeout(() => {
    root.timer = null;
    root.report();
  }, QUIET_MS);
}

function go(root, step) {
  const within = Math.min(Math.max(step, 1), root.meta.steps.length);
  if (within !== root.view.step) change(root, { step: within });
}

// Where the words lie over the figure, the block that they are of is brought into sight.
function open(root, block) {
  change(root, { block });
  const node = root.parts.blocks[block];
  const [words, box] = [root.panel, node ?? root.panel].map((each) => each.getBoundingClientRect());
  if (node && words.top < box.bottom && words.left < box.right) node.scrollIntoView({ block: "center" });
}

function listen(root) {
  const { figure } = root;
  const found = (event) => ({ token: event.target.closest?.(".token"), block: event.target.closest?.(".block") });
  figure.onclick = (event) => press(root, found(event));
  figure.onkeydown = (event) => key(root, event, found(event));
  figure.onmouseover = (event) => point(root, found(event).token);
  figure.onmouseleave = () => point(root, null);
  figure.addEventListener("focusin", (event) => point(root, found(event).token));
  figure.addEventListener("focusout", () => point(root, null));
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root.view.block) return;
    const block = root.parts.blocks[root.view.block];
    open(root, "");
    block.focus();
  });
  onPoint(root, (words) => root.meta && hear(root, words));
  steerFromAnywhere(root);
}

function press(root, { token, block }) {
  if (token?.side === "source") change(root, { row: root.view.row === token.index + 1 ? null : token.index + 1 });
  else if (token) go(root, token.index + 1);
  else if (block) open(root, root.view.block === block.block.name ? "" : block.block.name);
}

function key(root, event, { token, block }) {
  if (event.altKey || event.ctrlKey || event.metaKey || !(token ?? block)) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    press(root, { token, block });
  } else if (event.key.startsWith("Arrow")) {
    event.preventDefault();
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    move(token ? root.parts.tokens[token.side][token.index + (by ?? 0)] : neighbour(root, block.block, event.key));
  }
}

function move(to) {
  if (!to || to.classList.contains("future")) return;
  for (const other of to.parentNode.querySelectorAll(`.${to.classList[0]}`)) other.setAttribute("tabindex", -1);
  to.setAttribute("tabindex", 0);
  to.focus();
}

// Up and down in one stack, left and right to the block of the other that is nearest in height.
function neighbour(root, block, pressed) {
  const { blocks } = root.parts;
  const own = Object.values(blocks).filter((each) => each.block.side === block.side);
  const at = own.indexOf(blocks[block.name]);
  if (pressed === "ArrowUp") return own[at + 1];
  if (pressed === "ArrowDown") return own[at - 1];
  if ((pressed === "ArrowLeft") !== (block.side === "decoder")) return undefined;
  const others = Object.values(blocks).filter((each) => each.block.side !== block.side);
  return others.sort((a, b) => Math.abs(a.block.y - block.y) - Math.abs(b.block.y - block.y))[0];
}

// The arrow keys step without a click before, unless something else on the page takes them.
function steerFromAnywhere(root) {
  const hear = (event) => {
    if (!root.isConnected) return document.removeEventListener("keydown", hear);
    const isFree = [document.body, null].includes(document.activeElement) && !event.defaultPrevented;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!isFree || !by || !root.meta || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(root, root.view.step + by);
  };
  document.addEventListener("keydown", hear);
}

// A token in the figure is pointed at: the whole page hears of its word.
function point(root, token) {
  const own = token ? { side: token.side, index: token.index } : null;
  if (JSON.stringify(own) === JSON.stringify(root.own ?? null)) return;
  root.own = own;
  if (!own) return pointAt(null);
  const { word } = own.side === "source" ? root.meta.source[own.index] : root.meta.steps[own.index].consumed;
  const words = word < 0 ? [] : [word];
  pointAt(own.side === "source" ? { source: words, target: [] } : { source: [], target: words });
}

function hear(root, words) {
  const { source, steps } = root.meta;
  const has = (of, token) => token.word >= 0 && words[of].includes(token.word);
  const pointed = { source: new Set(), target: new Set() };
  if (root.own) pointed[root.own.side].add(root.own.index);
  else if (words) {
    source.forEach((token, i) => has("source", token) && pointed.source.add(i));
    steps.forEach((step, i) => has("target", step.consumed) && i < root.view.step && pointed.target.add(i));
  }
  root.pointed = words || root.own ? pointed : null;
  update(root);
}

function redraw(root) {
  const width = Math.floor(root.figure.clientWidth);
  if (!width) return;
  const focused = root.figure.contains(root.getRootNode().activeElement) ? root.getRootNode().activeElement.dataset?.name : null;
  root.plan = planFigure(root.meta, width);
  const drawn = build(root);
  root.figure.replaceChildren(drawn);
  wholeFigure(root, drawn);
  update(root);
  if (focused) root.parts.blocks[focused]?.focus();
}

// All that depends on step, layers, heads, and what is pointed at.
function update(root) {
  const { meta, view, parts } = root;
  const pointed = root.pointed ?? { source: new Set(), target: new Set() };
  const first = (set) => (set.size ? Math.min(...set) : null);
  root.shown = {
    row: first(pointed.source) ?? (view.row ? view.row - 1 : followed(root)),
    position: first(pointed.target) ?? view.step - 1,
  };
  root.slider.max = meta.steps.length;
  root.slider.value = view.step;
  showStatus(root);
  showTokens(root, pointed);
  for (const strip of parts.strips) showStrip(root, strip);
  for (const found of Object.values(parts.attentions)) showAttention(root, found, pointed);
  for (const [side, found] of Object.entries(parts.frames)) showFrame(root, side, found);
  for (const picker of parts.pickers) picker.update();
  for (const node of Object.values(parts.blocks)) showBlock(root, node);
  showDistribution(root);
  panel(root);
}

function showStatus(root) {
  const { meta, view } = root;
  const step = meta.steps[view.step - 1];
  root.status.replaceChildren(
    element("b", "", `Step ${view.step} of ${meta.steps.length}`), document.createTextNode(": reads "),
    tokenElement("in", step.consumed.text), document.createTextNode(", writes "), tokenElement("out", step.produced.text),
    document.createTextNode(` (${percent(taken(step).probability)})`),
  );
}

function showTokens(root, pointed) {
  const { meta, view, shown, parts } = root;
  const chosen = { source: shown.row, target: shown.position };
  for (const [which, items] of Object.entries(parts.tokens)) {
    const stack = root.plan.stacks[which === "source" ? "encoder" : "decoder"];
    const seen = legible(stack.tokens, (i) => (i === chosen[which] ? 2 : 0));
    items.forEach((item, i) => {
      const isFuture = which === "target" && i >= view.step;
      item.classList.toggle("future", isFuture);
      item.classList.toggle("chosen", i === chosen[which]);
      item.classList.toggle("lit", pointed[which].has(i));
      item.classList.toggle("crowded", !seen.has(i));
      item.setAttribute("tabindex", i === chosen[which] ? 0 : -1);
      item.setAttribute("aria-disabled", String(isFuture));
      item.setAttribute("aria-pressed", String(which === "source" ? view.row === i + 1 : view.step === i + 1));
      const text = which === "source" ? meta.source[i].text : meta.steps[i].consumed.text;
      item.setAttribute("aria-label", which === "source" ? `${text}, source piece ${i + 1} of ${items.length}: show its way` : `${text}, read at step ${i + 1} of ${items.length}: go there`);
    });
  }
}

// Which labels of a row are written where they stand too close: the largest first.
function legible(columns, size) {
  const { centres, pitch } = columns;
  if (pitch >= LEAST_PITCH) return new Set(centres.keys());
  const found = [];
  for (const i of [...centres.keys()].sort((a, b) => size(b) - size(a) || a - b))
    if (found.every((other) => Math.abs(centres[other] - centres[i]) >= LEAST_PITCH)) found.push(i);
  return new Set(found);
}

function showStrip(root, { name, side, cells, isOfLayer }) {
  if (!cells.length) return;
  const position = side === "encoder" ? root.shown.row : root.shown.position;
  const numbers = stripOf(root, name, isOfLayer ? root.view.layers[side] : 0, position);
  cells.forEach((cell, i) => {
    cell.style.fill = numbers ? colourOf(root, numbers[i]) : "transparent";
  });
}

function showAttention(root, found, pointed) {
  const { kind, keys, queries, ribbons, block } = found;
  const { view, shown } = root;
  const head = headOf(root, kind);
  const now = kind === "encoder" ? shown.row : shown.position;
  const step = view.step - 1;
  const isLong = queries.centres.length > MOST_ROWS;
  const drawn = JSON.stringify([root.meta.run, Boolean(head), view.layers[sideOf(kind)], view.heads[kind], isLong && now]);
  if (found.drawn !== drawn) drawRibbons(found, head, isLong ? [now] : queries.centres.map((_, i) => i));
  found.drawn = drawn;
  const [ofQueries, ofKeys] = { encoder: [pointed.source, pointed.source], decoder: [pointed.target, pointed.target], cross: [pointed.target, pointed.source] }[kind];
  const isPointed = ofQueries.size + ofKeys.size > 0;
  for (const ribbon of ribbons.children) {
    const { query, key } = ribbon;
    const isFuture = kind !== "encoder" && query > step;
    const isLit = kind === "encoder" ? ofQueries.has(query) : ofQueries.has(query) || (kind === "cross" && ofKeys.has(key));
    const state = isFuture ? "future" : isPointed && isLit ? "lit" : query === (kind === "encoder" ? now : step) ? "current" : "past";
    ribbon.setAttribute("class", `ribbon ${state}`);
  }
  const strengths = (key) => (head && (kind !== "decoder" || key <= now) ? head.at(now, key) : 0);
  const seen = legible(keys, (key) => strengths(key));
  found.labels.forEach((text, key) => {
    text.classList.toggle("future", kind === "decoder" && key > step);
    text.classList.toggle("crowded", !seen.has(key));
    text.classList.toggle("lit", ofKeys.has(key));
  });
  const written = showShares(found, strengths);
  found.labels.forEach((text, key) => (text.style.fontWeight = written.has(key) ? 700 : 400));
  const texts = kind === "encoder" ? root.meta.source.map((token) => token.text) : root.meta.steps.map((each) => each.consumed.text);
  const half = textWidth(cut(texts[now]), LABEL_PX, true) / 2 + 4;
  const x = Math.min(Math.max(queries.centres[now], block.x + half + 4), block.x + block.w - half - 4);
  found.query.setAttribute("x", x);
  found.query.textContent = cut(texts[now]);
  found.says = head ? saysOf(root, found, texts[now], strengths) : "";
}

function saysOf(root, { kind, keys }, text, strengths) {
  const best = [...keys.centres.keys()].filter((key) => strengths(key) >= 0.1).sort((a, b) => strengths(b) - strengths(a)).slice(0, 3);
  return `${text} attends to ${best.map((key) => `${keys.texts[key]} ${percent(strengths(key))}`).join(", ") || "many, each below 10 %"}`;
}

function drawRibbons(found, head, rows) {
  const { ribbons, keys, queries, top, bottom } = found;
  const made = [];
  const middle = (top + bottom) / 2;
  for (const query of head ? rows : []) {
    for (let key = 0; key < head.columns; key++) {
      const share = head.at(query, key);
      if (share < LEAST_WEIGHT) continue;
      const [from, to] = [keys.centres[key], queries.centres[query]];
      const ribbon = svg("path", { class: "ribbon", d: `M${from} ${bottom}C${from} ${middle} ${to} ${middle} ${to} ${top}`, "stroke-width": (0.8 + 6 * share).toFixed(2) });
      ribbon.style.setProperty("--share", share.toFixed(3));
      Object.assign(ribbon, { query, key });
      made.push(ribbon);
    }
  }
  ribbons.replaceChildren(...made);
}

// The largest weights in writing, where there is room.
// The largest shares first, where there is a place for them; returns the keys that have one.
function showShares(found, strengths) {
  const { keys, bottom, shares } = found;
  const taken = new Map();
  const made = [];
  for (const key of [...keys.centres.keys()].sort((a, b) => strengths(b) - strengths(a))) {
    const [x, text] = [keys.centres[key], percent(strengths(key))];
    const half = textWidth(text, 10) / 2 + 1;
    const isFree = [...taken.values()].every((other) => Math.abs(other.x - x) >= other.half + half);
    if (strengths(key) < 0.05 || !isFree) continue;
    taken.set(key, { x, half });
    made.push(label(x, bottom + 8, text, "tiny share"));
  }
  shares.replaceChildren(...made);
  return taken;
}

function showFrame(root, side, { before, after }) {
  const [layer, n] = [root.view.layers[side], root.meta.n_layers[side]];
  const span = (from, to) => (from === to ? `layer ${from}` : `layers ${from} to ${to}`);
  before.textContent = layer > 1 ? `through ${span(1, layer - 1)}` : "";
  const isSkipped = root.meta.strips?.skipped[side].includes(layer);
  after.textContent = [isSkipped ? "skipped: its input goes on" : "", layer < n ? `through ${span(layer + 1, n)}` : ""].filter(Boolean).join("; ");
  root.figure.querySelector("svg")?.classList.toggle(`${side}-before`, layer > 1);
  root.figure.querySelector("svg")?.classList.toggle(`${side}-after`, layer < n);
}

function showBlock(root, node) {
  const { block, units } = node;
  const isOpen = root.view.block === block.name;
  node.classList.toggle("shown", isOpen);
  node.setAttribute("aria-expanded", String(isOpen));
  const says = block.attention ? root.parts.attentions[block.attention].says : "";
  node.setAttribute("aria-label", [`${block.title} (${whereOf(root, block)})`, says, ...facts(root, block)].filter(Boolean).join(". "));
  if (units) showUnits(root, node, units);
}

function showUnits(root, node, { items }) {
  const { block } = node;
  const found = root.meta.strips?.hidden[block.side];
  const [layer, position] = [root.view.layers[block.side], block.side === "encoder" ? root.shown.row : root.shown.position];
  const best = strongest(found, layer, position) ?? [];
  const most = Math.max(1e-9, ...best.map(([, value]) => Math.abs(value)));
  items.forEach(({ text, bar, most: room }, i) => {
    const [unit, size] = best[i] ?? [null, 0];
    text.textContent = unit ? `#${unit}: ${decimal(size)}` : "";
    bar.setAttribute("width", (room * Math.abs(size)) / most);
  });
  node.active.textContent = best.length ? `${whole(ofLayer(found, "n_active", layer, position))} of ${whole(root.meta.d_ff)} units above 0` : "";
}

function showDistribution(root) {
  const { next_pieces: pieces } = root.meta.steps[root.view.step - 1];
  root.parts.rows.forEach(({ bar, most, text, share, room }, i) => {
    const piece = pieces[i];
    text.textContent = piece ? fitted(piece.text, room) : "";
    share.textContent = piece ? percent(piece.probability) : "";
    bar.setAttribute("width", most * (piece?.probability ?? 0));
    for (const node of [bar, text, share]) node.classList.toggle("taken", Boolean(piece?.is_taken));
  });
}

function fitted(text, room) {
  let shown = text;
  while (shown.length > 1 && textWidth(shown, LABEL_PX + 1, true) > room) shown = `${[...shown].slice(0, -2).join("")}…`;
  return shown;
}
