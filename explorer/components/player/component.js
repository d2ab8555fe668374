// One sentence at several moments of a training: a film of its translations and of one head.

const PLAY_MS = 1600;
const MORPH_MS = 500;
const SPEEDS = { "½ ×": 0.5, "1 ×": 1, "2 ×": 2 };
const SHOWN_TIMES = 3; // of a word that is repeated
const CELL = { least: 9, most: 19, width: 420, height: 300 };
const MOST_LABELS = 44;

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = keep(parentElement, "training", build);
  const { meta, values } = unpack(data);
  const isNew = root.meta?.run !== meta.run;
  root.meta = meta;
  root.values = values;
  if (isNew) forget(root);
  takeView(root, meta.view, setStateValue);
  const drawn = JSON.stringify([meta.run, meta.moments.map(({ step, words }) => [step, words])]);
  if (root.drawn !== drawn) drawMoments(root);
  root.drawn = drawn;
  show(root);
}

// Another sentence: whatever the reader was looking at is of the one before.
function forget(root) {
  stop(root);
  clearTimeout(root.timer);
  root.timer = root.awaited = root.view = root.levels = null;
}

function build(root) {
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "The sentence along the training; left and right arrow keys go to other moments");
  root.bar = element("div", "bar");
  root.list = element("ol", "moments");
  root.side = element("div", "side");
  const body = element("div", "body");
  body.append(root.list, root.side);
  root.append(root.bar, body);
  buildBar(root);
  buildSide(root);
  root.onkeydown = (event) => press(root, event);
  onPoint(root, (words) => root.meta && light(root, words));
  new ResizeObserver(() => root.meta && drawHead(root)).observe(root.side);
}

function buildBar(root) {
  root.playButton = button("play", "Play", () => (root.playing ? stop(root) : play(root)));
  root.speed = element("select", "speed");
  root.speed.setAttribute("aria-label", "Speed");
  for (const name of Object.keys(SPEEDS)) root.speed.append(new Option(name, SPEEDS[name]));
  root.speed.value = 1;
  root.speed.onchange = () => root.playing && play(root);
  root.slider = element("input", "slider");
  root.slider.type = "range";
  root.slider.min = 0;
  root.slider.setAttribute("aria-label", "Moment of the training");
  root.slider.oninput = () => choose(root, Number(root.slider.value));
  root.marks = element("div", "marks");
  root.marks.setAttribute("aria-hidden", "true");
  const track = element("div", "track");
  track.append(root.slider, root.marks);
  const buttons = pictureButtons(root, "training", () => "One sentence along the training");
  root.bar.append(control(root.playButton), control(root.speed), control(track), buttons);
  stop(root);
}

function buildSide(root) {
  root.heading = element("div", "title");
  root.heading.setAttribute("role", "status");
  root.picture = element("div", "picture");
  root.picture.tabIndex = 0;
  root.picture.setAttribute("role", "img");
  root.columns = element("div", "columns");
  root.rows = element("div", "rows");
  root.canvas = element("canvas", "head");
  root.canvas.onmousemove = (event) => point(root, event);
  root.canvas.onmouseleave = () => pointAt(null);
  root.picture.append(root.columns, root.rows, root.canvas);
  root.told = element("div", "told");
  const label = control(element("label", "hold"));
  root.hold = element("input", "");
  root.hold.type = "checkbox";
  root.hold.onchange = () => change(root, { held: root.hold.checked });
  label.append(root.hold, "Same rows at every moment: the finished translation");
  root.side.append(root.heading, root.picture, root.told, label);
}

// Left and right go to another moment, unless they move the slider or scroll the picture.
function press(root, event) {
  if (event.target.closest("input, select, .picture") || event.altKey || event.ctrlKey || event.metaKey) return;
  const last = root.meta.moments.length - 1;
  const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -last, End: last }[event.key];
  if (!by) return;
  event.preventDefault();
  const onRow = event.target.closest(".go");
  choose(root, index(root) + by);
  if (onRow) root.gos[index(root)].focus();
}

