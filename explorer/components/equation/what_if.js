// What if a score were another one? A score is dragged, or moved by the arrow keys.

const KEY_STEP = 0.1; // by which an arrow key moves a score

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
