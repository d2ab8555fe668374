// The figure as one SVG element: what stays while the reader steps and points. `update` fills it.

const SVG = "http://www.w3.org/2000/svg";
const LEAST_WEIGHT = 0.02; // of a weight that is drawn
const MOST_ROWS = 40; // of more queries, only the one on show is drawn
const MOST_NUMERALS = 12;
const [UP, LEFTWARDS, RIGHTWARDS] = [180, 90, -90];

function svg(tag, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const group = (className, ...children) => {
  const made = svg("g", className ? { class: className } : {});
  made.append(...children);
  return made;
};

function wire(d, colour, className = "") {
  const made = svg("path", { class: `wire ${className}`, d });
  if (colour) made.style.stroke = colour;
  return made;
}

function tip(x, y, angle, colour) {
  const made = svg("path", { class: "tip", d: "M0 0L-4 -7L4 -7Z", transform: `translate(${x} ${y}) rotate(${angle})` });
  if (colour) made.style.fill = colour;
  return made;
}

const label = (x, y, text, className = "") => svg("text", { x, y, class: className }, text);

function build(root) {
  const { meta, plan } = root;
  const made = svg("svg", {
    viewBox: `0 0 ${plan.width} ${plan.height}`, width: plan.width, height: plan.height, role: "group",
    "aria-label": "The model as Figure 1, encoder and decoder, with the sentence in it",
  });
  made.style.setProperty("--attention", meta.colours.attention);
  made.style.setProperty("--mark", meta.mark);
  root.parts = { strips: [], attentions: {}, tokens: {}, blocks: {}, pickers: [], frames: {} };
  const { encoder, decoder } = plan.stacks;
  root.parts.legend = legend(root);
  made.append(root.parts.legend);
  for (const [side, stack] of Object.entries(plan.stacks)) made.append(frame(root, side, stack));
  for (const [side, stack] of Object.entries(plan.stacks)) made.append(...trunk(root, side, stack));
  made.append(memory(root), tie(root));
  for (const [side, stack] of Object.entries(plan.stacks)) {
    for (const block of Object.values(stack.blocks)) made.append(drawBlock(root, side, stack, block));
    made.append(...foot(root, side, stack), ...head(root, side, stack));
  }
  made.append(distribution(root, decoder));
  for (const stack of [encoder, decoder])
    for (const block of Object.values(stack.blocks))
      if (block.kind === "attention") made.append(headPicker(root, block));
  return made;
}

// What the colours mean, and how much of each vector is shown.
function legend(root) {
  const { meta, plan } = root;
  const { x } = plan.legend;
  const made = group("legend");
  let y = plan.legend.y + CELL_PX / 2;
  const line = (text, at = x) => made.append(label(at, y, text, "start"));
  if (meta.strips) {
    const { n_shown, most } = meta.strips;
    for (let i = 0; i < 16; i++) {
      const cell = svg("rect", { x: x + i * 7, y: y - CELL_PX / 2, width: 6, height: CELL_PX });
      cell.style.fill = colourOf(root, most * ((2 * (i + 0.5)) / 16 - 1));
      made.append(cell);
    }
    line(`−${most} or less … ${most} or more`, x + 16 * 7 + 8);
    y += 19;
    line(n_shown < meta.d_model
      ? `A strip is one token's vector: the first ${n_shown} of ${whole(meta.d_model)} numbers`
      : `A strip is one token's vector: all ${n_shown} numbers`);
  } else {
    line("The numbers of the vectors come when the model is loaded");
  }
  const ribbons = [["current", "Ribbon: how much this token attends to each one"], ["past", "… of the other tokens read so far"], ["lit", "… of what you point at"]];
  for (const [className, text] of ribbons) {
    y += 19;
    made.append(svg("path", { class: `ribbon ${className}`, d: `M${x} ${y}h26`, "stroke-width": 4 }));
    line(text, x + 34);
  }
  return made;
}

// The layer on show, in a frame; beside it the numbers of all layers.
function frame(root, side, stack) {
  const { x, w, outwards, edge, frameTop, frameBottom } = stack;
  const out = edge + outwards * 24;
  const [left, right] = outwards > 0 ? [x - 8, out] : [out, x + w + 8];
  const made = group("");
  made.append(svg("rect", { class: "layers", x: left, y: frameTop - 8, width: right - left, height: frameBottom - frameTop + 12, rx: 12 }));
  const n = root.meta.n_layers[side];
  const column = out + outwards * 17;
  const height = frameBottom - frameTop;
  made.append(label(out + outwards * 4, frameTop + 4, `×${n}`, `times ${outwards > 0 ? "start" : "end"}`));
  const picker = numerals(root, {
    name: `${side === "encoder" ? "Encoder" : "Decoder"} layer`, n, most: Math.min(MOST_NUMERALS, Math.floor((height - 60) / 24)),
    place: (i, count) => [column, frameTop + height / 2 + 24 * ((count - 1) / 2 - i) + 12],
    chosen: () => root.view.layers[side],
    choose: (layer) => change(root, { layers: { ...root.view.layers, [side]: layer }, kind: side === "encoder" ? "encoder" : root.view.kind === "encoder" ? "cross" : root.view.kind }),
  });
  made.append(picker, label(column, frameTop + height / 2 - 24 * (picker.count / 2) - 2, "layer", "small"));
  const before = label(stack.cx + 10, frameBottom + 16, "", "small start");
  const after = label(stack.cx + 10, frameTop - 20, "", "small start");
  root.parts.frames[side] = { before, after };
  made.append(before, after);
  return made;
}

// Numbers to choose one of; of many, the first, the last, and those around the chosen one.
function numerals(root, { name, n, most, place, chosen, choose }) {
  const made = svg("g", { class: "numerals", role: "radiogroup", "aria-label": name });
  made.count = Math.min(n, Math.max(3, most));
  const focusable = Array.from({ length: made.count }, (_, i) => {
    const [x, y] = place(i, made.count);
    const item = svg("g", { class: "numeral", role: "radio", transform: `translate(${x} ${y})` });
    const [before, beforeY] = i ? place(i - 1, made.count) : [x, y];
    item.gap = svg("text", { class: "tiny", x: (before - x) / 2, y: (beforeY - y) / 2 });
    item.append(svg("circle", { r: 9 }), item.gap, svg("text", {}));
    item.onclick = (event) => (event.stopPropagation(), choose(item.number));
    made.append(item);
    return item;
  });
  made.update = () => {
    const now = chosen();
    const shown = windowed(n, now, made.count);
    focusable.forEach((item, i) => {
      item.number = shown[i];
      item.lastChild.textContent = shown[i];
      item.gap.textContent = i && shown[i] > shown[i - 1] + 1 ? "…" : "";
      item.setAttribute("aria-checked", String(shown[i] === now));
      item.setAttribute("aria-label", `${name} ${shown[i]}`);
      item.setAttribute("tabindex", shown[i] === now ? 0 : -1);
    });
  };
  made.onkeydown = (event) => {
    const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose(Math.min(n, Math.max(1, chosen() + by)));
    focusable.find((item) => item.number === chosen())?.focus();
  };
  root.parts.pickers.push(made);
  return made;
}

function windowed(n, now, count) {
  if (count >= n) return Array.from({ length: n }, (_, i) => i + 1);
  const first = Math.min(Math.max(1, now - Math.floor((count - 2) / 2)), n - count + 2);
  const middle = Array.from({ length: count - 2 }, (_, i) => Math.max(2, first) + i).filter((each) => each < n);
  while (middle.length < count - 2) middle.unshift(middle[0] - 1);
  return [1, ...middle, n];
}

// The way of a token upwards, the lines around each sub-layer, and Q, K and V.
function trunk(root, side, stack) {
  const { cx, edge, outwards } = stack;
  const blocks = Object.values(stack.blocks).filter((block) => block.kind !== "equation");
  const embedding = blocks[0];
  const made = [wire(`M${cx} ${stack.tokenRow}V${embedding.y + embedding.height}`, null, "flow"), tip(cx, embedding.y + embedding.height, UP)];
  const inside = blocks.filter((block) => block.name.includes(".layers."));
  made.push(wire(`M${cx} ${embedding.y}V${stack.footTop}`, null, "flow"));
  made.push(wire(`M${cx} ${stack.footTop}V${stack.frameBottom}`, null, `flow ${side} before`));
  let below = stack.frameBottom;
  inside.forEach((block, i) => {
    const bottom = block.y + block.height;
    if (block.kind === "attention") made.push(...inputs(root, stack, block, below));
    else made.push(wire(`M${cx} ${below}V${bottom}`, null, "flow"), tip(cx, bottom, UP));
    if (block.kind === "norm") {
      const sublayer = inside[i - 1];
      const from = sublayer.y + sublayer.height + (sublayer.kind === "attention" ? 24 : 16);
      const [out, y] = [edge + outwards * 13, block.y + block.height - 12];
      made.push(wire(`M${cx} ${from}H${out}V${y}H${edge}`, null, "residual"), tip(edge, y, outwards < 0 ? RIGHTWARDS : LEFTWARDS));
    }
    below = block.y;
  });
  made.push(wire(`M${cx} ${below}V${stack.frameTop - 8}`, null, "flow"), wire(`M${cx} ${stack.frameTop - 8}V${stack.output}`, null, `flow ${side} after`));
  if (side === "decoder") {
    const [linear, softmax] = blocks.slice(-2);
    const ways = [[stack.output, linear.y + linear.height], [linear.y, softmax.y + softmax.height], [softmax.y, stack.distribution.y + stack.distribution.height]];
    for (const [from, to] of ways) made.push(wire(`M${cx} ${from}V${to}`, null, "flow"), tip(cx, to, UP));
  }
  return made;
}

// Q, K and V enter an attention from below; keys and values of cross-attention come from the encoder.
function inputs(root, stack, block, below) {
  const { cx, w } = stack;
  const { colours } = root.meta;
  const [bottom, fork] = [block.y + block.height, block.y + block.height + 14];
  const isCross = block.attention === "cross";
  const reach = Math.min(90, w / 4);
  const made = [wire(`M${cx} ${below}V${isCross ? bottom : fork}`, isCross ? colours.query : null, "flow")];
  const enter = (x, colour, d) => made.push(wire(d, colour), tip(x, bottom, UP, colour));
  const letters = [["Q", cx + (isCross ? 0 : reach)]];
  if (isCross) {
    made.push(tip(cx, bottom, UP, colours.query));
    const from = root.plan.memoryX;
    enter(cx - reach - 40, colours.key, `M${from} ${fork}H${cx - reach - 40}V${bottom}`);
    enter(cx - reach, colours.value, `M${from} ${fork + 6}H${cx - reach}V${bottom}`);
    letters.push(["K", cx - reach - 40], ["V", cx - reach]);
  } else {
    made.push(wire(`M${cx - reach} ${fork}H${cx + reach}`));
    enter(cx + reach, colours.query, `M${cx + reach} ${fork}V${bottom}`);
    enter(cx - reach, colours.key, `M${cx - reach} ${fork}V${bottom}`);
    enter(cx, colours.value, `M${cx} ${fork}V${bottom}`);
    letters.push(["K", cx - reach], ["V", cx]);
  }
  for (const [letter, x] of letters) made.push(label(x + 9, bottom + 8, letter, "small"));
  return made;
}

// The encoder's output, on its way to every layer's cross-attention.
function memory(root) {
  const { encoder, decoder } = root.plan.stacks;
  const cross = Object.values(decoder.blocks).find((block) => block.attention === "cross");
  const fork = cross.y + cross.height + 14;
  const x = root.plan.memoryX;
  const top = encoder.output - 8;
  return group("", wire(`M${encoder.cx} ${encoder.output}V${top}H${x}V${fork}M${x} ${fork}V${fork + 6}`, null, "flow"));
}

// Dotted: the embeddings and the last projection are one table.
function tie(root) {
  const { encoder, decoder } = root.plan.stacks;
  const [one, two] = [encoder.blocks["encoder.embedding.tokens"], decoder.blocks["decoder.embedding.tokens"]];
  const three = decoder.blocks.linear;
  const middle = (block) => block.y + block.height / 2;
  const far = root.plan.width - 3;
  const made = group("");
  if (root.plan.isStacked) {
    made.append(svg("path", { class: "tie", d: `M${one.x + one.w} ${middle(one)}H${far}V${middle(three)}H${three.x + three.w}` }));
    made.append(svg("path", { class: "tie", d: `M${two.x + two.w} ${middle(two)}H${far}` }));
  } else {
    made.append(svg("path", { class: "tie", d: `M${one.x + one.w} ${middle(one)}H${two.x}` }));
    made.append(svg("path", { class: "tie", d: `M${two.x + two.w} ${middle(two)}H${far}V${middle(three)}H${three.x + three.w}` }));
    made.append(label((one.x + one.w + two.x) / 2, middle(one) - 14, "one", "small"), label((one.x + one.w + two.x) / 2, middle(one) + 14, "table", "small"));
  }
  return made;
}

function strip(root, name, { x, y, w, side }) {
  const made = group("strip");
  made.setAttribute("aria-hidden", "true");
  const n = root.meta.strips?.n_shown ?? 0;
  const pitch = w / n;
  const cells = Array.from({ length: n }, (_, i) => svg("rect", {
    x: (x + i * pitch).toFixed(2), y, width: Math.max(1, pitch - 1).toFixed(2), height: CELL_PX,
  }));
  made.append(...cells);
  if (!n) made.append(svg("rect", { class: "awaited", x, y, width: w, height: CELL_PX, rx: 2 }));
  root.parts.strips.push({ name, side, cells, isOfLayer: name.includes(".layers.") });
  return made;
}

function count(block) {
  const isTied = block.kind === "linear" || (block.kind === "embedding" && !block.n_parameters);
  if (isTied) return block.n_parameters ? `tied + ${whole(block.n_parameters)}` : "tied";
  return block.n_parameters ? whole(block.n_parameters) : "";
}

function drawBlock(root, side, stack, block) {
  const { x, y, w, height } = block;
  const made = svg("g", { class: `block ${block.kind}`, role: "button", tabindex: -1, "data-name": block.name });
  made.block = block;
  root.parts.blocks[block.name] = made;
  made.style.setProperty("--colour", block.colour);
  if (block.kind === "positions") {
    made.append(...positions(root, side, stack, block));
    return made;
  }
  const rx = block.kind === "equation" ? 10 : 7;
  made.append(svg("rect", { class: "back", x, y, width: w, height, rx }), svg("rect", { class: "shape", x, y, width: w, height, rx }));
  if (block.kind === "equation") {
    made.append(...attention(root, stack, block));
    return made;
  }
  const hasStrip = !["linear", "softmax"].includes(block.kind);
  const line = y + (hasStrip ? 6 + CELL_PX + 13 : height / 2);
  const inside = { x: x + PAD, w: w - 2 * PAD, side };
  if (hasStrip) made.append(strip(root, block.name, { ...inside, y: y + 6 }));
  made.append(label(x + PAD, line, block.title, "title start"));
  const right = (text) => label(x + w - PAD, line, text, "small end");
  if (block.kind === "norm") {
    made.append(right("LayerNorm(x + Sublayer(x))"), strip(root, `${block.name}.sum`, { ...inside, y: y + height - CELL_PX - 6 }));
  } else if (block.kind === "feed_forward") {
    made.active = right("");
    made.append(made.active, units(root, block));
  } else if (block.kind !== "attention") {
    made.append(right(count(block)));
  }
  return made;
}

// Embedding + position, as a sum that can be followed number by number.
function positions(root, side, stack, block) {
  const { x, y, w, height } = block;
  const [cx, cy] = [stack.cx, y + 11];
  const [wave, r] = [stack.edge + stack.outwards * 26, 12];
  const made = [
    svg("rect", { class: "touch", x, y, width: w, height }),
    strip(root, block.name, { x: x + PAD, y: y + height - CELL_PX - 2, w: w - 2 * PAD, side }),
    wire(`M${wave} ${cy}H${cx}`), svg("circle", { class: "plus", cx, cy, r: 8 }),
    wire(`M${cx - 8} ${cy}H${cx + 8}M${cx} ${cy - 8}V${cy + 8}`),
    svg("circle", { class: "back", cx: wave, cy, r }), svg("circle", { class: "shape", cx: wave, cy, r }),
  ];
  if (block.title.startsWith("Positional"))
    made.push(wire(`M${wave - 8} ${cy}c3 -8 5 -8 8 0s5 8 8 0`));
  const number = count(block);
  const text = label(stack.outwards > 0 ? cx + 14 : cx - 14, cy - 7, number ? `${block.title} · ${number}` : block.title, `small ${stack.outwards > 0 ? "start" : "end"}`);
  made.push(text);
  return made;
}

function units(root, block) {
  const { x, w, y, height } = block;
  const made = group("units");
  made.setAttribute("aria-hidden", "true");
  const pitch = (w - 2 * PAD) / 5;
  made.items = Array.from({ length: 5 }, (_, i) => {
    const at = x + PAD + i * pitch;
    const bar = svg("rect", { class: "bar", x: at, y: y + height - 13, width: pitch - 10, height: 6, rx: 2 });
    bar.style.fill = block.colour;
    const text = label(at, y + height - 23, "", "tiny start");
    made.append(bar, text);
    return { most: pitch - 10, bar, text };
  });
  root.parts.blocks[block.name].units = made;
  return made;
}

// The weights of the head on show: ribbons from the keys up to the queries.
function attention(root, stack, block) {
  const kind = block.attention;
  const keys = keysOf(stack, kind);
  const queries = kind === "encoder" ? stack.columns.source : stack.columns.target;
  const top = block.y + 18;
  const bottom = top + RIBBONS_PX;
  const found = {
    kind, keys, queries, top, bottom, block, ribbons: group("ribbons"), shares: group("shares"),
    query: label(0, block.y + 9, "", "asks"),
    labels: keyLabels(keys, bottom + 14),
  };
  found.ribbons.setAttribute("aria-hidden", "true");
  root.parts.attentions[kind] = found;
  return [found.ribbons, found.query, found.shares, ...found.labels];
}

function keyLabels(columns, y) {
  return columns.texts.map((text, i) => {
    const x = columns.centres[i];
    if (!columns.isTurned) return label(x, y + 8, text, "key");
    return svg("text", { class: "key end", transform: `translate(${x + 3} ${y + 4}) rotate(-60)` }, text);
  });
}

function headPicker(root, block) {
  const kind = block.attention;
  const y = block.y + 6 + CELL_PX + 13;
  const room = block.w - 2 * PAD - textWidth(block.title, TITLE_PX, true) - 40;
  const right = block.x + block.w - PAD - 8;
  const made = numerals(root, {
    name: `Head of ${{ encoder: "encoder self-attention", decoder: "masked self-attention", cross: "cross-attention" }[kind]}`,
    n: root.meta.n_heads, most: Math.floor(room / 17),
    place: (i, n) => [right - 17 * (n - 1 - i), y],
    chosen: () => root.view.heads[kind],
    choose: (head) => change(root, { heads: { ...root.view.heads, [kind]: head }, kind }),
  });
  const first = right - 17 * (made.count - 1) - 14;
  return group("", label(first, y, "head", "small end"), made);
}

// The tokens at the inputs, and the sum of embedding and position.
function foot(root, side, stack) {
  const { tokens, tokenRow } = stack;
  const which = side === "encoder" ? "source" : "target";
  const row = svg("g", { class: `tokens ${which}`, role: "group", "aria-label": which === "source" ? "Source pieces" : "Tokens that the decoder reads" });
  const items = tokens.texts.map((text, i) => {
    const item = svg("g", { class: "token", role: "button", "data-index": i });
    const [x, half] = [tokens.centres[i], tokens.widths[i] / 2];
    if (tokens.isTurned) {
      const box = svg("g", { transform: `translate(${x + 4} ${tokenRow + 6}) rotate(-60)` });
      box.append(svg("rect", { x: -2 * half + 4, y: -7, width: 2 * half - 2, height: 14, rx: 4 }), svg("text", { class: "end", x: -2, y: 0 }, text));
      item.append(box);
    } else {
      item.append(svg("rect", { x: x - half, y: tokenRow + 2, width: 2 * half, height: 19, rx: 5 }), label(x, tokenRow + 12, text));
    }
    item.side = which;
    item.index = i;
    row.append(item);
    return item;
  });
  root.parts.tokens[which] = items;
  const made = [row, label(stack.cx, stack.caption + 10, which === "source" ? "Inputs" : "Outputs (shifted right)", "caption")];
  if (stack.sum !== undefined) {
    const inside = { x: stack.x + PAD, w: stack.w - 2 * PAD, side };
    made.push(strip(root, `${side}.embedding`, { ...inside, y: stack.sum }));
    const at = stack.outwards > 0 ? stack.cx - 14 : stack.cx + 14;
    made.push(label(at, stack.sum + CELL_PX + 12, "embedding + position", `small ${stack.outwards > 0 ? "end" : "start"}`));
  }
  return made;
}

// What leaves the last layer of a stack.
function head(root, side, stack) {
  const inside = { x: stack.x + PAD, w: stack.w - 2 * PAD, side };
  const text = side === "encoder" ? "Encoder's output" : "Decoder's output";
  return [strip(root, `${side}.output`, { ...inside, y: stack.output }), label(stack.x + PAD, stack.output + CELL_PX + 9, text, "small start")];
}

function distribution(root, stack) {
  const { x, w, distribution: { y, rows, height }, title } = stack;
  const made = group("distribution");
  made.setAttribute("aria-hidden", "true"); // the softmax block says it
  made.append(label(stack.cx, title + 6, "Output probabilities", "caption"), svg("rect", { class: "plate", x, y, width: w, height, rx: 7 }));
  const [from, to] = [x + PAD + Math.min(96, w * 0.3), x + w - PAD - 44];
  root.parts.rows = Array.from({ length: rows }, (_, i) => {
    const at = y + 5 + 18 * i + 9;
    const bar = svg("rect", { class: "bar", x: from, y: at - 6, width: to - from, height: 12, rx: 3 });
    const row = { bar, most: to - from, text: label(x + PAD, at, "", "start"), share: label(x + w - PAD, at, "", "end"), room: from - x - PAD - 6 };
    made.append(bar, row.text, row.share);
    return row;
  });
  return made;
}
