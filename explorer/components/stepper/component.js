// A translation as a scene that plays: the source is encoded layer by layer, then each step reads what
// is written so far, attends to the source, and writes one piece. Still, it is stepped through.

const QUIET_MS = 300;
const MANY_STEPS = 20;

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
