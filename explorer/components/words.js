// Token text goes through textContent only: whatever was typed appears as typed.
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function sourceChip(word, index) {
  const chip = element("button", "chip source");
  chip.type = "button";
  chip.dataset.source = index;
  const text = element("span", "text", word.text);
  text.dir = "auto";
  chip.append(text);
  if (word.is_new) {
    chip.classList.add("new");
    chip.title = "holds a piece that training never showed";
  }
  return chip;
}

function targetChip(word, sources) {
  const chip = element("button", "chip target");
  chip.type = "button";
  chip.dataset.source = word.source;
  const percent = Math.round(100 * word.probability);
  const from = sources[word.source].text;
  chip.title = `probability ${percent} %; ${Math.round(100 * word.weight)} % of its attention is on “${from}”`;
  const text = element("span", "text", word.text);
  const gloss = element("span", "gloss", from);
  text.dir = gloss.dir = "auto";
  const bar = element("span", "bar");
  bar.style.setProperty("--share", word.probability);
  chip.append(text, bar, element("span", "percent", `${percent} %`), gloss);
  return chip;
}

export default function (component) {
  const { data, parentElement } = component;
  let root = parentElement.querySelector(".words");
  if (!root) {
    root = element("div", "words");
    parentElement.append(root);
  }
  const sourceRow = element("div", "row");
  const targetRow = element("div", "row");
  sourceRow.append(...data.sources.map(sourceChip));
  targetRow.append(...data.targets.map((word) => targetChip(word, data.sources)));
  sourceRow.setAttribute("role", "group");
  targetRow.setAttribute("role", "group");
  sourceRow.setAttribute("aria-label", "Source words");
  targetRow.setAttribute("aria-label", "Words of the translation");
  root.replaceChildren(sourceRow, targetRow);
  const point = (event) => {
    const chip = event.target.closest?.(".chip");
    const index = chip && event.type !== "mouseleave" ? chip.dataset.source : null;
    for (const other of root.querySelectorAll(".chip"))
      other.classList.toggle("linked", index !== null && other.dataset.source === index);
  };
  root.onmouseover = root.onfocus = point;
  root.onmouseleave = point;
  root.onfocusin = point;
}
