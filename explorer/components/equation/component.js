// Equation 1 for one head: keys downwards, stages across. All rows of the head are here, so another
// row is drawn at once; the server hears of it when the reader has been quiet for a moment.
const QUIET_MS = 300;
const PLAY_MS = 3200;
const SWEEP_MS = 1600;
const ROW_PX = 24;
const LABEL_PX = 104;
const NUMBER_PX = 128;
const NARROW_PX = 760;
const GAP_PX = 14;
const MOST_SHEET_PX = 620;
const SPARE_ROWS = 4; // drawn above and below what is in sight
const CELL_PX = [3, 13]; // how wide a dimension is drawn
const PRODUCTS_PX = 44;
const KEY_STEP = 0.1; // by which an arrow key moves a score
const STAGES = ["q and K", "q·k", "÷ √d_k", "mask", "softmax", "α v"];
const [VECTORS, PRODUCTS, SCALED, MASKED, SOFTMAX, VALUES] = [1, 2, 3, 4, 5, 6];
const HINT = "Point at a cell: its dimension of q lights up, with their product. Drag a score: the softmax answers.";
const MATHML = "http://www.w3.org/1998/Math/MathML";

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = keep(parentElement, "equation", build);
  const { meta, values } = unpack(data);
  const isNew = root.meta?.head !== meta.head;
  root.meta = meta;
  root.numbers = numbersOf(meta, values);
  root.report = () => setTriggerValue("view", root.view);
  if (isNew) {
    stop(root);
    root.point = null;
  }
  // an older answer of the server never overwrites a newer choice
  if (isNew || !root.timer) {
    if (isNew || root.view.row !== meta.view.row) forget(root);
    root.view = { ...meta.view };
  }
  root.setAttribute("aria-label", `Equation 1, ${meta.title}`);
  if (isNew) drawHead(root);
  show(root);
}

// The numbers of a head: of sent rows their queries, products, weights and mask; of all keys K and V.
function numbersOf(meta, values) {
  const { d_k, d_v, sent } = meta;
  const [n, q] = [meta.keys.length, sent.length];
  const bytes = values.slice(); // a copy, so that floats begin where floats may
  let at = 0;
  const floats = (count) => {
    const found = new Float32Array(bytes.buffer, at, count);
    at += 4 * count;
    return found;
  };
  const found = { query: floats(q * d_k), keys: floats(n * d_k), values: floats(n * d_v) };
  Object.assign(found, { products: floats(q * n), weights: floats(q * n) });
  return { ...found, visible: bytes.subarray(at) };
}

// What is on show: the model's numbers of the row, and what follows from the scores as they are now.
function compute(root) {
  const { meta, numbers, view, moved } = root;
  const index = meta.sent.indexOf(view.row);
  if (index < 0) return null;
  const n = meta.keys.length;
  const of = (all, size) => all.subarray(index * size, (index + 1) * size);
  const row = {
    texts: meta.texts[index],
    query: of(numbers.query, meta.d_k),
    products: of(numbers.products, n),
    visible: of(numbers.visible, n),
    model: of(numbers.weights, n),
  };
  row.scaled = Float64Array.from(row.products, (product) => product / Math.sqrt(meta.d_k));
  row.scores = Float64Array.from(row.scaled, (score, key) => moved.get(key) ?? score);
  row.weights = moved.size ? softmax(row.scores, row.visible) : row.model;
  row.output = summed(root, row.weights, n);
  row.isMasked = row.visible.includes(0);
  row.top = row.model.indexOf(Math.max(...row.model));
  return row;
}

function softmax(scores, visible) {
  const most = Math.max(...scores.filter((_, key) => visible[key]));
  const raised = scores.map((score, key) => (visible[key] ? Math.exp(score - most) : 0));
  const sum = raised.reduce((one, other) => one + other, 0);
  return raised.map((each) => each / sum);
}

// The weighted values of the first n keys, added up.
function summed(root, weights, n) {
  const { d_v } = root.meta;
  const output = new Float64Array(d_v);
  for (let key = 0; key < n; key++) {
    if (!weights[key]) continue;
    for (let j = 0; j < d_v; j++) output[j] += weights[key] * root.numbers.values[key * d_v + j];
  }
  return output;
}

// Stages that change nothing are folded: a division by 1, a mask that hides nothing.
function isFolded(root, stage) {
  if (stage === SCALED) return root.meta.d_k === 1;
  return stage === MASKED && root.row !== null && !root.row.isMasked;
}

function signedText(value, digits = 2) {
  const written = Math.abs(value).toFixed(digits);
  return value < 0 && Number(written) ? `−${written}` : written;
}

// As short as its place is narrow.
function short(value) {
  if (value === -Infinity) return "−∞";
  return signedText(value, Math.abs(value) < 9.995 ? 2 : 1);
}

function quoted(text) {
  return `“\u2068${text}\u2069”`;
}

// What is there once

