// What is there once, and what is there once for a head: formula, player, sheet.

const STAGES = ["q and K", "q·k", "÷ √d_k", "mask", "softmax", "α v"];
const MATHML = "http://www.w3.org/1998/Math/MathML";
const MOST_SHEET_PX = 620;

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
