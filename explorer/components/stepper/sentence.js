// The sentence and what is written of its translation: chips, candidates, ribbons, words.

function drawSentence(root) {
  const { meta, stage } = root;
  root.sources = meta.source.map((token, index) => sourceChip(root, token, index));
  root.targets = meta.steps.map((step, index) => targetColumn(root, step, index));
  const sourceRow = element("div", "row sources");
  const targetRow = element("div", "row targets");
  sourceRow.append(...root.sources);
  targetRow.append(...root.targets);
  for (const [row, name] of [[sourceRow, "Source words"], [targetRow, "Words of the translation"]]) {
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", name);
  }
  root.ribbons = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  root.ribbons.setAttribute("class", "ribbons");
  root.ribbons.setAttribute("aria-hidden", "true");
  stage.replaceChildren(sourceRow, root.ribbons, targetRow);
  drawRibbons(root);
}

function sourceChip(root, token, index) {
  const chip = element("span", "token source");
  chip.dataset.source = index;
  chip.append(tokenElement("text", token.text));
  chip.classList.toggle("inner", !token.opens && !token.special);
  chip.classList.toggle("special", token.special);
  if (token.is_new) {
    chip.classList.add("new");
    chip.title = "training never showed this piece";
  }
  return chip;
}

function targetColumn(root, step, index) {
  const column = element("div", "column");
  const name = `Step ${index + 1}: ${step.text}, probability ${percent(step.probability)}`;
  const chip = button("token target", name, () => go(root, index + 1));
  chip.dataset.target = index;
  chip.append(tokenElement("text", step.text));
  chip.classList.toggle("inner", !step.opens && !step.special);
  chip.classList.toggle("special", step.special);
  chip.classList.toggle("forced", step.forced);
  chip.classList.toggle("changed", step.changed);
  const marks = [step.forced && "held fixed", step.changed && "differs from the earlier run"];
  chip.title = [name, ...marks.filter(Boolean)].join("; ");
  const bar = element("span", "bar");
  bar.style.setProperty("--share", step.probability);
  chip.append(bar);
  const candidates = element("div", "candidates");
  for (const candidate of step.candidates) candidates.append(candidateButton(root, index, candidate));
  column.append(chip, tokenElement("gloss", step.gloss), candidates);
  for (const made of stops(column)) made.tabIndex = -1;
  return column;
}

function candidateButton(root, index, candidate) {
  const share = percent(candidate.probability);
  const taken = candidate.id === root.meta.steps[index].id;
  const isOffer = root.meta.can_change && !taken;
  const label = !isOffer
    ? `${candidate.text}, ${share}${taken ? `, taken at step ${index + 1}` : ""}`
    : `${candidate.text}, ${share}: go on from here with it at step ${index + 1}`;
  const made = button("candidate", label, () => {
    if (isOffer) root.send("taken", { step: index + 1, id: candidate.id, run: root.meta.run });
  });
  made.setAttribute("aria-pressed", String(taken));
  made.style.setProperty("--share", candidate.probability);
  made.append(tokenElement("text", candidate.text), element("span", "share", share));
  return made;
}

// Ribbons join each target piece with the source pieces that carry most of its attention.
function drawRibbons(root) {
  const box = root.ribbons.getBoundingClientRect();
  if (!box.width) return;
  const middle = (node) => {
    const place = node.getBoundingClientRect();
    return place.left + place.width / 2 - box.left;
  };
  const sources = root.sources.map(middle);
  const paths = root.meta.steps.flatMap((step, index) => {
    const x = middle(root.targets[index]);
    return step.links.map(([source, share]) => ribbon(sources[source], x, box.height, share, source, index));
  });
  root.ribbons.replaceChildren(...paths);
  show(root);
}

function ribbon(from, to, height, share, source, target) {
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const half = height / 2;
  path.setAttribute("d", `M${from},0 C${from},${half} ${to},${half} ${to},${height}`);
  path.style.strokeWidth = `${1 + 7 * share}px`;
  path.dataset.source = source;
  path.dataset.target = target;
  return path;
}

// The words that pieces belong to, -1 for those of none.
function wordsOf(meta) {
  const count = (tokens) => {
    let word = -1;
    return tokens.map((token) => (token.special ? -1 : token.opens ? ++word : word));
  };
  return { source: count(meta.source), target: count(meta.steps) };
}

// The word that is pointed at, and those its ribbons lead to.
function linkedWords(root, token) {
  const { source, target } = token?.dataset ?? {};
  if (source === undefined && target === undefined) return null;
  const { words, meta } = root;
  const links = meta.steps.flatMap((step, index) =>
    step.links.map(([key]) => [words.source[key], words.target[index]]));
  const [side, own] = source !== undefined
    ? ["source", words.source[source]] : ["target", words.target[target]];
  const found = { source: [], target: [] };
  found[side].push(own);
  for (const [from, to] of links) {
    if ((side === "source" ? from : to) === own) found[side === "source" ? "target" : "source"].push(side === "source" ? to : from);
  }
  return own < 0 ? null : found;
}

// Light the words that are pointed at anywhere on the page, and the ribbons between them.
function light(root, pointed) {
  const has = (side, index) => Boolean(pointed) && pointed[side].includes(root.words[side][index]);
  root.sources.forEach((chip, i) => chip.classList.toggle("linked", has("source", i)));
  root.targets.forEach((column, i) => column.firstChild.classList.toggle("linked", has("target", i)));
  for (const path of root.ribbons.children) {
    const { source, target } = path.dataset;
    path.classList.toggle("linked", has("source", Number(source)) && has("target", Number(target)));
  }
}

// All that is written before a step, in the middle cut short.
function readSoFar(meta, step) {
  const read = [meta.start, ...meta.steps.slice(0, step - 1).map((each) => each.text)];
  return (read.length > 6 ? [...read.slice(0, 2), "…", ...read.slice(-3)] : read).join(" ");
}

// The current column is never out of sight in a stage that is wider than its place.
function keepInView(root, column) {
  const { stage } = root;
  const [place, box] = [column, stage].map((node) => node.getBoundingClientRect());
  const isSeen = place.left >= box.left + 24 && place.right <= box.right - 24;
  if (isSeen || !box.width || root.shownStep === root.view.step) return;
  root.shownStep = root.view.step;
  const left = stage.scrollLeft + place.left - box.left - (box.width - place.width) / 2;
  const still = wantsStillness();
  stage.scrollTo({ left, behavior: still ? "auto" : "smooth" });
}

function wordForm(root) {
  const form = element("form", "word");
  const label = element("label", "", "Another word ");
  root.word = element("input", "");
  root.word.type = "text";
  root.word.maxLength = 100;
  root.word.dir = "auto";
  label.append(root.word);
  const send = element("button", "", "Continue with this word");
  form.append(label, send);
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = root.word.value.trim();
    if (text) root.send("typed", { step: root.view.step, text, run: root.meta.run });
    root.word.value = "";
  };
  return form;
}