function build(root) {
  root.moved = new Map();
  root.point = null;
  root.setAttribute("role", "group");
  root.picker = control(element("div", "picker"));
  root.formula = formula();
  root.story = element("p", "story");
  root.story.setAttribute("role", "status");
  root.caveat = element("p", "caveat");
  root.caption = element("p", "caption");
  root.stages = control(element("div", "stages"));
  root.whatIf = element("div", "what-if");
  root.readout = element("p", "readout");
  root.hint = control(element("div", "hint", "Scroll sideways for the rest →"));
  root.box = element("div", "box");
  root.box.style.maxHeight = `${MOST_SHEET_PX}px`;
  root.box.tabIndex = 0;
  root.box.setAttribute("role", "region");
  root.box.setAttribute("aria-label", "Numbers of this row, key by key");
  root.sheet = element("div", "sheet");
  root.box.append(root.sheet);
  const top = element("div", "lead");
  const said = element("div", "said");
  said.append(root.story, root.caption, root.whatIf);
  top.append(root.formula, said);
  root.probe = probe(root);
  root.append(root.picker, root.caveat, buildPlayer(root), top, root.readout);
  root.legend = element("p", "legend");
  root.append(root.hint, root.box, root.legend, root.probe);
  root.box.addEventListener("scroll", () => root.row && drawRows(root), { passive: true });
  new ResizeObserver(() => root.row && resize(root)).observe(root.box);
  onPoint(root, (words) => root.meta && light(root, words));
  steerFromAnywhere(root);
}

// Colours for canvases, read from style sheets; a change of the theme is heard as its transition.
function probe(root) {
  const made = element("div", "probe");
  made.setAttribute("aria-hidden", "true");
  for (const name of ["query", "key", "value", "attention", "zero", "below"]) made.append(element("i", name));
  made.addEventListener("transitionend", () => {
    if (!root.row) return;
    root.colours = null;
    drawRows(root, true);
    drawTop(root);
  });
  return made;
}

function colours(root) {
  if (root.colours) return root.colours;
  const read = (made) => getComputedStyle(made).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  root.colours = Object.fromEntries([...root.probe.children].map((made) => [made.className, read(made)]));
  return root.colours;
}

// softmax(mask(QKᵀ / √d_k)) V, as section 3.2.1 writes it but for the mask, which Figure 2 has.
function formula() {
  const make = (tag, stage, ...inner) => {
    const made = document.createElementNS(MATHML, tag);
    if (stage) made.setAttribute("class", `part part-${stage}`);
    made.append(...inner);
    return made;
  };
  const letter = (role, stage, text) => make("mrow", stage, withRole(make("mi", 0, text), "letter", role));
  const withRole = (made, ...names) => {
    made.classList.add(...names);
    return made;
  };
  const head = [make("mi", 0, "Attention"), make("mo", 0, "("), letter("query", 0, "Q"), make("mo", 0, ",")];
  head.push(letter("key", 0, "K"), make("mo", 0, ","), letter("value", 0, "V"), make("mo", 0, ")"), make("mo", 0, "="));
  const product = make("mrow", PRODUCTS, letter("query", VECTORS, "Q"),
    make("mrow", VECTORS, make("msup", 0, withRole(make("mi", 0, "K"), "letter", "key"), make("mo", 0, "⊤"))));
  const root = make("mrow", SCALED, make("msqrt", 0, make("msub", 0, withRole(make("mi", 0, "d"), "letter"), withRole(make("mi", 0, "k"), "letter"))));
  const fraction = make("mfrac", 0, product, root);
  const mask = make("mrow", MASKED, withRole(make("mtext", 0, "mask"), "name"));
  const inner = make("mrow", 0, make("mo", 0, "("), mask, fraction, make("mo", 0, ")"));
  const soft = make("mrow", SOFTMAX, withRole(make("mtext", 0, "softmax"), "attention"));
  const math = make("math", 0, make("mrow", 0, ...head), soft, inner, letter("value", VALUES, "V"));
  math.setAttribute("display", "block");
  const made = element("div", "formula");
  made.append(math);
  return made;
}

function buildPlayer(root) {
  const player = element("div", "player");
  const back = button("move", "Stage back", () => step(root, -1));
  const on = button("move", "Stage forward", () => step(root, 1));
  back.textContent = "◀";
  on.textContent = "▶";
  root.playButton = button("move play", "Play", () => (root.playing ? stop(root) : play(root)));
  root.steps = STAGES.map((name, index) => {
    const made = button("stage", `Stage ${index + 1}: ${name}`, () => turn(root, index + 1));
    made.append(element("b", "", String(index + 1)), document.createTextNode(` ${name}`));
    return made;
  });
  root.stages.setAttribute("role", "group");
  root.stages.setAttribute("aria-label", "Stages");
  root.stages.append(...root.steps);
  root.undivided = button("move undivided", "", () => leaveOutScale(root));
  for (const made of [root.playButton, back, on, root.undivided]) control(made);
  const buttons = pictureButtons(root, "equation-1", () => says(root));
  player.append(root.playButton, back, on, root.stages, root.undivided, buttons);
  stop(root);
  return player;
}

