// The scene plays: first the encoder, layer by layer, then step after step.

const PLAY_MS = 900;
const SPEEDS = { "½ ×": 0.5, "1 ×": 1, "2 ×": 2 };
const LEAST_ARC = 0.1; // of a weight that is drawn

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
