// Colours and gradients of CSS, as every program reads them.

// Any colour of CSS as one that every program reads; null if it cannot be seen.
function colourOf(written) {
  const numbers = (written.match(/[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
  let [red, green, blue, alpha = 1] = numbers;
  if (/^color\(srgb /.test(written)) [red, green, blue] = [red, green, blue].map((share) => 255 * share);
  else if (!/^rgba?\(/.test(written)) [red, green, blue, alpha] = painted(written);
  if (!alpha) return null;
  const hex = [red, green, blue].map((value) => Math.round(Math.min(255, Math.max(0, value))).toString(16).padStart(2, "0"));
  return { colour: `#${hex.join("")}`, alpha };
}

function painted(written) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = "transparent";
  context.fillStyle = written;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}

const inkOf = (what, { colour, alpha = 1 }) => ({ [what]: colour, [`${what}-opacity`]: alpha === 1 ? null : alpha });

// The parts of a list of CSS: commas in brackets are not between them.
function apart(written) {
  const parts = [""];
  let depth = 0;
  for (const letter of written) {
    if (letter === "(") depth += 1;
    else if (letter === ")") depth -= 1;
    if (letter === "," && !depth) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim());
}

// The gradients of a background, the lowest first, each with the part of the box that it fills.
function gradientsOf(style, place, sheet) {
  if (style.backgroundImage === "none") return [];
  const [images, sizes, positions] = [style.backgroundImage, style.backgroundSize, style.backgroundPosition].map(apart);
  const found = images.map((image, index) => {
    const [sizeX, sizeY = "auto"] = lengths(sizes[index % sizes.length]);
    const [atX, atY] = lengths(positions[index % positions.length]);
    const width = sizeX === "auto" ? place.width : pixels(sizeX, place.width);
    const height = sizeY === "auto" ? place.height : pixels(sizeY, place.height);
    const x = place.x + pixels(atX, place.width - width);
    const y = place.y + pixels(atY, place.height - height);
    const at = { x, y, width, height };
    return [at, gradientOf(image, at, sheet)];
  });
  return found.filter(([{ width, height }]) => width > 0 && height > 0).reverse();
}

const lengths = (written) => written.replace(/calc\(([^)]*)\)/g, "$1").split(" ");
const pixels = (written, whole) => (written.endsWith("%") ? (parseFloat(written) / 100) * whole : parseFloat(written));

// A linear gradient to the right or downwards.
function gradientOf(written, { width, height }, sheet) {
  if (!written.startsWith("linear-gradient(")) return null;
  const parts = apart(written.slice("linear-gradient(".length, -1));
  const turn = /deg$|^to /.test(parts[0]) ? parts.shift() : "180deg";
  const isAcross = turn === "90deg" || turn === "to right";
  const length = isAcross ? width : height;
  const id = `gradient-${sheet.defs.childElementCount}`;
  const made = node("linearGradient", { id, x1: 0, y1: 0, x2: isAcross ? 1 : 0, y2: isAcross ? 0 : 1 });
  let last = 0;
  parts.forEach((part, index) => {
    const [, colour, at] = part.match(/^(.*?\)|\S+)\s*(.*)$/);
    const usual = parts.length > 1 ? index / (parts.length - 1) : 0;
    const share = at ? parseFloat(at.replace("calc(", "")) / (at.includes("%") ? 100 : length || 1) : usual;
    last = Math.max(last, share); // a stop is never before the one before it
    const { colour: shown, alpha } = colourOf(colour) ?? { colour: "#000000", alpha: 0 };
    made.append(node("stop", { offset: String(Math.round(1e4 * last) / 1e4), "stop-color": shown, "stop-opacity": alpha === 1 ? null : alpha }));
  });
  sheet.defs.append(made);
  return { colour: `url(#${id})` };
}
