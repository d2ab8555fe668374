// Text where the browser broke it into lines, and formulas.

const BRACKET = { height: 1.1, middle: 0.29 }; // of a size of 1, above the line that text stands on

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const meter = document.createElement("canvas").getContext("2d");

function drawText(text, style, sheet, into) {
  const ink = colourOf(style.color);
  if (!text.data.trim() || !ink) return;
  if (text.parentElement.localName === "mo" && /^[()]$/.test(text.data.trim())) return drawBracket(text, style, ink, sheet, into);
  for (const line of linesOf(text, style)) {
    if (style.writingMode.startsWith("vertical")) {
      drawUpright(line, isHalfTurned(text.parentElement), style, ink, sheet, into);
      continue;
    }
    const { top, height, left, right } = line;
    const place = sheet.place({ left, top, width: right - left, height });
    const isTurned = style.direction === "rtl";
    const shown = clean(transformed(line.text, style));
    const decoration = style.textDecorationLine === "none" ? null : style.textDecorationLine;
    const made = node("text", {
      x: place.x, y: place.y + baseline(style, height), ...fontOf(style, sheet), ...inkOf("fill", ink),
      textLength: place.width, lengthAdjust: "spacingAndGlyphs", "text-decoration": decoration,
      direction: isTurned ? "rtl" : null, "text-anchor": isTurned ? "end" : null,
    });
    if (/\s\s/.test(shown)) made.setAttributeNS("http://www.w3.org/XML/1998/namespace", "xml:space", "preserve");
    made.textContent = shown;
    into.append(made);
    sheet.include(place);
  }
}

function isHalfTurned(element) {
  for (let at = element; at && getComputedStyle(at).writingMode.startsWith("vertical"); at = at.parentElement)
    if (getComputedStyle(at).transform.startsWith("matrix(-1, 0, 0, -1")) return true;
  return false;
}

// A line of text that stands on its end.
function drawUpright({ text, left, right, top, bottom }, isUpwards, style, ink, sheet, into) {
  const place = sheet.place({ left, top, width: right - left, height: bottom - top });
  const { ascent, descent } = metrics(style);
  const beside = (ascent - descent) / 2;
  const x = place.x + place.width / 2 + (isUpwards ? beside : -beside);
  const y = isUpwards ? place.y + place.height : place.y;
  into.append(node("text", {
    transform: `translate(${short(x)} ${short(y)}) rotate(${isUpwards ? -90 : 90})`, ...fontOf(style, sheet),
    ...inkOf("fill", ink), textLength: place.height, lengthAdjust: "spacingAndGlyphs",
  }, text));
  sheet.include(place);
}

// A text as the browser broke it into lines, each with its place in the window.
function linesOf(text, style) {
  const range = document.createRange();
  const lines = [];
  for (const { segment, index } of letters.segment(text.data)) {
    range.setStart(text, index);
    range.setEnd(text, index + segment.length);
    const rect = range.getClientRects()[0];
    if (!rect || (!rect.width && !segment.trim())) continue; // a space where a line ends
    const last = lines.at(-1);
    const [side, size] = style.writingMode.startsWith("vertical") ? ["left", "width"] : ["top", "height"];
    if (last && Math.abs(last[0].rect[side] - rect[side]) < rect[size] / 2) last.push({ segment, rect });
    else lines.push([{ segment, rect }]);
  }
  return lines.flatMap((line) => {
    while (line.length && !line[0].segment.trim()) line.shift();
    while (line.length && !line.at(-1).segment.trim()) line.pop();
    return line.length ? [asLine(cut(line, text.parentElement, style))] : [];
  });
}

function asLine(line) {
  return {
    text: line.map(({ segment }) => segment.replace(/\s/, " ")).join(""),
    left: Math.min(...line.map(({ rect }) => rect.left)),
    right: Math.max(...line.map(({ rect }) => rect.right)),
    top: Math.min(...line.map(({ rect }) => rect.top)),
    bottom: Math.max(...line.map(({ rect }) => rect.bottom)),
    height: line[0].rect.height,
  };
}

// A text too long for its box ends in an ellipsis, as on the screen.
function cut(line, parent, style) {
  if (style.textOverflow !== "ellipsis" || parent.scrollWidth === parent.clientWidth) return line;
  const edge = parent.getBoundingClientRect().right - parseFloat(style.fontSize);
  const kept = line.filter(({ rect }) => rect.right <= edge);
  if (kept.length === line.length || !kept.length) return line;
  const { rect } = line[kept.length];
  return [...kept, { segment: "…", rect: DOMRect.fromRect({ x: rect.left, y: rect.top, width: parseFloat(style.fontSize), height: rect.height }) }];
}

function transformed(text, style) {
  if (style.textTransform === "uppercase") return text.toUpperCase();
  return style.textTransform === "lowercase" ? text.toLowerCase() : text;
}

function metrics(style) {
  meter.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = meter.measureText("x");
  return { ascent, descent };
}

// How far below the top of its line a text stands.
function baseline(style, height) {
  const { ascent, descent } = metrics(style);
  return (height - ascent - descent) / 2 + ascent;
}

const fontOf = (style, sheet) => ({
  "font-family": style.fontFamily === sheet.font ? null : style.fontFamily,
  "font-size": parseFloat(style.fontSize),
  "font-weight": style.fontWeight === "400" ? null : style.fontWeight,
  "font-style": style.fontStyle === "normal" ? null : style.fontStyle,
});

// The line of a fraction, or the sign of a root, which the browser draws without an element.
function drawMath(element, style, sheet, into) {
  const [own, ...parts] = [element, ...element.children].map((it) => sheet.place(it.getBoundingClientRect()));
  const [first, second] = parts;
  const right = own.x + own.width;
  let points;
  if (element.localName === "mfrac") {
    const y = (first.y + first.height + second.y) / 2;
    points = [[own.x, y], [right, y]];
  } else {
    const bottom = own.y + own.height;
    const [x, y] = [first.x, own.y + 1];
    const wide = x - own.x;
    points = [[own.x, bottom - own.height * 0.45], [own.x + wide * 0.3, bottom - own.height * 0.5],
      [own.x + wide * 0.6, bottom], [x, y], [right, y]];
  }
  const d = points.map(([x, y], index) => `${index ? "L" : "M"}${short(x)} ${short(y)}`).join("");
  into.append(node("path", { d, fill: "none", ...inkOf("stroke", colourOf(style.color)), "stroke-width": 1 }));
}

// A bracket is as high as what it holds.
function drawBracket(text, style, ink, sheet, into) {
  const place = sheet.place(text.parentElement.getBoundingClientRect());
  const size = Math.max(parseFloat(style.fontSize), place.height / BRACKET.height);
  into.append(node("text", {
    x: place.x, y: place.y + place.height / 2 + BRACKET.middle * size, ...fontOf(style, sheet), "font-size": size,
    ...inkOf("fill", ink), textLength: place.width, lengthAdjust: "spacingAndGlyphs",
  }, text.data.trim()));
}
