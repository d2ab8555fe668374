// A sentence and its translation in words; pointing at a word lights it, and what it is linked to.

export default function (component) {
  const { data, parentElement } = component;
  const root = keep(parentElement, "words", (made) => onPoint(made, (words) => light(made, words)));
  root.data = data;
  const [from, to] = data.languages;
  root.replaceChildren(line(root, "source", from, data.source.map((text) => ({ text }))));
  root.append(line(root, "target", to, data.target));
  root.append(...data.warnings.map((text) => tokenElement("warning", text)));
}

function line(root, side, language, words) {
  const made = element("div", `line ${side}`);
  made.append(element("span", "language", language));
  const text = element("span", "text");
  text.dir = "auto";
  text.append(...words.map((word, index) => wordElement(root, side, word, index)));
  made.append(text);
  if (side === "target") made.append(copyButton(root));
  return made;
}

function wordElement(root, side, word, index) {
  const made = element("span", "word");
  made.append(tokenElement("said", word.text));
  if (word.gloss) made.append(tokenElement("gloss", word.gloss));
  made.classList.toggle("changed", Boolean(word.is_changed));
  if (word.probability != null) made.title = `${percent(word.probability)}${word.gloss ? `, from “${word.gloss}”` : ""}`;
  made.onmouseenter = () => pointAt(linked(root, side, index));
  made.onmouseleave = () => pointAt(null);
  return made;
}

// A word, and the words of the other side that it is linked to.
function linked(root, side, index) {
  const links = root.data.target.map((word) => word.source_word);
  if (side === "target") return { source: links[index] == null ? [] : [links[index]], target: [index] };
  return { source: [index], target: links.flatMap((link, at) => (link === index ? [at] : [])) };
}

function light(root, words) {
  for (const side of ["source", "target"]) {
    root.querySelectorAll(`.${side} .word`).forEach((word, index) => {
      word.classList.toggle("lit", Boolean(words?.[side].includes(index)));
    });
  }
}

function copyButton(root) {
  const made = button("copy", "Copy the translation", async () => {
    await navigator.clipboard.writeText(root.data.text);
    made.textContent = "Copied";
    setTimeout(() => (made.textContent = "Copy"), 1500);
  });
  made.textContent = "Copy";
  return made;
}
