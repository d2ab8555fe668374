const HELP =
  "Click to switch off or on. Double-click, or press S, to keep only this head of its kind. “all” and “FFN” are " +
  "whole sub-layers; arrow keys move.";
const STATES = { on: "on", off: "switched off", changed: "changed", inside: "inside of what is off" };
const MOST_NAMED = 3; // in the title of a picture
const WAIT_MS = 300; // a double click is two clicks, and several heads are one question

function cellButton(root, cell) {
  const made = element("button", `cell ${cell.kind}`);
  made.type = "button";
  made.setAttribute("role", "switch");
  made.cell = cell;
  made.append(element("span", "text", cell.text));
  made.onclick = (event) => {
    if (event.detail === 2 && cell.kind === "head") solo(root, made);
    else toggle(root, cell);
  };
  return made;
}

function buildGrid(root, grid, nHeads) {
  const section = element("div", "kind");
  section.style.setProperty("--columns", grid.columns.length);
  const title = element("div", "title", grid.title);
  const table = element("div", "grid");
  table.setAttribute("role", "group");
  table.setAttribute("aria-label", grid.title);
  table.style.setProperty("--heads", nHeads);
  table.style.setProperty("--others", grid.columns.length - nHeads - 1);
  for (const column of grid.columns) {
    const heading = element("div", "column", column);
    heading.setAttribute("aria-hidden", "true");
    table.append(heading);
  }
  const rows = grid.rows.map((row) =>
    row.map((cell) => (cell.kind === "label" ? element("div", "label", cell.text) : cellButton(root, cell))),
  );
  table.append(...rows.flat());
  const switches = rows.map((row) => row.filter((made) => made.cell));
  switches.flat().forEach((made, index) => (made.tabIndex = index ? -1 : 0));
  table.onkeydown = (event) => onKey(event, root, switches);
  reaching(table, (target) => tell(root, target.closest(".cell")));
  table.onmouseleave = () => tell(root, null);
  section.append(title, table);
  return section;
}

function build(root, data) {
  root.kinds = element("div", "kinds");
  root.kinds.append(...data.grids.map((grid) => buildGrid(root, grid, data.n_heads)));
  root.status = control(element("div", "status"));
  root.legend = element("div", "legend");
  root.replaceChildren(root.kinds, root.status, root.legend, pictureButtons(root, "switches", () => says(root)));
  root.cells = [...root.querySelectorAll(".cell")];
}

function says(root) {
  const off = root.cells.filter(({ cell }) => root.off.has(cell.place)).map(({ cell }) => cell.name);
  const which = off.length > MOST_NAMED ? `${off.length} places` : off.join("; ");
  return off.length ? `Switched off (✕): ${which}.` : "Nothing is switched off.";
}

function onKey(event, root, switches) {
  const made = event.target.closest(".cell");
  if (!made || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.toLowerCase() === "s" && made.cell.kind === "head") {
    event.preventDefault();
    event.stopPropagation();
    solo(root, made);
    return;
  }
  const row = switches.findIndex((cells) => cells.includes(made));
  const column = switches[row].indexOf(made);
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const [down, right] = steps[event.key];
  const cells = switches[row + down];
  const next = cells && (down ? cells[Math.min(column, cells.length - 1)] : cells[column + right]);
  if (!next) return;
  switches.flat().forEach((other) => (other.tabIndex = other === next ? 0 : -1));
  next.focus();
}

function isInside(root, cell) {
  return cell.outer.some((place) => root.off.has(place));
}

function stateOf(root, cell) {
  if (isInside(root, cell)) return "inside";
  if (root.off.has(cell.place)) return "off";
  return root.data.states[cell.place] === "changed" ? "changed" : "on";
}

function toggle(root, cell) {
  if (isInside(root, cell)) return;
  if (!root.off.delete(cell.place)) root.off.add(cell.place);
  changed(root);
}

// All other heads of this kind off; where they are off already, all on again.
function solo(root, made) {
  const kind = [...made.parentElement.children].filter((other) => other.cell?.kind === "head");
  const others = kind.filter((other) => other !== made && !isInside(root, other.cell));
  const isAlone = others.every((other) => root.off.has(other.cell.place));
  root.off.delete(made.cell.place);
  for (const { cell } of others) {
    if (isAlone) root.off.delete(cell.place);
    else root.off.add(cell.place);
  }
  changed(root);
}

// Seen at once; the model is asked when the reader pauses.
function changed(root) {
  paint(root);
  tell(root, root.getRootNode().activeElement?.closest?.(".cell"));
  clearTimeout(root.waiting);
  root.waiting = setTimeout(() => {
    root.waiting = null;
    root.send([...root.off]);
  }, WAIT_MS);
}

function sentence(root, made) {
  const { cell } = made;
  const effect = root.data.effects?.of[cell.place];
  const mark = root.data.marked?.place === cell.place ? `, ${root.data.marked.reason}` : "";
  const worth = effect ? `. Without it alone: ${effect.long}` : "";
  return `${cell.name}${mark}: ${STATES[stateOf(root, cell)]}${worth}`;
}

function tell(root, made) {
  root.status.textContent = made ? sentence(root, made) : HELP;
}

function paint(root) {
  for (const made of root.cells) {
    const { cell } = made;
    const state = stateOf(root, cell);
    const effect = root.data.effects?.of[cell.place];
    made.dataset.state = state;
    made.classList.toggle("marked", root.data.marked?.place === cell.place);
    made.setAttribute("aria-checked", String(state === "on" || state === "changed"));
    made.setAttribute("aria-disabled", String(state === "inside"));
    made.setAttribute("aria-label", sentence(root, made));
    made.style.background = effect && state === "on" ? effect.colour : "";
    made.style.color = effect && state === "on" ? effect.ink : "";
    made.firstChild.textContent = label(root, cell, state, effect);
  }
}

function label(root, cell, state, effect) {
  if (cell.text) return state === "off" ? `✕ ${cell.text}` : cell.text;
  if (state === "off" || state === "inside") return "✕";
  if (state === "changed") return "≠";
  const isRoomy = cell.kind !== "head" || root.data.n_heads <= 8;
  return effect && isRoomy ? effect.short : "";
}

function drawLegend(root) {
  const effects = root.data.effects;
  root.legend.hidden = !effects;
  if (!effects) return;
  const steps = effects.legend.map(({ text, colour, ink }) => {
    const made = element("span", "step", text);
    made.style.background = colour;
    made.style.color = ink;
    return made;
  });
  root.legend.replaceChildren(
    element("span", "", `${effects.title}:`),
    element("span", "", effects.low),
    ...steps,
    element("span", "", effects.high),
  );
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = keep(parentElement, "toggles");
  const shape = JSON.stringify(data.grids);
  if (root.shape !== shape) build(root, data);
  root.shape = shape;
  root.data = data;
  root.send = (places) => setTriggerValue("off", places);
  if (!root.waiting)
    root.off = new Set(Object.keys(data.states).filter((place) => data.states[place] === "off"));
  paint(root);
  drawLegend(root);
  tell(root, root.getRootNode().activeElement?.closest?.(".cell"));
}
