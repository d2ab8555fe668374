// Everything that depends on row, stage, or what the reader tried.

const ROW_PX = 24;
const LABEL_PX = 104;
const NUMBER_PX = 128;
const NARROW_PX = 760;
const GAP_PX = 14;
const SPARE_ROWS = 4; // drawn above and below what is in sight
const CELL_PX = [3, 13]; // how wide a dimension is drawn

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