function says({ meta, view }) {
  const [asks, produces] = meta.queries[view.row - 1];
  return `Equation 1, ${meta.title}, row ${view.row}: ${asks}${produces === null ? "" : ` → ${produces}`}`;
}

// What is there once for a head

function drawHead(root) {
  const { meta } = root;
  root.chips = meta.queries.map((query, index) => chip(root, query, index));
  const list = element("div", "chips");
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", meta.queries[0][1] === null ? "Token that asks" : "Step that asks");
  list.append(...root.chips);
  list.onkeydown = (event) => pick(root, event);
  const asks = meta.queries[0][1] === null ? "Row (who asks)" : "Row (who asks → what is written)";
  root.picker.replaceChildren(element("span", "name", asks), list);
  root.list = list;
  root.steps[SCALED - 1].lastChild.textContent = ` ÷ √${meta.d_k}`;
  root.undivided.textContent = `Without ÷ √${meta.d_k}`;
  root.undivided.title = "What would the softmax be without the division?";
  root.undivided.setAttribute("aria-label", `Without the division by √${meta.d_k}`);
  root.undivided.hidden = meta.d_k === 1;
  root.rows = new Map();
  buildSheet(root);
  root.box.scrollTo(0, 0);
}

function chip(root, [label, produces], index) {
  const name = `Row ${index + 1}: ${produces === null ? label : `${label} → ${produces}`}`;
  const made = button("chip", name, () => go(root, index + 1));
  made.append(tokenElement("asks", label));
  if (produces !== null) {
    const written = element("span", "produces", "→ ");
    written.append(tokenElement("", produces));
    made.append(written);
  }
  made.disabled = !root.meta.can_ask && !root.meta.sent.includes(index + 1);
  made.onmouseenter = () => pointAt(wordsOf(root, null, index));
  made.onmouseleave = () => pointAt(null);
  return made;
}

function buildSheet(root) {
  const { sheet, meta } = root;
  const top = element("div", "line top");
  root.top = {
    label: element("div", "label"),
    query: element("canvas", "strip query"),
    products: productsStrip(root),
    productsOf: tokenElement("of", ""),
  };
  root.top.query.setAttribute("aria-hidden", "true");
  root.top.label.append(element("span", "q"), root.top.productsOf);
  const vectors = element("div", "c-vectors");
  vectors.append(root.top.query, root.top.products);
  vectors.onpointermove = vectors.onpointerdown = (event) => pointAtQuery(root, event);
  top.append(root.top.label, vectors);
  const titles = [["c-products", "q·k"], ["c-scaled", `÷ √${meta.d_k}`], ["c-masked", "mask"],
    ["c-weights", "softmax"], ["c-values", "α v"]];
  root.titles = titles.map(([name, text]) => {
    const made = element("b", `title ${name}`, text);
    return made;
  });
  top.append(...root.titles);
  root.body = element("div", "rows");
  root.body.style.height = `${meta.keys.length * ROW_PX}px`;
  root.body.onpointermove = root.body.onpointerdown = (event) => pointAtRow(root, event);
  root.body.addEventListener("focusin", (event) => pointAtRow(root, event));
  const bottom = element("div", "line bottom");
  root.output = element("canvas", "strip output");
  root.output.onpointermove = root.output.onpointerdown = (event) => pointAtOutput(root, event);
  const values = element("div", "c-values");
  values.append(root.output);
  const name = element("div", "sum c-values", "Σ α v = output");
  bottom.append(name, values);
  root.cursors = [element("div", "cursor c-vectors"), element("div", "cursor c-values")];
  sheet.replaceChildren(top, root.body, bottom, ...root.cursors);
  sheet.onpointerleave = () => point(root, null);
}

// The products of one key, dimension by dimension: a slider whose value is the dimension.
function productsStrip(root) {
  const made = element("canvas", "strip products c-products");
  made.tabIndex = 0;
  made.setAttribute("role", "slider");
  made.setAttribute("aria-label", "Dimension of query and key");
  made.setAttribute("aria-valuemin", "1");
  made.onkeydown = (event) => {
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
    if (!across && !down) return;
    event.preventDefault();
    event.stopPropagation();
    const { d_k, keys } = root.meta;
    const key = within((root.point?.key ?? root.row.top) + down, keys.length);
    const dimension = root.point?.dimension === undefined ? 0 : within(root.point.dimension + across, d_k);
    point(root, { key, dimension });
    bringIntoSight(root, key);
  };
  return made;
}

function within(index, n) {
  return Math.min(Math.max(index, 0), n - 1);
}

// Everything that depends on row, stage, or what the reader tried

