const [STEP, ROW, WIDTH, HEIGHT, MARGIN] = [118, 40, 88, 26, 12];
const ROOM_FOR_SCORE = 70;
const MOST_LETTERS = 10;
const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text; // whatever was typed appears as typed
  return made;
}

function shortened(text) {
  const letters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  return letters.length > MOST_LETTERS ? letters.slice(0, MOST_LETTERS - 1).join("") + "…" : text;
}

const number = (value) => value.toFixed(2).replace(/^-/, "−");
const chance = (node) => `${(100 * Math.exp(node.log_probability)).toFixed(1)} %`;
const left = (node) => MARGIN + node.depth * STEP;
const middle = (node) => MARGIN + node.row * ROW + HEIGHT / 2;

function facts(node) {
  const ended = node.rank ? `finished, place ${node.rank}` : node.is_end ? "finished" : "";
  return [
    ...(ended ? [ended] : []),
    `log-probability ${number(node.log_probability)} nats (${chance(node)})`,
    `total ${number(node.total)} nats`,
    `score ${number(node.score)}`,
  ];
}

function edge(from, to, isWinner) {
  const [x1, x2, y1, y2] = [left(from) + WIDTH, left(to), middle(from), middle(to)];
  const bend = (x2 - x1) * 0.6;
  return svg("path", {
    class: isWinner ? "edge winner" : "edge",
    d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`,
  });
}

function box(node, index, isWinner, isChosen) {
  const [x, y] = [left(node), middle(node) - HEIGHT / 2];
  const made = svg("g", {
    class: `node${isWinner ? " winner" : ""}${isChosen ? " chosen" : ""}`,
    role: "button",
    tabindex: -1,
    "aria-label": [node.text, `step ${node.depth}`, ...facts(node), ...(isWinner ? ["on the best path"] : [])].join(", "),
    "data-node": index,
  });
  const frame = { x, y, height: HEIGHT, rx: 6 };
  const share = Math.min(1, Math.exp(node.log_probability));
  made.append(
    svg("rect", { ...frame, class: "box", width: WIDTH }),
    svg("rect", { ...frame, class: "fill", width: WIDTH * share }),
    svg("text", { x: x + WIDTH / 2, y: y + HEIGHT / 2 }, shortened(node.text)),
  );
  if (node.is_end) {
    const place = node.rank ? `#${node.rank}  ` : "";
    made.append(svg("text", { class: "score", x: x + WIDTH + 6, y: y + HEIGHT / 2 }, place + number(node.score)));
  }
  return made;
}

function drawing({ nodes, winner, chosen }) {
  const isWinner = new Set(winner);
  const deepest = Math.max(...nodes.map((node) => node.depth));
  const lowest = Math.max(...nodes.map((node) => node.row));
  const made = svg("svg", {
    role: "group",
    "aria-label": "Tree of hypotheses, one column a step",
    width: 2 * MARGIN + deepest * STEP + WIDTH + ROOM_FOR_SCORE,
    height: 2 * MARGIN + lowest * ROW + HEIGHT,
  });
  const order = nodes.map((_, index) => index).sort((a, b) => isWinner.has(a) - isWinner.has(b));
  for (const index of order) {
    const node = nodes[index];
    if (node.parent >= 0) made.append(edge(nodes[node.parent], node, isWinner.has(index)));
  }
  nodes.forEach((node, index) => made.append(box(node, index, isWinner.has(index), index === chosen)));
  return made;
}

// Parent, best child, and neighbours: siblings first, else the next node of the same step.
function neighbour(nodes, at, key) {
  const of = (test) => [...nodes.keys()].filter(test).sort((a, b) => nodes[a].row - nodes[b].row);
  if (key === "ArrowLeft") return nodes[at].parent;
  if (key === "ArrowRight") return of((index) => nodes[index].parent === at)[0];
  if (key === "Home") return 0;
  const siblings = of((index) => nodes[index].parent === nodes[at].parent);
  const column = of((index) => nodes[index].depth === nodes[at].depth);
  const step = { ArrowUp: -1, ArrowDown: 1 }[key];
  return siblings[siblings.indexOf(at) + step] ?? column[column.indexOf(at) + step];
}

function says({ nodes, winner }) {
  const words = winner.slice(1).map((index) => nodes[index].text).join(" ");
  return `The search: ${nodes.length} pieces, one column a step; the thick branch scored best: ${words}`;
}

class Tree {
  constructor(root) {
    this.root = root;
    this.scroll = element("div", "scroll");
    this.card = control(element("div", "card"));
    this.card.hidden = true;
    this.card.setAttribute("aria-hidden", "true"); // every node's name says the same
    root.append(this.scroll, this.card, pictureButtons(root, "beam", () => says(this.data)));
    const nodeOf = (event) => event.target.closest?.(".node");
    this.scroll.addEventListener("mouseover", (event) => this.describe(nodeOf(event)));
    this.scroll.addEventListener("focusin", (event) => this.describe(nodeOf(event)));
    this.scroll.addEventListener("focusout", () => this.describe(null));
    this.scroll.addEventListener("mouseleave", () => this.describe(null));
    this.scroll.addEventListener("scroll", () => this.describe(null));
    this.scroll.addEventListener("click", (event) => nodeOf(event) && this.open(nodeOf(event)));
    this.scroll.addEventListener("keydown", (event) => this.press(event));
  }

  show(data) {
    this.data = data;
    this.root.style.setProperty("--colour", data.colour);
    this.scroll.replaceChildren(drawing(data));
    this.boxes = [...this.scroll.querySelectorAll(".node")];
    const first = this.boxes[data.chosen ?? 0];
    first.setAttribute("tabindex", 0);
    const node = data.nodes[data.chosen ?? 0];
    this.scroll.scrollLeft = left(node) - this.scroll.clientWidth / 2;
    this.scroll.scrollTop = middle(node) - this.scroll.clientHeight / 2;
  }

  open(found) {
    for (const other of this.boxes) other.classList.toggle("chosen", other === found);
    this.report(Number(found.dataset.node));
  }

  press(event) {
    const found = event.target.closest(".node");
    if (!found) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.open(found);
    } else if (/^(Arrow(Left|Right|Up|Down)|Home)$/.test(event.key)) {
      event.preventDefault();
      const next = this.boxes[neighbour(this.data.nodes, Number(found.dataset.node), event.key)];
      if (!next) return;
      found.setAttribute("tabindex", -1);
      next.setAttribute("tabindex", 0);
      next.focus();
    }
  }

  describe(found) {
    this.card.hidden = !found;
    if (!found) return;
    const node = this.data.nodes[found.dataset.node];
    const name = element("b", "", node.text);
    name.dir = "auto";
    this.card.replaceChildren(name, facts(node).join("\n"));
    const [outer, inner] = [this.root.getBoundingClientRect(), found.getBoundingClientRect()];
    const most = this.root.clientWidth - this.card.offsetWidth;
    this.card.style.left = `${Math.max(0, Math.min(inner.left - outer.left, most))}px`;
    this.card.style.top = `${inner.bottom - outer.top + 6}px`;
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = keep(parentElement, "beam", (made) => (made.tree = new Tree(made)));
  root.tree.report = (node) => setTriggerValue("opened", node);
  const drawn = JSON.stringify(data);
  if (root.drawn === drawn) return;
  const hadFocus = root.contains(root.getRootNode().activeElement);
  root.tree.show(data);
  root.drawn = drawn;
  if (hadFocus) root.tree.boxes[data.chosen ?? 0].focus();
}
