// What stands where: a part of the page is laid out as a picture, and walked through.

const XML = "http://www.w3.org/2000/svg";
const LEFT_OUT =
  "[data-control], input, select, textarea, script, style, .modebar-container, .hoverlayer, .zoomlayer, .draglayer";

function node(tag, attributes = {}, text = "") {
  const made = document.createElementNS(XML, tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined) made.setAttribute(name, typeof value === "number" ? short(value) : value);
  if (text) made.textContent = clean(text);
  return made;
}

const short = (value) => String(Math.round(value * 100) / 100);
// XML has no control characters.
const clean = (text) => text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");

// Call `draw` while nothing of `root` scrolls and nothing steers; all is as before when it returns.
function unfolded(root, draw) {
  const undo = [];
  const scope = root.getRootNode();
  const focused = scope.activeElement;
  const set = (element, styles) => {
    const before = element.getAttribute("style");
    undo.push(() => {
      element.setAttribute("style", before ?? ""); // else Chromium keeps an empty one
      if (before === null) element.removeAttribute("style");
    });
    for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value, "important");
  };
  const elements = [...root.querySelectorAll("*")];
  elements.filter((element) => element.matches(LEFT_OUT)).forEach((element) => set(element, { display: "none" }));
  for (const element of elements) // else it would stand over the rest
    if (getComputedStyle(element).position === "sticky") set(element, { position: "static" });
  const scrolling = [root, ...elements].filter(scrolls);
  for (const element of scrolling) {
    const { scrollLeft, scrollTop } = element;
    undo.unshift(() => element.scrollTo(scrollLeft, scrollTop)); // last, when it scrolls again
  }
  const missing = Math.max(0, ...scrolling.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
  if (missing) set(root, { width: `${root.getBoundingClientRect().width + missing}px`, "max-width": "none" });
  for (const element of scrolling) set(element, { overflow: "visible", "max-height": "none" });
  try {
    return draw();
  } finally {
    undo.reverse().forEach((act) => act());
    if (focused && focused !== scope.activeElement) focused.focus({ preventScroll: true });
  }
}

function scrolls(element) {
  if (!(element instanceof HTMLElement)) return false;
  const { overflowX, overflowY } = getComputedStyle(element);
  const mayScroll = [overflowX, overflowY].some((way) => way === "auto" || way === "scroll");
  return mayScroll && (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight);
}

// What is drawn so far, and how far it reaches.
class Sheet {
  constructor(root) {
    const { left, top } = root.getBoundingClientRect();
    this.origin = { left, top };
    this.font = getComputedStyle(root).fontFamily;
    this.drawn = node("g");
    this.defs = node("defs");
    this.box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  }

  // A rectangle of the window as one of the sheet.
  place({ left, top, width, height }) {
    return { x: left - this.origin.left, y: top - this.origin.top, width, height };
  }

  include({ x, y, width, height }, beyond = 0) {
    const { box } = this;
    box.left = Math.min(box.left, x - beyond);
    box.top = Math.min(box.top, y - beyond);
    box.right = Math.max(box.right, x + width + beyond);
    box.bottom = Math.max(box.bottom, y + height + beyond);
  }
}

function sheetOf(root) {
  const sheet = new Sheet(root);
  walk(root, sheet, sheet.drawn);
  return sheet;
}

function walk(element, sheet, into) {
  if (element.matches(LEFT_OUT)) return;
  const style = getComputedStyle(element);
  if (style.display === "none" || style.opacity === "0") return;
  const group = style.opacity === "1" ? into : into.appendChild(node("g", { opacity: Number(style.opacity) }));
  if (element instanceof SVGSVGElement) return drawDrawing(element, sheet, group);
  if (style.visibility === "visible") {
    drawBox(element, style, sheet, group);
    if (element instanceof HTMLCanvasElement) drawCanvas(element, style, sheet, group);
    if (element.localName === "mfrac" || element.localName === "msqrt") drawMath(element, style, sheet, group);
  }
  for (const child of element.childNodes) {
    if (child instanceof Element) walk(child, sheet, group);
    else if (child instanceof Text && style.visibility === "visible") drawText(child, style, sheet, group);
  }
  if (style.visibility === "visible") drawFrame(element, style, sheet, group);
}
