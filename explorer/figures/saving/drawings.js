// Canvases, and drawings with their styles written out.

const SHARPNESS = 4; // pixels of an enlarged image for one on the screen

function drawCanvas(canvas, style, sheet, into) {
  const { x, y, width, height } = sheet.place(canvas.getBoundingClientRect());
  const [left, top] = [parseFloat(style.borderLeftWidth), parseFloat(style.borderTopWidth)];
  const place = { x: x + left, y: y + top, width: width - 2 * left, height: height - 2 * top };
  if (!canvas.width || !canvas.height || !place.width || !place.height) return;
  if (canvas.asVector) {
    const moved = node("g", { transform: `translate(${short(place.x)} ${short(place.y)})` });
    moved.append(canvas.asVector());
    into.append(moved);
  } else {
    into.append(node("image", { ...place, preserveAspectRatio: "none", href: pixelsOf(canvas, style, place) }));
    sheet.include(place);
  }
}

// Enlarged here where each cell is to stay sharp: programs differ in how they enlarge an image.
function pixelsOf(canvas, style, place) {
  if (style.imageRendering !== "pixelated") return canvas.toDataURL();
  const times = Math.max(1, Math.ceil((SHARPNESS * place.width) / canvas.width));
  const large = document.createElement("canvas");
  large.width = times * canvas.width;
  large.height = times * canvas.height;
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, large.width, large.height);
  return large.toDataURL();
}

const INHERITED = {
  "fill-rule": "nonzero", "clip-rule": "nonzero", "stroke-width": "1", "stroke-dasharray": "none",
  "stroke-linecap": "butt", "stroke-linejoin": "miter", "font-family": "", "font-size": "16", "font-weight": "400",
  "font-style": "normal", "text-anchor": "start", visibility: "visible", "shape-rendering": "auto",
  "image-rendering": "auto", direction: "ltr", "paint-order": "normal",
};
const OWN = { opacity: "1", "clip-path": "none", mask: "none", "vector-effect": "none", "text-decoration-line": "none" };
const UNSEEN = new Set(["defs", "clipPath", "linearGradient", "radialGradient", "pattern", "mask", "stop", "marker", "symbol", "filter"]);
const SHAPES = new Set(["path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan"]);
const DROPPED = new Set(["script", "style", "title", "desc", "metadata", "foreignObject"]);
const NOT_COPIED = /^(class|style|role|tabindex|cursor|pointer-events|aria-.*|data-.*|on.*|xmlns.*|dominant-baseline)$/;

function drawDrawing(drawing, sheet, into) {
  const place = sheet.place(drawing.getBoundingClientRect());
  if (!place.width || !place.height) return;
  const made = copied(drawing, null, sheet);
  if (!made) return;
  for (const [name, value] of Object.entries(place)) made.setAttribute(name, short(value));
  if (getComputedStyle(drawing).overflow === "visible") made.setAttribute("overflow", "visible");
  into.append(made);
  sheet.include(place);
}

// A part of a drawing with the styles that it has on the page; null if it cannot be seen.
function copied(element, outer, sheet) {
  const tag = element.localName;
  if (DROPPED.has(tag) || element.matches(LEFT_OUT)) return null;
  const style = getComputedStyle(element);
  const isSeen = !UNSEEN.has(tag) && !element.closest("defs");
  if (isSeen && (style.display === "none" || style.opacity === "0")) return null;
  const made = document.createElementNS(XML, tag);
  for (const { name, namespaceURI, value } of element.attributes)
    if (!NOT_COPIED.test(name) && (name !== "id" || !isSeen)) made.setAttributeNS(namespaceURI, name, value);
  write(made, element, style, outer, sheet);
  for (const child of element.childNodes) {
    if (child instanceof Text) made.append(clean(child.data));
    else if (child instanceof Element) {
      const part = copied(child, style, sheet);
      if (part) made.append(part);
    }
  }
  const isInvisible = isSeen && SHAPES.has(tag) && !inkOf_(style, "fill") && !inkOf_(style, "stroke");
  const isEmpty = tag === "g" && !made.childElementCount;
  if (isInvisible || isEmpty) return null;
  if (tag === "text" || tag === "tspan") settle(made, element, style);
  return made;
}

const inkOf_ = (style, what) => style[what] !== "none" && (style[what].startsWith("url") || colourOf(style[what]));
const plainly = (value) => value.replace(/(\d)px/g, "$1").replace(/url\("?[^#"]*(#[^")]+)"?\)/, "url($1)");

function write(made, element, style, outer, sheet) {
  const initial = { ...INHERITED, "font-family": sheet.font };
  for (const [name, usual] of Object.entries(INHERITED)) {
    const value = plainly(style.getPropertyValue(name));
    const before = outer ? plainly(outer.getPropertyValue(name)) : name === "font-family" ? initial[name] : usual;
    if (value === before) made.removeAttribute(name);
    else made.setAttribute(name, value);
  }
  for (const [name, usual] of Object.entries(OWN)) {
    const value = plainly(style.getPropertyValue(name));
    const written = name.replace("-line", "");
    if (value === usual) made.removeAttribute(written);
    else made.setAttribute(written, value);
  }
  for (const what of ["fill", "stroke"]) writeInk(made, what, style, outer);
  if (element.localName === "stop") {
    const { colour, alpha } = colourOf(style.stopColor) ?? { colour: "#000000", alpha: 0 };
    made.setAttribute("stop-color", colour);
    made.setAttribute("stop-opacity", String(alpha * Number(style.stopOpacity)));
  }
  if (style.transform !== "none" && !element.hasAttribute("transform")) made.setAttribute("transform", style.transform);
}

function writeInk(made, what, style, outer) {
  const read = (from) => (from ? `${from[what]} ${from[`${what}Opacity`]}` : what === "fill" ? "rgb(0, 0, 0) 1" : "none 1");
  for (const name of [what, `${what}-opacity`]) made.removeAttribute(name);
  if (read(style) === read(outer)) return;
  if (style[what] === "none" || style[what].startsWith("url")) return made.setAttribute(what, plainly(style[what]));
  const { colour, alpha } = colourOf(style[what]) ?? { colour: "#000000", alpha: 0 };
  made.setAttribute(what, colour);
  made.setAttribute(`${what}-opacity`, short(alpha * Number(style[`${what}Opacity`])));
}

// A text keeps its width with another font, and its height where a program knows no baselines.
function settle(made, element, style) {
  if (!element.childElementCount && element.textContent.trim()) {
    made.setAttribute("textLength", short(element.getComputedTextLength()));
    made.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
  if (element.localName !== "text" || /^(auto|alphabetic)$/.test(style.dominantBaseline)) return;
  const at = element.y.baseVal.numberOfItems ? element.y.baseVal.getItem(0).value : 0;
  const down = element.getBBox().y + metrics(style).ascent - at;
  made.setAttribute("y", short(at + down));
  made.removeAttribute("dy");
}
