const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, BOX, BOTTOM] = [760, 228, 836];
const MIDDLE = { encoder: 210, decoder: 540 };
const OUTWARDS = { encoder: -1, decoder: 1 };
const HEIGHTS = { embedding: 46, positions: 34, attention: 84, norm: 28, feed_forward: 46, linear: 46, softmax: 32 };
const GAPS = { embedding: 0, positions: 20, attention: 52, norm: 12, feed_forward: 36, linear: 40, softmax: 16 };
const EQUATION = 26;

function svg(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const whole = (n) => n.toLocaleString("en");

function count(block) {
  const isTied = block.kind === "linear" || (block.kind === "embedding" && !block.n_parameters);
  if (isTied) return block.n_parameters ? `tied + ${whole(block.n_parameters)}` : "tied";
  if (!block.n_parameters) return "";
  return block.n_copies > 1 ? `${block.n_copies} × ${whole(block.n_parameters)}` : whole(block.n_parameters);
}

// Every block of a side gets a top `y` and a height, from the bottom up; an equation lies in its attention.
function place(blocks) {
  let y = BOTTOM;
  for (const block of blocks) {
    if (block.kind === "equation") {
      const outer = blocks[blocks.indexOf(block) - 1];
      Object.assign(block, { y: outer.y + outer.height - EQUATION - 8, height: EQUATION });
      continue;
    }
    block.height = HEIGHTS[block.kind];
    y -= GAPS[block.kind] + block.height;
    block.y = y;
  }
}

const path = (d, colour) => {
  const made = svg("path", { class: "wire", d });
  if (colour) made.style.setProperty("--colour", colour);
  return made;
};

function tip(x, y, angle, colour) {
  const made = svg("path", { class: "tip", d: "M0 0L-4.5 -8L4.5 -8Z", transform: `translate(${x} ${y}) rotate(${angle})` });
  if (colour) made.style.setProperty("--colour", colour);
  return made;
}

const [UP, LEFTWARDS, RIGHTWARDS] = [180, 90, -90];

function trunk(side, blocks) {
  const x = MIDDLE[side];
  const made = [path(`M${x} ${BOTTOM + 18}V${BOTTOM}`), tip(x, BOTTOM, UP)];
  let below = blocks[0];
  for (const block of blocks.slice(1)) {
    if (block.kind === "equation") continue;
    if (block.kind === "positions") {
      const y = block.y + block.height / 2;
      const out = x + OUTWARDS[side] * 100;
      made.push(path(`M${x} ${below.y}V${y}`), path(`M${out} ${y}H${x}`), svg("circle", { class: "sum", cx: x, cy: y, r: 10 }),
        path(`M${x - 10} ${y}H${x + 10}M${x} ${y - 10}V${y + 10}`));
    } else if (block.kind !== "attention") {
      made.push(path(`M${x} ${below.kind === "positions" ? below.y + 7 : below.y}V${block.y + block.height}`), tip(x, block.y + block.height, UP));
    }
    below = block;
  }
  return made;
}

// Q, K and V enter an attention from below; those of cross-attention come from the encoder.
function inputs(side, block, below, encoderTop, colours) {
  const x = MIDDLE[side];
  const [bottom, top] = [block.y + block.height, below.kind === "positions" ? below.y + 7 : below.y];
  const fork = bottom + 16;
  const isCross = block.name.includes("cross");
  const made = [path(`M${x} ${top}V${isCross ? bottom : fork}`, isCross ? colours.query : null)];
  const enter = (offset, colour, from) => made.push(path(from, colour), tip(x + offset, bottom, UP, colour));
  if (isCross) {
    const between = (MIDDLE.encoder + MIDDLE.decoder) / 2;
    made.push(path(`M${MIDDLE.encoder} ${encoderTop}V${encoderTop - 24}H${between}V${fork}`));
    made.push(tip(x, bottom, UP, colours.query));
    enter(-70, colours.key, `M${between} ${fork}H${x - 70}V${bottom}`);
    enter(-40, colours.value, `M${between} ${fork + 7}H${x - 40}V${bottom}`);
    made.push(path(`M${between} ${fork}V${fork + 7}`));
  } else {
    made.push(path(`M${x - 60} ${fork}H${x + 60}`));
    [["query", 60], ["key", -60], ["value", 0]].forEach(([name, offset]) => enter(offset, colours[name], `M${x + offset} ${fork}V${bottom}`));
  }
  const letters = isCross ? [["K", -82], ["V", -28], ["Q", 12]] : [["K", -72], ["V", 12], ["Q", 72]];
  for (const [letter, offset] of letters) made.push(svg("text", { class: "count", x: x + offset, y: bottom + 9 }, letter));
  return made;
}

// Around a sub-layer, from its input to the side of its add & norm.
function residual(side, sublayer, norm) {
  const [x, edge] = [MIDDLE[side], MIDDLE[side] + (OUTWARDS[side] * BOX) / 2];
  const from = sublayer.y + sublayer.height + (sublayer.kind === "attention" ? 34 : 22);
  const [out, y] = [edge + OUTWARDS[side] * 18, norm.y + norm.height / 2];
  return [path(`M${x} ${from}H${out}V${y}H${edge}`), tip(edge, y, side === "encoder" ? RIGHTWARDS : LEFTWARDS)];
}

function stack(side, blocks, nLayers) {
  const inside = blocks.filter((block) => block.name.includes(".layers."));
  const top = inside.at(-1).y - 12;
  const bottom = inside[0].y + inside[0].height + 44;
  const [x, out] = [MIDDLE[side], MIDDLE[side] + OUTWARDS[side] * (BOX / 2 + 28)];
  const inner = x - (OUTWARDS[side] * BOX) / 2 - OUTWARDS[side] * 14;
  return [
    svg("rect", { class: "layers", x: Math.min(out, inner), y: top, width: Math.abs(out - inner), height: bottom - top, rx: 14 }),
    svg("text", { class: `times ${side === "encoder" ? "end" : "start"}`, x: out + OUTWARDS[side] * 10, y: (top + bottom) / 2 }, `${nLayers} ×`),
  ];
}

// Dotted: the embeddings and the last projection are one table.
function tie(find) {
  const [one, two, three] = [find("encoder.embedding.tokens"), find("decoder.embedding.tokens"), find("linear")];
  const y = one.y + one.height / 2;
  const [left, right] = [MIDDLE.encoder + BOX / 2, MIDDLE.decoder + BOX / 2];
  const far = WIDTH - 12;
  return [
    svg("path", { class: "tie", d: `M${left} ${y}H${MIDDLE.decoder - BOX / 2}` }),
    svg("path", { class: "tie", d: `M${right} ${y}H${far}V${three.y + three.height / 2}H${right}` }),
    svg("text", { class: "count", x: (left + MIDDLE.decoder - BOX / 2) / 2, y: y - 12 }, "one table, tied"),
  ];
}

function circle(block, x) {
  const [cx, cy] = [x + OUTWARDS[block.side] * 100, block.y + block.height / 2];
  const title = { class: "count", y: cy };
  const out = cx + OUTWARDS[block.side] * 24;
  const words = block.title.split(" ");
  if (block.n_parameters) words.push(count(block));
  const wave = block.title.startsWith("Learned") ? [] : [path(`M${cx - 12} ${cy}c4 -12 8 -12 12 0s8 12 12 0`)];
  if (block.page) words[words.length - 1] += " ↗";
  return [
    svg("circle", { class: "back", cx, cy, r: 17 }),
    svg("circle", { class: "shape", cx, cy, r: 17 }),
    ...wave,
    ...words.map((word, i) => svg("text", { ...title, class: `count ${block.side === "encoder" ? "end" : "start"}`, x: out, y: cy + 15 * (i - (words.length - 1) / 2) }, word)),
  ];
}

function rectangle(block, x) {
  const width = block.kind === "equation" ? BOX - 36 : BOX;
  const frame = { x: x - width / 2, y: block.y, width, height: block.height, rx: block.kind === "equation" ? 13 : 7 };
  const [number, lines] = [count(block), block.height >= 44];
  const title = block.kind === "attention" ? block.y + 16 : block.y + block.height / 2 - (lines && number ? 9 : 0);
  const made = [svg("rect", { ...frame, class: "back" }), svg("rect", { ...frame, class: "shape" })];
  if (number && !lines) made.push(svg("text", { class: "title", x, y: title }, `${block.title} · ${number}`));
  else made.push(svg("text", { class: "title", x, y: title }, block.title));
  if (number && lines) made.push(svg("text", { class: "count", x, y: title + 18 }, number));
  if (block.page) made.push(svg("text", { class: "count", x: x + width / 2 - 12, y: title }, "↗"));
  return made;
}

function box(block) {
  const made = svg("g", { class: `block ${block.kind}${block.page ? " opens" : ""}`, role: "button", tabindex: -1, "aria-label": facts(block).join(". ") });
  if (!block.page) made.setAttribute("aria-disabled", "true");
  made.style.setProperty("--colour", block.colour);
  made.append(...(block.kind === "positions" ? circle : rectangle)(block, MIDDLE[block.side]));
  made.block = block;
  return made;
}

function facts(block) {
  const all = block.n_parameters * block.n_copies;
  const where = block.n_copies > 1 ? `, in each of ${block.n_copies} layers` : "";
  const numbers = !all ? "No parameters of its own"
    : block.n_copies > 1 ? `${whole(block.n_parameters)} parameters × ${block.n_copies} = ${whole(all)}` : `${whole(all)} parameters`;
  return [
    `${block.title} (${block.side}${where})`,
    ...(block.note ? [block.note] : []),
    block.shape,
    numbers,
    `Paper, section ${block.section}${block.page ? `; shown on the page ${block.page}` : ""}`,
  ];
}

function drawing({ blocks, n_layers, colours }) {
  const sides = { encoder: [], decoder: [] };
  for (const block of blocks) sides[block.side].push(block);
  for (const side of Object.values(sides)) place(side);
  const find = (name) => blocks.find((block) => block.name === name);
  const top = Math.min(...blocks.map((block) => block.y)) - 40;
  const made = svg("svg", { viewBox: `0 ${top} ${WIDTH} ${BOTTOM + 40 - top}`, role: "group", "aria-label": "The model, encoder on the left, decoder on the right" });
  const encoderTop = sides.encoder.at(-1).y;
  for (const [side, own] of Object.entries(sides)) made.append(...stack(side, own, n_layers[side]));
  for (const [side, own] of Object.entries(sides)) {
    made.append(...trunk(side, own));
    const solid = own.filter((block) => block.kind !== "equation");
    solid.forEach((block, i) => {
      if (block.kind === "attention") made.append(...inputs(side, block, solid[i - 1], encoderTop, colours));
      if (block.kind === "norm") made.append(...residual(side, solid[i - 1], block));
    });
  }
  made.append(...tie(find));
  const last = sides.decoder.at(-1);
  made.append(
    path(`M${MIDDLE.decoder} ${last.y}v-14`), tip(MIDDLE.decoder, last.y - 14, UP),
    svg("text", { x: MIDDLE.encoder, y: BOTTOM + 28 }, "Inputs"),
    svg("text", { x: MIDDLE.decoder, y: BOTTOM + 28 }, "Outputs (shifted right)"),
    svg("text", { x: MIDDLE.decoder, y: last.y - 26 }, "Output probabilities"),
    ...blocks.map(box),
  );
  return made;
}

// Up and down in one stack, left and right to the block of the other that is nearest in height.
function neighbour(boxes, at, key) {
  const { side, y } = boxes[at].block;
  const own = boxes.filter((other) => other.block.side === side);
  const others = boxes.filter((other) => other.block.side !== side);
  if (key === "ArrowUp") return own[own.indexOf(boxes[at]) + 1];
  if (key === "ArrowDown") return own[own.indexOf(boxes[at]) - 1];
  if ((key === "ArrowLeft") !== (side === "decoder")) return undefined;
  return others.sort((a, b) => Math.abs(a.block.y - y) - Math.abs(b.block.y - y))[0];
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = keep(parentElement, "anatomy");
  root.open = ({ page, name }) => page && setTriggerValue("opened", name);
  const drawn = JSON.stringify(data);
  if (root.drawn === drawn) return;
  root.drawn = drawn;
  const scroll = element("div", "scroll");
  scroll.append(drawing(data));
  const panel = element("div", "facts");
  panel.setAttribute("aria-hidden", "true"); // every block's name says the same
  root.replaceChildren(scroll, pngButton(root, "model"), panel);
  const boxes = [...scroll.querySelectorAll(".block")];
  boxes[0].setAttribute("tabindex", 0);
  const show = (found) => {
    for (const other of boxes) other.classList.toggle("shown", other === found);
    const lines = found ? facts(found.block) : [`${whole(data.n_parameters)} parameters in all`, "Point at a block to see its shapes and its numbers."];
    panel.replaceChildren(...lines.map((line, i) => element(i ? "div" : "b", "", line)));
  };
  show(null);
  const blockOf = (event) => event.target.closest?.(".block");
  scroll.onmouseover = (event) => blockOf(event) && show(blockOf(event));
  scroll.addEventListener("focusin", (event) => show(blockOf(event)));
  scroll.onclick = (event) => blockOf(event) && root.open(blockOf(event).block);
  scroll.onkeydown = (event) => {
    const found = blockOf(event);
    if (!found) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      root.open(found.block);
    } else if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      const next = neighbour(boxes, boxes.indexOf(found), event.key);
      if (!next) return;
      found.setAttribute("tabindex", -1);
      next.setAttribute("tabindex", 0);
      next.focus();
    }
  };
}
