// Where everything in the figure is, for a width in pixels. Stacks are laid out from the bottom up.

const TITLE_PX = 12.5;
const LABEL_PX = 11;
const CELL_PX = 9; // height of a strip
const PAD = 12; // within a block
const RIBBONS_PX = 54;
const LEAST_PITCH = 11; // between labels that are turned
const STACKED_BELOW = 620;
const OUTER = 58; // beside a stack, for its residual lines and its layers
const MOST_LETTERS = 14;

let ruler = null;
function textWidth(text, px, bold = false) {
  ruler ??= document.createElement("canvas").getContext("2d");
  ruler.font = `${bold ? 600 : 400} ${px}px ${textWidth.family ?? "sans-serif"}`;
  return ruler.measureText(text).width;
}

const cut = (text) => ([...text].length > MOST_LETTERS ? `${[...text].slice(0, MOST_LETTERS - 1).join("")}…` : text);

// A column a token: side by side as running text if they fit, else turned, at an even pitch.
function columnsOf(texts, x, width) {
  const shown = texts.map(cut);
  const widths = shown.map((text) => Math.max(14, textWidth(text, LABEL_PX, true) + 8));
  const total = widths.reduce((sum, each) => sum + each, 0);
  if (total <= width) {
    const gap = Math.min(10, (width - total) / texts.length);
    let at = x + (width - total - gap * (texts.length - 1)) / 2;
    const centres = widths.map((each) => {
      at += each + gap;
      return at - gap - each / 2;
    });
    return { texts: shown, centres, widths, isTurned: false, height: 18, pitch: 99 };
  }
  const [turnedPx, overhang] = [Math.max(...widths) - 8, 22];
  const pitch = (width - overhang) / texts.length;
  const centres = texts.map((_, i) => x + overhang + pitch * (i + 0.5));
  return { texts: shown, centres, widths, isTurned: true, height: Math.ceil(turnedPx * 0.87 + 10), pitch };
}

function planFigure(meta, width) {
  const isStacked = width < STACKED_BELOW;
  const inner = isStacked ? 22 : 0;
  const gap = 52;
  const w = isStacked ? width - inner - OUTER : (width - 2 * OUTER - gap) / 2;
  const xs = isStacked ? { encoder: inner, decoder: inner } : { encoder: OUTER, decoder: OUTER + w + gap };
  const source = meta.source.map((token) => token.text);
  const target = meta.steps.map((step) => step.consumed.text);
  const memoryX = isStacked ? 7 : OUTER + w + gap / 2; // the encoder's output goes up here
  const plan = { width, isStacked, w, memoryX, blocks: {}, stacks: {} };
  for (const side of ["encoder", "decoder"]) {
    const x = xs[side];
    const columns = {
      source: columnsOf(source, x + PAD, w - 2 * PAD),
      target: columnsOf(target, x + PAD, w - 2 * PAD),
    };
    plan.stacks[side] = planStack(meta, side, x, w, columns, side === "decoder" || isStacked ? 1 : -1);
  }
  const { encoder, decoder } = plan.stacks;
  const legend = isStacked ? 96 : 0;
  const heights = [encoder.height, decoder.height];
  plan.height = (isStacked ? heights[0] + heights[1] + 34 : Math.max(...heights)) + legend + 8;
  const bottom = plan.height - 4 - (isStacked ? 0 : legend);
  shift(encoder, bottom);
  shift(decoder, isStacked ? bottom - encoder.height - 34 : bottom);
  plan.legend = isStacked ? { x: 4, y: 6, w: width - 8 } : { x: 8, y: 8, w: OUTER + w - 16 };
  for (const stack of [encoder, decoder]) Object.assign(plan.blocks, stack.blocks);
  return plan;
}

// A stack with its bottom at y = 0.
function planStack(meta, side, x, w, columns, outwards) {
  const own = meta.blocks.filter((block) => block.side === side);
  const tokens = side === "encoder" ? columns.source : columns.target;
  const stack = { side, x, w, cx: x + w / 2, outwards, edge: outwards > 0 ? x + w : x, columns, tokens, blocks: {} };
  let y = 0;
  const up = (px) => (y -= px);
  stack.caption = up(16);
  stack.tokenRow = up(tokens.height + 6);
  up(16);
  const place = (block, height) => {
    up(height);
    stack.blocks[block.name] = { ...block, x, y, w, height };
    return stack.blocks[block.name];
  };
  const inLayer = (block) => block.name.includes(".layers.");
  for (const block of own.filter((each) => !inLayer(each) && each.side === side && ["embedding", "positions"].includes(each.kind))) {
    if (block.kind === "embedding") {
      place(block, 46);
      up(8);
    } else {
      place(block, 38);
      up(6 + CELL_PX);
      stack.sum = y;
      up(4);
    }
  }
  stack.footTop = y;
  up(34);
  stack.frameBottom = y;
  up(4);
  for (const block of own.filter(inLayer)) {
    if (block.kind === "attention") {
      up(24);
      const keys = keysOf(stack, block.attention);
      place(block, 4 + 14 + keys.height + RIBBONS_PX + 18 + 24 + CELL_PX + 6);
      up(14);
    } else if (block.kind === "equation") {
      const outer = stack.blocks[block.name.replace(/\.weights$/, "")];
      const keys = keysOf(stack, outer.attention);
      const height = 14 + keys.height + RIBBONS_PX + 18;
      stack.blocks[block.name] = { ...block, x: x + 6, w: w - 12, y: outer.y + outer.height - height - 4, height };
    } else {
      if (block.kind === "feed_forward") up(12);
      place(block, block.kind === "norm" ? 54 : 78);
      up(14);
    }
  }
  stack.frameTop = y - 2;
  up(24);
  up(12 + CELL_PX);
  stack.output = y;
  up(14);
  for (const block of own.filter((each) => ["linear", "softmax"].includes(each.kind))) {
    up(10);
    place(block, 28);
  }
  if (side === "decoder") {
    const rows = Math.max(...meta.steps.map((step) => step.next_pieces.length));
    stack.distribution = { height: 18 * rows + 10, rows };
    up(14 + stack.distribution.height);
    stack.distribution.y = y;
    up(16);
    stack.title = y;
  }
  stack.top = y;
  stack.height = -y + 4;
  return stack;
}

const keysOf = (stack, kind) => (kind === "decoder" ? stack.columns.target : stack.columns.source);

function shift(stack, by) {
  for (const name of ["caption", "tokenRow", "sum", "footTop", "frameBottom", "frameTop", "output", "title", "top"])
    if (stack[name] !== undefined) stack[name] += by;
  for (const block of Object.values(stack.blocks)) block.y += by;
  if (stack.distribution) stack.distribution.y += by;
}
