// A sentence and its translations in words; pointing at a word lights it, and what it is linked to.

export default function (component) {
  const { data, parentElement } = component;
  const root = keep(parentElement, "words", (made) => onPoint(made, (words) => light(made, words)));
  root.replaceChildren();
  root.lines = [];
  root.classList.toggle("several", data.translations.length > 1);
  const first = data.translations.find((each) => each.is_first);
  if (data.source) {
    const from = data.source.words.map((text) => ({ text }));
    const targetsOf = (index) => (first?.words ?? []).flatMap((word, at) => (word.source_word === index ? [at] : []));
    addLine(root, { side: "source", name: data.source.name, words: from }, (index) => ({ source: [index], target: targetsOf(index) }));
  }
  for (const each of data.translations)
    addLine(root, { ...each, side: "target" }, (index) => linked(each, index));
  root.append(...data.warnings.map((text) => element("span", "warning", text)));
}

// A word of a translation and its source; only the first translation's words are on the rest of the page.
function linked({ words, is_first }, index) {
  const link = words[index].source_word;
  return { source: link == null ? [] : [link], target: is_first ? [index] : [] };
}

function addLine(root, line, pointed) {
  const made = element("div", `line ${line.side}`);
  made.append(tokenElement("language", line.name));
  const text = element("span", "text");
  text.dir = directionOf(line.words.map((word) => word.text).join(" "));
  text.append(...line.words.map((word, index) => wordElement(word, () => pointed(index))));
  made.append(text);
  if (line.side === "target" && line.text) made.append(copyButton(line.text));
  root.append(made);
  root.lines.push({ line, words: [...text.children] });
}

function wordElement(word, pointed) {
  const made = element("span", "word");
  made.append(tokenElement("said", word.text));
  if (word.gloss) made.append(tokenElement("gloss", word.gloss));
  made.classList.toggle("changed", Boolean(word.is_changed));
  if (word.source_share != null) made.append(shareElement(word.source_share));
  if (word.probability != null) made.title = saysOf(word);
  made.onmouseenter = () => pointAt(pointed());
  made.onmouseleave = () => pointAt(null);
  return made;
}

function saysOf(word) {
  const from = word.gloss ? `, from “${word.gloss}”` : "";
  const share = word.source_share == null ? "" : `; ${percent(word.source_share)} of it comes from the source`;
  return `${percent(word.probability)}${from}${share}`;
}

// A bar as long as the share of the word that comes from the source.
function shareElement(share) {
  const made = element("span", "share");
  made.style.setProperty("--share", share);
  made.setAttribute("aria-hidden", "true"); // the word's title says it
  return made;
}

function light(root, words) {
  for (const { line, words: drawn } of root.lines)
    drawn.forEach((word, index) => word.classList.toggle("lit", Boolean(words) && isLit(line, index, words)));
}

// Words of a later translation are lit by the source word that they come from.
function isLit(line, index, words) {
  if (line.side === "source") return words.source.includes(index);
  return line.is_first ? words.target.includes(index) : words.source.includes(line.words[index].source_word);
}

function copyButton(text) {
  const made = button("copy", "Copy the translation", async () => {
    await navigator.clipboard.writeText(text);
    made.textContent = "Copied";
    setTimeout(() => (made.textContent = "Copy"), 1500);
  });
  made.textContent = "Copy";
  return made;
}