function index(root) {
  return Math.max(0, root.meta.moments.findIndex(({ step }) => step === root.view.snapshot));
}

// The reader's own step ends the film.
function choose(root, to) {
  stop(root);
  go(root, to);
}

function go(root, to) {
  const within = Math.min(Math.max(to, 0), root.meta.moments.length - 1);
  if (within !== index(root)) change(root, { snapshot: root.meta.moments[within].step });
}

// From the end the film starts again.
function play(root) {
  clearInterval(root.playing);
  root.playButton.textContent = "❚❚ Pause";
  root.playButton.setAttribute("aria-label", "Pause");
  root.classList.add("playing");
  if (index(root) === root.meta.moments.length - 1) go(root, 0);
  root.playing = setInterval(() => tick(root), PLAY_MS / Number(root.speed.value));
  show(root);
}

function tick(root) {
  if (!root.isConnected) return stop(root);
  go(root, index(root) + 1);
  if (index(root) === root.meta.moments.length - 1) stop(root);
}

function stop(root) {
  clearInterval(root.playing);
  root.playing = null;
  root.classList.remove("playing");
  root.playButton.textContent = "▶ Play";
  root.playButton.setAttribute("aria-label", "Play");
}

function change(root, view) {
  root.view = { ...root.view, ...view };
  show(root);
  tellSoon(root);
}

function drawMoments(root) {
  const { moments } = root.meta;
  root.bar.hidden = moments.length < 2; // there is nothing to play
  root.slider.max = moments.length - 1;
  root.marks.replaceChildren(...moments.map(({ name }) => element("span", "", name.replace(/^step /, ""))));
  root.gos = [];
  root.list.replaceChildren(...moments.map((moment, at) => momentLine(root, moment, at)));
}

function momentLine(root, moment, at) {
  const line = element("li", "moment");
  const goTo = element("button", "go");
  goTo.type = "button";
  goTo.onclick = () => choose(root, at);
  goTo.append(element("span", "name", moment.name), share(moment.probability));
  root.gos.push(goTo);
  const text = element("div", "text");
  text.dir = "auto";
  text.append(...moment.words.flatMap((word, place) => [wordElement(word, place), " "]));
  line.append(goTo, text);
  line.onclick = () => index(root) !== at && choose(root, at);
  return line;
}

function share(probability) {
  const made = element("span", "share", `${percent(probability)} per piece`);
  made.style.setProperty("--share", probability);
  return made;
}

function wordElement(word, place) {
  const made = element("span", "word");
  made.classList.toggle("new", word.is_new);
  const shown = Array(Math.min(word.times, SHOWN_TIMES)).fill(word.text).join(" ");
  const said = tokenElement("said", word.times > SHOWN_TIMES ? `${shown} … (${word.times} times)` : shown);
  made.append(said);
  if (word.gloss) made.append(tokenElement("gloss", word.gloss));
  made.dataset.place = place;
  if (word.source_word !== null) {
    made.onmouseenter = () => pointAt({ source: [word.source_word], target: [] });
    made.onmouseleave = () => pointAt(null);
  }
  return made;
}

function show(root) {
  const at = index(root);
  const moment = root.meta.moments[at];
  root.slider.value = at;
  root.slider.setAttribute("aria-valuetext", moment.name);
  root.hold.checked = root.view.held;
  [...root.list.children].forEach((line, place) => {
    line.classList.toggle("current", place === at);
    line.classList.toggle("later", place > at);
    root.gos[place].setAttribute("aria-pressed", place === at);
  });
  [...root.marks.children].forEach((mark, place) => mark.classList.toggle("current", place === at));
  root.heading.textContent = `${root.meta.head}: ${moment.name}`;
  const text = moment.words.map(({ text }) => text).join(" ");
  root.picture.setAttribute("aria-label", `${root.meta.head}, ${moment.name}: ${text}`);
  drawHead(root, true);
}