function show(root) {
  const { view, meta } = root;
  root.row = compute(root);
  root.classList.toggle("waiting", !root.row);
  root.chips.forEach((made, index) => {
    const isChosen = index + 1 === view.row;
    made.setAttribute("aria-pressed", String(isChosen));
    made.tabIndex = isChosen ? 0 : -1;
  });
  keepInView(root.list, root.chips[view.row - 1]);
  if (!root.row) return (root.story.textContent = "…");
  const { texts } = root.row;
  sentence(root.story, texts.story);
  root.caveat.textContent = texts.caveat;
  root.top.label.firstChild.replaceChildren(element("b", "query", "q"), document.createTextNode(" of "),
    tokenElement("", meta.queries[view.row - 1][0]));
  resize(root);
  showStage(root);
}

function sentence(place, parts) {
  place.replaceChildren(...parts.map((part) =>
    typeof part === "string" ? document.createTextNode(part) : element("b", part[0], part[1])));
}

// How wide a dimension is, and with it where each column stands.
function resize(root) {
  const { meta, row, box, sheet } = root;
  const hasMask = row.isMasked;
  if (box.clientWidth < NARROW_PX) root.insertBefore(root.readout, root.hint);
  else sheet.firstChild.append(root.readout);
  root.classList.toggle("unmasked", !hasMask);
  root.classList.toggle("undividable", meta.d_k === 1);
  const n = 2 + Number(meta.d_k > 1) + Number(hasMask);
  const fixed = LABEL_PX + n * NUMBER_PX + (n + 2) * GAP_PX + 20;
  const free = Math.max(box.clientWidth - fixed, 480);
  root.cell = Math.min(Math.max(Math.floor(free / (meta.d_k + meta.d_v)), CELL_PX[0]), CELL_PX[1]);
  const numbers = `${NUMBER_PX}px `.repeat(n);
  sheet.style.setProperty("--columns", `${LABEL_PX}px ${meta.d_k * root.cell}px ${numbers} ${Math.max(meta.d_v * root.cell, 60)}px`);
  const valuesAt = LABEL_PX + meta.d_k * root.cell + n * NUMBER_PX + (n + 2) * GAP_PX;
  sheet.style.setProperty("--values-at", `${valuesAt}px`);
  root.left = [LABEL_PX + GAP_PX, valuesAt];
  root.hint.hidden = box.scrollWidth <= box.clientWidth + 1;
  root.drawnFrom = null;
  drawNumbers(root);
}

function showStage(root) {
  const { view, row } = root;
  root.dataset.stage = view.stage;
  root.steps.forEach((made, index) => {
    const stage = index + 1;
    made.classList.toggle("folded", isFolded(root, stage));
    if (stage === MASKED) made.lastChild.textContent = isFolded(root, stage) ? " mask: nothing" : " mask";
    if (stage === view.stage) made.setAttribute("aria-current", "step");
    else made.removeAttribute("aria-current");
  });
  sentence(root.caption, [["number", `${view.stage}. `], ...row.texts.stages[view.stage - 1]]);
}

// All numbers of the row, in sight or not.
function drawNumbers(root) {
  root.ends = endsOf(root.row);
  drawWhatIf(root);
  drawRows(root, true);
  drawTop(root);
  drawPoint(root);
}

// Where bars begin and end; scores have room to be dragged.
function endsOf({ products, scaled, scores, visible }) {
  const reach = (values) => [Math.min(0, ...values), Math.max(0, ...values)];
  const [low, high] = reach(scaled);
  const room = Math.max(1, 0.35 * (high - low));
  const [lowest, highest] = reach(scores.filter((_, key) => visible[key]));
  return {
    products: reach(products),
    scaled: [Math.min(low - room, lowest), Math.max(high + room, highest)],
  };
}

function drawTop(root) {
  const { meta, row, output } = root;
  paint(root, root.top.query, row.query, "query", meta.limits.query);
  paint(root, output, root.partial?.output ?? row.output, "attention", row.texts.limit);
  output.setAttribute("role", "img");
  output.setAttribute("aria-label", `Output of the head: ${Array.from(row.output, (each) => signedText(each)).join(", ")}`);
  const end = (limit) => `±${signedText(limit)}`;
  root.legend.textContent = `Colour is above zero, grey below. Colours end at ${end(meta.limits.query)} for q, ` +
    `${end(meta.limits.key)} for K, ${end(row.texts.limit)} for α v and the output; bars of weights at 100 %.`;
}

