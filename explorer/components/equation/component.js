// Equation 1 for one head: keys downwards, stages across. All rows of the head are here, so another
// row is drawn at once; the server hears of it when the reader has been quiet for a moment.

const QUIET_MS = 300;
const PLAY_MS = 3200;
const SWEEP_MS = 1600;

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
