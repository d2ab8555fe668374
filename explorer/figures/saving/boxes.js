// Boxes: their ground, their frame, their rounded corners, shadows and outline.

const SIDES = ["Top", "Right", "Bottom", "Left"];

function drawBox(element, style, sheet, into) {
  for (const rect of rectsOf(element, style)) {
    const place = sheet.place(rect);
    const radius = radiusOf(style.borderTopLeftRadius, place);
    const shadows = shadowsOf(style);
    shadows.filter(({ isInset }) => !isInset).forEach((shadow) => drawRing(place, radius, shadow.spread, shadow.colour, sheet, into));
    fill(place, radius, colourOf(style.backgroundColor), sheet, into);
    for (const [at, paint] of gradientsOf(style, place, sheet)) fill(at, radius, paint, sheet, into);
    shadows.filter(({ isInset }) => isInset).forEach((shadow) => drawInset(place, radius, shadow, sheet, into));
  }
}

// Drawn last: what is in a box may reach into its rounded corners, where the browser cuts it off.
function drawFrame(element, style, sheet, into) {
  for (const rect of rectsOf(element, style)) {
    const place = sheet.place(rect);
    const radius = radiusOf(style.borderTopLeftRadius, place);
    drawBorder(place, radius, style, sheet, into);
    drawOutline(place, radius, style, sheet, into);
  }
}

function rectsOf(element, style) {
  const rects = style.display === "inline" ? [...element.getClientRects()] : [element.getBoundingClientRect()];
  return rects.filter(({ width, height }) => width && height);
}

const radiusOf = (written, { width, height }) =>
  Math.min(written.endsWith("%") ? (parseFloat(written) / 100) * width : parseFloat(written), width / 2, height / 2);

function fill(place, radius, paint, sheet, into) {
  if (!paint) return;
  into.append(node("rect", { ...place, rx: radius || null, ...inkOf("fill", paint) }));
  sheet.include(place);
}

// A line around `place`, its outer edge `outside` beyond it.
function stroke(place, radius, width, outside, paint, dash, sheet, into) {
  const grown = outside - width / 2;
  const frame = {
    x: place.x - grown, y: place.y - grown, width: place.width + 2 * grown, height: place.height + 2 * grown,
  };
  if (frame.width > 0 && frame.height > 0)
    into.append(node("rect", {
      ...frame, rx: radius ? Math.max(0, radius + grown) : null, fill: "none", ...inkOf("stroke", paint),
      "stroke-width": width, "stroke-dasharray": dash,
    }));
  sheet.include(place, Math.max(0, outside));
}

function drawBorder(place, radius, style, sheet, into) {
  const sides = SIDES.map((side) => ({
    width: parseFloat(style[`border${side}Width`]),
    kind: style[`border${side}Style`],
    paint: colourOf(style[`border${side}Color`]),
  }));
  const isDrawn = ({ width, kind, paint }) => width > 0 && kind !== "none" && kind !== "hidden" && paint;
  if (!sides.some(isDrawn)) return;
  const [first] = sides;
  if (sides.every((side) => JSON.stringify(side) === JSON.stringify(first)))
    return stroke(place, radius, first.width, 0, first.paint, dashOf(first.kind, first.width), sheet, into);
  sides.forEach((side, index) => {
    if (!isDrawn(side)) return;
    into.append(node("path", {
      d: sidePath(place, radius, side.width, index), fill: "none", ...inkOf("stroke", side.paint),
      "stroke-width": side.width, "stroke-dasharray": dashOf(side.kind, side.width),
    }));
  });
  sheet.include(place);
}

const dashOf = (kind, width) =>
  kind === "dashed" ? `${short(3 * width)} ${short(2 * width)}` : kind === "dotted" ? `${short(width)} ${short(1.5 * width)}` : null;

// One side of a box, from the middle of one rounded corner to the middle of the next.
function sidePath({ x, y, width, height }, radius, line, index) {
  const half = line / 2;
  const [left, top, right, bottom] = [x + half, y + half, x + width - half, y + height - half];
  const r = Math.max(0, radius - half);
  const corner = r * (1 - Math.SQRT1_2);
  const ends = [
    [[left, top], [1, 0], [0, 1], [right, top]],
    [[right, top], [0, 1], [-1, 0], [right, bottom]],
    [[right, bottom], [-1, 0], [0, -1], [left, bottom]],
    [[left, bottom], [0, -1], [1, 0], [left, top]],
  ];
  const [[x1, y1], [ax, ay], [ix, iy], [x2, y2]] = ends[index];
  const at = (px, py) => `${short(px)} ${short(py)}`;
  const arc = r ? `A${short(r)} ${short(r)} 0 0 1 ` : "L";
  return (
    `M${at(x1 + corner * (ax + ix), y1 + corner * (ay + iy))}${arc}${at(x1 + r * ax, y1 + r * ay)}` +
    `L${at(x2 - r * ax, y2 - r * ay)}${arc}${at(x2 + corner * (ix - ax), y2 + corner * (iy - ay))}`
  );
}

// Shadows that are lines; soft ones are for the screen.
function shadowsOf(style) {
  if (style.boxShadow === "none") return [];
  return apart(style.boxShadow).flatMap((written) => {
    const [x, y, blur, spread] = (written.match(/-?[\d.]+px/g) ?? []).map(parseFloat);
    const colour = colourOf(written.replace(/\s*-?[\d.]+px|\s*inset/g, "").trim());
    return blur || !colour ? [] : [{ x, y, spread, colour, isInset: written.includes("inset") }];
  });
}

function drawRing(place, radius, width, colour, sheet, into) {
  if (width > 0) stroke(place, radius, width, width, colour, null, sheet, into);
}

function drawInset(place, radius, { y, spread, colour }, sheet, into) {
  if (spread > 0) stroke(place, radius, spread, 0, colour, null, sheet, into);
  else if (y) fill({ ...place, y: y > 0 ? place.y : place.y + place.height + y, height: Math.abs(y) }, 0, colour, sheet, into);
}

function drawOutline(place, radius, style, sheet, into) {
  const [width, offset] = [parseFloat(style.outlineWidth), parseFloat(style.outlineOffset)];
  const colour = colourOf(style.outlineColor);
  if (style.outlineStyle === "none" || !width || !colour) return;
  stroke(place, radius, width, offset + width, colour, dashOf(style.outlineStyle, width), sheet, into);
}