function part(root) {
  return root.meta.moments[index(root)][root.view.held ? "held" : "own"];
}

function weightsOf(root, found) {
  return weightsAt(root.values, found.at, found.labels.length * root.meta.source.length);
}

// The head's weights: rows and columns keep their places, and cells fade from one moment to the next.
function drawHead(root, canMorph = false) {
  const found = part(root);
  const shape = [found.labels.length, root.meta.source.length];
  const wanted = weightsOf(root, found).map((weight) => 255 * Math.sqrt(weight));
  const isSame = root.shape?.join() === shape.join();
  labelHead(root, found, shape);
  const isStill = wantsStillness();
  cancelAnimationFrame(root.frame);
  if (!(canMorph && isSame && root.levels && !isStill)) return paint(root, shape, wanted);
  const from = root.levels.slice();
  const started = performance.now();
  const morph = (now) => {
    const done = Math.min(1, (now - started) / MORPH_MS);
    paint(root, shape, from.map((level, i) => level + (wanted[i] - level) * done));
    if (done < 1) root.frame = requestAnimationFrame(morph);
  };
  root.frame = requestAnimationFrame(morph);
}

function paint(root, shape, now) {
  root.levels = now;
  root.shape = shape;
  const [rows, columns] = shape;
  root.canvas.width = columns;
  root.canvas.height = rows;
  const image = new ImageData(columns, rows);
  now.forEach((level, i) => {
    const colour = 3 * Math.round(level);
    image.data.set([root.values[colour], root.values[colour + 1], root.values[colour + 2], 255], 4 * i);
  });
  root.canvas.getContext("2d").putImageData(image, 0, 0);
}

function labelHead(root, found, [rows, columns]) {
  const room = Math.min(CELL.width, root.side.clientWidth - 130);
  const fit = (space, n) => Math.max(CELL.least, Math.min(CELL.most, Math.floor(space / n)));
  const [width, height] = [fit(room, columns), fit(CELL.height, rows)];
  root.picture.style.setProperty("--width", `${width * columns}px`);
  root.picture.style.setProperty("--height", `${height * rows}px`);
  label(root.rows, found.labels, height);
  label(root.columns, root.meta.source.map(({ text }) => text), width);
}

function label(place, texts, size) {
  const every = Math.max(Math.ceil(texts.length / MOST_LABELS), Math.ceil(12 / size));
  place.replaceChildren(
    ...texts.map((text, at) => {
      const made = tokenElement("label", at % every ? "" : text);
      made.style.setProperty("--size", `${size}px`);
      return made;
    }),
  );
}

function cellAt(root, event) {
  const box = root.canvas.getBoundingClientRect();
  const [rows, columns] = root.shape;
  const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
  const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
  return row >= 0 && row < rows && column >= 0 && column < columns ? [row, column] : null;
}

function point(root, event) {
  const cell = cellAt(root, event);
  if (!cell) return;
  const [row, column] = cell;
  const found = part(root);
  const weight = weightsOf(root, found)[row * root.meta.source.length + column];
  const { text, word } = root.meta.source[column];
  root.told.textContent = `${found.labels[row]} looks at ${text}: ${percent(weight)}`;
  const target = root.view.held ? found.words[row] : -1; // only those stand in the line above
  pointAt({ source: word < 0 ? [] : [word], target: target < 0 ? [] : [target] });
}

function light(root, words) {
  [...root.columns.children].forEach((made, at) => {
    made.classList.toggle("lit", Boolean(words?.source.includes(root.meta.source[at].word)));
  });
  const found = part(root);
  [...root.rows.children].forEach((made, at) => {
    made.classList.toggle("lit", root.view.held && Boolean(words?.target.includes(found.words[at])));
  });
  if (!words) root.told.textContent = "";
}