// One pixel a number: style sheets make cells of them.
function paint(root, canvas, numbers, role, limit) {
  const all = colours(root);
  const n = numbers.length;
  if (canvas.width !== n) canvas.width = n;
  if (canvas.height !== 1) canvas.height = 1;
  canvas.style.width = `${n * root.cell}px`;
  const image = new ImageData(n, 1);
  for (let j = 0; j < n; j++) {
    const share = Math.min(Math.abs(numbers[j]) / limit, 1);
    const end = numbers[j] < 0 ? all.below : all[role];
    for (let c = 0; c < 3; c++) image.data[4 * j + c] = all.zero[c] + share * (end[c] - all.zero[c]);
    image.data[4 * j + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Only rows in sight are there; scrolling makes and drops them.
function drawRows(root, isAll = false) {
  const { meta, box, body, rows } = root;
  const from = Math.max(0, Math.floor(box.scrollTop / ROW_PX) - SPARE_ROWS);
  const to = Math.min(meta.keys.length, Math.ceil((box.scrollTop + MOST_SHEET_PX) / ROW_PX) + SPARE_ROWS);
  if (!isAll && root.drawnFrom === from) return;
  root.drawnFrom = from;
  for (const [key, line] of rows) {
    if (key >= from && key < to) continue;
    line.root.remove();
    rows.delete(key);
  }
  for (let key = from; key < to; key++) {
    const isNew = !rows.has(key);
    if (isNew) rows.set(key, keyLine(root, key));
    if (isNew || isAll) fill(root, rows.get(key), key);
    if (isNew) insert(body, rows, key);
  }
}

// In the order of the keys, so that the tab key goes through them downwards.
function insert(body, rows, key) {
  let next = null;
  for (const [other, line] of rows)
    if (other > key && line.root.isConnected && (next === null || other < next)) next = other;
  body.insertBefore(rows.get(key).root, next === null ? null : rows.get(next).root);
}

function keyLine(root, key) {
  const [label] = root.meta.keys[key];
  const line = { root: element("div", "line row"), label: tokenElement("label", label) };
  line.root.dataset.key = key;
  line.root.style.top = `${key * ROW_PX}px`;
  line.label.title = label;
  line.keys = element("canvas", "strip key");
  line.keys.setAttribute("aria-hidden", "true");
  const vectors = element("div", "c-vectors");
  vectors.append(line.keys);
  line.products = cell("c-products");
  line.scaled = cell("c-scaled");
  line.masked = element("div", "c-masked cell");
  line.weights = cell("c-weights");
  line.values = element("canvas", "strip value");
  line.values.setAttribute("aria-hidden", "true");
  const values = element("div", "c-values");
  values.append(line.values);
  line.model = element("i", "model");
  line.weights.track.append(line.model);
  makeDraggable(root, line, key, label);
  line.root.append(line.label, vectors, line.products.root, line.scaled.root, line.masked, line.weights.root, values);
  return line;
}

function cell(name) {
  const made = { root: element("div", `${name} cell`), number: element("span", "number"), track: element("span", "track") };
  made.bar = element("i", "bar");
  made.track.append(made.bar);
  made.root.append(made.number, made.track);
  return made;
}

function fill(root, line, key) {
  const { meta, row, numbers, ends, moved } = root;
  const partial = root.partial?.products;
  const product = partial ? partial(key) : row.products[key];
  const isHidden = !row.visible[key];
  paint(root, line.keys, numbers.keys.subarray(key * meta.d_k, (key + 1) * meta.d_k), "key", meta.limits.key);
  put(line.products, product, ends.products, short(product));
  put(line.scaled, row.scores[key], ends.scaled, short(row.scores[key]));
  line.grip.style.left = `${shareOf(row.scores[key], ends.scaled)}%`;
  line.masked.textContent = isHidden ? "−∞" : short(row.scores[key]);
  line.masked.classList.toggle("hidden", isHidden);
  put(line.weights, row.weights[key], [0, 1], percent(row.weights[key]));
  line.model.style.left = `${100 * row.model[key]}%`;
  line.root.classList.toggle("hidden", isHidden);
  line.scaled.root.classList.toggle("moved", moved.has(key));
  line.root.classList.toggle("best", key === row.top);
  const weighted = numbers.values.subarray(key * meta.d_v, (key + 1) * meta.d_v).map((value) => value * row.weights[key]);
  paint(root, line.values, weighted, "value", row.texts.limit);
  describeScore(root, line.scaled.root, key);
}

// Where a value stands between low and high, in per cent.
function shareOf(value, [low, high]) {
  return (100 * (Math.min(Math.max(value, low), high) - low)) / (high - low || 1);
}

// A number and its bar from zero, on a track from low to high.
function put(made, value, range, text) {
  const [from, to] = [shareOf(Math.min(0, value), range), shareOf(Math.max(0, value), range)];
  made.number.textContent = text;
  made.bar.style.left = `${from}%`;
  made.bar.style.width = `${to - from}%`;
  made.bar.classList.toggle("below", value < 0);
}

// What if a score were another one?

function makeDraggable(root, line, key, label) {
  const score = line.scaled.root;
  score.tabIndex = 0;
  score.setAttribute("role", "slider");
  score.setAttribute("aria-label", `Score of ${label}`);
  line.grip = element("i", "grip");
  line.scaled.track.append(line.grip);
  score.onpointerdown = (event) => {
    if (!root.row.visible[key]) return;
    score.setPointerCapture(event.pointerId);
    const [low, high] = root.ends.scaled;
    root.drag = { key, x: event.clientX, from: root.row.scores[key], low, high };
    root.drag.perPx = (high - low) / line.scaled.track.clientWidth;
  };
  score.onpointermove = (event) => {
    const { drag } = root;
    if (drag?.key !== key || (!drag.isMoving && Math.abs(event.clientX - drag.x) < 3)) return;
    drag.isMoving = true;
    move(root, key, Math.min(Math.max(drag.from + (event.clientX - drag.x) * drag.perPx, drag.low), drag.high));
  };
  score.onpointerup = score.onpointercancel = () => (root.drag = null);
  score.onkeydown = (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.key === "Escape" && root.moved.size) return backToModel(root);
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    if (root.row.visible[key]) move(root, key, root.row.scores[key] + by * KEY_STEP);
  };
}

function describeScore(root, score, key) {
  const { row, ends } = root;
  const isHidden = !row.visible[key];
  score.setAttribute("aria-valuemin", ends.scaled[0].toFixed(2));
  score.setAttribute("aria-valuemax", ends.scaled[1].toFixed(2));
  score.setAttribute("aria-valuenow", row.scores[key].toFixed(2));
  score.setAttribute("aria-disabled", String(isHidden));
  const weight = isHidden ? "masked" : `weight ${percent(row.weights[key])}`;
  score.setAttribute("aria-valuetext", `${signedText(row.scores[key])}, ${weight}`);
  score.title = isHidden ? "Masked: its score becomes −∞" : "Drag it, or press the up and down arrows: what would the softmax be?";
}

function move(root, key, score) {
  stop(root);
  root.isUndivided = false;
  root.moved.set(key, score);
  answer(root);
}

function leaveOutScale(root) {
  if (root.isUndivided) return backToModel(root);
  stop(root);
  root.moved = new Map(Array.from(root.row.products, (product, key) => [key, product]));
  root.isUndivided = true;
  answer(root);
}

// The softmax answers, so it is shown.
function answer(root) {
  if (root.view.stage < VALUES) change(root, { stage: VALUES });
  update(root);
}

function forget(root) {
  root.moved = new Map();
  root.isUndivided = false;
  root.drag = null;
}

function backToModel(root) {
  forget(root);
  update(root);
}

function update(root) {
  root.row = compute(root);
  drawNumbers(root);
}

function drawWhatIf(root) {
  const { moved, row, meta, whatIf } = root;
  root.classList.toggle("trying", moved.size > 0);
  root.undivided.setAttribute("aria-pressed", String(Boolean(root.isUndivided)));
  whatIf.hidden = !moved.size;
  root.titles[1].textContent = root.isUndivided ? "not divided" : `÷ √${meta.d_k}`;
  if (!moved.size) return whatIf.replaceChildren();
  if (!whatIf.children.length) {
    const back = button("move", "Back to the model’s numbers", () => {
      backToModel(root);
      root.box.focus({ preventScroll: true });
    });
    back.textContent = "Back to the model’s numbers";
    const says = element("span", "says");
    says.setAttribute("role", "status");
    whatIf.append(element("b", "", "What if"), says, back);
  }
  whatIf.children[1].textContent = root.isUndivided ? row.texts.without_scale : movedText(meta, row, moved);
}

function movedText(meta, row, moved) {
  const key = [...moved.keys()].at(-1);
  const others = moved.size > 1 ? ` and ${moved.size - 1} more changed` : "";
  return `the score of ${quoted(meta.keys[key][0])} were ${signedText(row.scores[key])} instead of ` +
    `${signedText(row.scaled[key])}${others}? Its weight would be ${percent(row.weights[key])} instead of ` +
    `${percent(row.model[key])}. Only weights and output here answer; the model and the rest of the page stay.`;
}

// What is pointed at: a key, and perhaps a dimension of q and k, or one of v.

function pointAtRow(root, event) {
  const line = event.target.closest(".row");
  if (!line) return;
  const found = { key: Number(line.dataset.key) };
  const strip = event.target.closest("canvas");
  if (strip?.classList.contains("key")) found.dimension = dimensionAt(root, strip, event);
  if (strip?.classList.contains("value")) found.valueDimension = dimensionAt(root, strip, event);
  point(root, found);
}

function pointAtQuery(root, event) {
  const key = root.point?.key ?? root.row.top;
  point(root, { key, dimension: dimensionAt(root, root.top.query, event) });
}

function pointAtOutput(root, event) {
  const key = root.point?.key ?? root.row.top;
  point(root, { key, valueDimension: dimensionAt(root, root.output, event) });
}

function dimensionAt(root, canvas, event) {
  const place = canvas.getBoundingClientRect();
  return within(Math.floor((event.clientX - place.left) / root.cell), canvas.width);
}

function point(root, found) {
  const isSame = JSON.stringify(found) === JSON.stringify(root.point);
  if (isSame || root.drag?.isMoving || !root.row) return;
  endSweep(root);
  if (found?.key !== root.point?.key) pointAt(found && wordsOf(root, found.key, root.view.row - 1));
  root.point = found;
  drawPoint(root);
}

// The words of a key and of a query, for the one hover of the page.
function wordsOf(root, key, query) {
  const [asking, asked] = root.meta.sides;
  const found = { source: [], target: [] };
  const add = (side, word) => word >= 0 && found[side].push(word);
  if (key !== null) add(asked, root.meta.keys[key][1]);
  if (key === null || asking !== asked) add(asking, root.meta.queries[query][2]);
  return found;
}

function light(root, words) {
  const [asking, asked] = root.meta.sides;
  const has = (side, word) => word >= 0 && Boolean(words) && words[side].includes(word);
  root.chips.forEach((made, index) => made.classList.toggle("linked", has(asking, root.meta.queries[index][2])));
  for (const [key, line] of root.rows) line.root.classList.toggle("linked", has(asked, root.meta.keys[key][1]));
}

// The products of the key pointed at (else of the one with the largest weight), and what is read there.
function drawPoint(root) {
  const { row, meta, point: at } = root;
  const key = at?.key ?? row.top;
  for (const [other, line] of root.rows) line.root.classList.toggle("pointed", other === key && at !== null);
  root.top.productsOf.textContent = `q × k of ${meta.keys[key][0]}`;
  root.top.productsOf.title = root.top.productsOf.textContent;
  drawProducts(root, key, at?.dimension);
  place(root, root.cursors[0], root.left[0], root.partial?.dimension ?? at?.dimension);
  place(root, root.cursors[1], root.left[1], at?.valueDimension);
  root.readout.textContent = readoutText(root, key);
  control(root.readout, !root.point); // then it is a hint
  const { products } = root.top;
  products.setAttribute("aria-valuemax", meta.d_k);
  products.setAttribute("aria-valuenow", (at?.dimension ?? 0) + 1);
  products.setAttribute("aria-valuetext", root.readout.textContent);
}

function place(root, cursor, left, dimension) {
  cursor.hidden = dimension === undefined;
  if (cursor.hidden) return;
  cursor.style.left = `${left + dimension * root.cell}px`;
  cursor.style.width = `${root.cell}px`;
}

function productOf(root, key, dimension) {
  return root.row.query[dimension] * root.numbers.keys[key * root.meta.d_k + dimension];
}

function drawProducts(root, key, dimension) {
  const { meta, cell: width } = root;
  const canvas = root.top.products;
  canvas.width = meta.d_k * width;
  canvas.height = PRODUCTS_PX;
  canvas.style.width = `${canvas.width}px`;
  const context = canvas.getContext("2d");
  const products = Array.from({ length: meta.d_k }, (_, j) => productOf(root, key, j));
  const high = Math.max(0, ...products);
  const low = Math.min(0, ...products);
  const y = (value) => ((high - value) / (high - low || 1)) * (PRODUCTS_PX - 2) + 1;
  const { attention, below } = colours(root);
  products.forEach((product, j) => {
    context.fillStyle = `rgb(${product < 0 ? below : attention})`;
    context.globalAlpha = dimension === undefined || dimension === j ? 1 : 0.45;
    context.fillRect(j * width + 0.5, y(Math.max(0, product)), Math.max(width - 1, 1), Math.abs(y(product) - y(0)));
  });
  context.globalAlpha = 1;
  context.fillStyle = `rgb(${below})`;
  context.fillRect(0, y(0) - 0.5, canvas.width, 1);
}

function readoutText(root, key) {
  const { row, meta, point: at } = root;
  const label = quoted(meta.keys[key][0]);
  if (at?.dimension !== undefined) {
    const j = at.dimension;
    const k = root.numbers.keys[key * meta.d_k + j];
    return `Dimension ${j + 1}: q ${signedText(row.query[j])} × k ${signedText(k)} of ${label} = ` +
      `${signedText(productOf(root, key, j))}. All ${meta.d_k} products add up to q·k = ${signedText(row.products[key])}.`;
  }
  if (at?.valueDimension !== undefined) {
    const j = at.valueDimension;
    const v = root.numbers.values[key * meta.d_v + j];
    return `Dimension ${j + 1}: weight ${row.weights[key].toFixed(3)} × v ${signedText(v)} of ${label} = ` +
      `${signedText(row.weights[key] * v)}. All ${meta.keys.length} keys add up to ${signedText(row.output[j])} in the output.`;
  }
  if (!at) return HINT;
  const score = row.visible[key] ? signedText(row.scores[key]) : "−∞ (masked)";
  return `${label}: q·k = ${signedText(row.products[key])}, score ${score}, weight ${row.weights[key].toFixed(3)}.`;
}

// Rows and stages

// Draw at once; tell the server when the reader has been quiet for a moment.
function change(root, view) {
  const isOtherRow = view.row !== undefined && view.row !== root.view.row;
  endSweep(root);
  if (isOtherRow) forget(root);
  root.view = { ...root.view, ...view };
  if (isOtherRow) show(root);
  else if (root.row) showStage(root);
  clearTimeout(root.timer);
  root.timer = setTimeout(() => {
    root.timer = null;
    root.report();
  }, QUIET_MS);
}

function go(root, row) {
  const to = within(row - 1, root.chips.length) + 1;
  if (to !== root.view.row && !root.chips[to - 1].disabled) change(root, { row: to });
}

function pick(root, event) {
  const last = root.chips.length;
  const by = { ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last }[event.key];
  if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  go(root, root.view.row + by);
  root.chips[root.view.row - 1].focus({ preventScroll: true });
}

// The arrow keys choose a row without a click before, unless something else on the page takes them.
function steerFromAnywhere(root) {
  const hear = (event) => {
    if (!root.isConnected) return document.removeEventListener("keydown", hear);
    const isFree = [document.body, null].includes(document.activeElement);
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!isFree || !by || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(root, root.view.row + by);
  };
  document.addEventListener("keydown", hear);
}

// The chosen row is never out of sight in a list that is wider than its place.
function keepInView(list, made) {
  const [place, box] = [made, list].map((node) => node.getBoundingClientRect());
  if (place.left >= box.left && place.right <= box.right) return;
  list.scrollTo({ left: list.scrollLeft + place.left - box.left - (box.width - place.width) / 2 });
}

function bringIntoSight(root, key) {
  const { box } = root;
  const [from, to] = [key * ROW_PX, (key + 1) * ROW_PX + 140];
  if (from < box.scrollTop) box.scrollTop = from;
  else if (to > box.scrollTop + box.clientHeight) box.scrollTop = to - box.clientHeight;
}

// What stages show and say is the model's: whatever the reader tried ends.
function turn(root, stage) {
  if (root.moved.size) backToModel(root);
  if (stage === root.view.stage) return sweep(root);
  change(root, { stage });
  sweep(root);
}

// The next stage that changes something.
function step(root, by) {
  stop(root);
  const stage = nextStage(root, by);
  if (stage) turn(root, stage);
}

function nextStage(root, by) {
  let stage = root.view.stage + by;
  while (stage >= 1 && stage <= STAGES.length && isFolded(root, stage)) stage += by;
  return stage >= 1 && stage <= STAGES.length ? stage : null;
}

function play(root) {
  root.playButton.textContent = "Pause";
  root.playButton.setAttribute("aria-label", "Pause");
  clearInterval(root.playing);
  root.playing = setInterval(() => tick(root), PLAY_MS);
  turn(root, nextStage(root, 1) ? root.view.stage : VECTORS);
}

function tick(root) {
  if (!root.isConnected) return stop(root);
  const stage = nextStage(root, 1);
  if (stage) turn(root, stage);
  if (!stage || !nextStage(root, 1)) stop(root);
}

function stop(root) {
  clearInterval(root.playing);
  root.playing = null;
  root.playButton.textContent = "▶ Play";
  root.playButton.setAttribute("aria-label", "Play");
}

// Products grow dimension by dimension, the output key by key.
function sweep(root) {
  endSweep(root);
  const { stage } = root.view;
  const isMoving = stage === PRODUCTS || stage === VALUES;
  if (!isMoving || !root.row || wantsStillness()) return;
  const began = performance.now();
  const frame = (now) => {
    const share = (now - began) / SWEEP_MS;
    if (share >= 1 || !root.isConnected) return endSweep(root);
    if (stage === PRODUCTS) sweepProducts(root, share);
    else sweepOutput(root, share);
    root.sweeping = requestAnimationFrame(frame);
  };
  root.sweeping = requestAnimationFrame(frame);
}

function sweepProducts(root, share) {
  const n = Math.floor(share * root.meta.d_k);
  const products = (key) => {
    let sum = 0;
    for (let j = 0; j <= n; j++) sum += productOf(root, key, j);
    return sum;
  };
  root.partial = { products, dimension: n };
  for (const [key, line] of root.rows) put(line.products, products(key), root.ends.products, short(products(key)));
  place(root, root.cursors[0], root.left[0], n);
}

function sweepOutput(root, share) {
  const n = Math.floor(share * root.meta.keys.length);
  root.partial = { output: summed(root, root.row.weights, n + 1) };
  for (const [key, line] of root.rows) line.root.classList.toggle("pointed", key === n);
  drawTop(root);
}

function endSweep(root) {
  cancelAnimationFrame(root.sweeping);
  if (!root.partial) return;
  root.partial = null;
  if (!root.row) return;
  drawRows(root, true);
  drawTop(root);
  drawPoint(root);
}
