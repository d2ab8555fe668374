// What several components share; put before their own script when the page is made.

// Token text goes through textContent only: whatever was typed appears as typed.
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function tokenElement(className, text) {
  const made = element("span", className, text);
  made.dir = "auto";
  return made;
}

function button(className, label, onclick) {
  const made = element("button", className);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.title = label;
  made.onclick = onclick;
  return made;
}

// Something in `root` is pointed at, or gets the focus (for which elements have no `onfocusin`).
function reaching(root, act) {
  for (const kind of ["mouseover", "focusin"]) root.addEventListener(kind, (event) => act(event.target));
}

// One hover for the whole page: which words of the source and of the translation are pointed at.
// `words` is { source: [..], target: [..] }, indices from 0, or null.
function pointAt(words) {
  window.dispatchEvent(new CustomEvent("explorer:point", { detail: words }));
}

// Call `act` whenever anything on the page is pointed at, as long as `root` is on it.
function onPoint(root, act) {
  const hear = (event) => {
    if (root.isConnected) act(event.detail);
    else window.removeEventListener("explorer:point", hear);
  };
  window.addEventListener("explorer:point", hear);
}

// A view that the reader changes in the browser. The server hears of it when the reader has been quiet
// for a moment and nothing plays; an older answer of the server never overwrites a newer choice.
const TELL_AFTER_MS = 300;
const ANSWER_MS = 5000; // a server that has not answered by then has refused

function tellSoon(root) {
  clearTimeout(root.timer);
  root.timer = setTimeout(() => {
    if (root.playing) return tellSoon(root);
    root.timer = null;
    root.awaited = { view: JSON.stringify(root.view), until: Date.now() + ANSWER_MS };
    root.tell(root.view);
  }, TELL_AFTER_MS);
}

function takeView(root, view, setStateValue) {
  root.tell = (seen) => setStateValue("view", seen);
  const { awaited } = root;
  const isLatest = !awaited || JSON.stringify(view) === awaited.view || Date.now() > awaited.until;
  if (root.view && (!isLatest || root.timer || root.playing)) return;
  root.awaited = null;
  root.view = structuredClone(view);
}

// Data: 4 bytes header length, JSON header, then raw bytes.
function unpack(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const n = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const meta = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + n)));
  return { meta, values: bytes.subarray(4 + n) };
}

// Weights travel as round(255 * sqrt(weight)).
function weight(level) {
  return (level / 255) ** 2;
}

function percent(share) {
  const value = 100 * share;
  return value > 0 && value < 1 ? "< 1 %" : `${Math.round(value)} %`;
}

// The one element a component keeps between updates.
function keep(parent, className, make) {
  let root = parent.querySelector(`.${className}`);
  if (!root) {
    root = element("div", className);
    parent.append(root);
    make?.(root);
  }
  return root;
}

// A button that saves what stands in `root` as a PNG, as it looks now.
function pngButton(root, name) {
  const made = button("png", "Save this picture as PNG", () => savePng(root, name));
  made.textContent = "PNG";
  return made;
}

async function savePng(root, name) {
  const width = Math.max(root.scrollWidth, ...[...root.children].map((child) => child.scrollWidth));
  const height = root.scrollHeight;
  const svg = asSvg(root, width, height, await fontFaces(getComputedStyle(root).fontFamily));
  await saveAsPng(svg, width, height, name);
}

async function saveAsPng(svg, width, height, name, scale = 2) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.drawImage(image, 0, 0);
  saveFile(`${name}.png`, canvas.toDataURL("image/png"));
}

function saveFile(name, address) {
  const link = document.createElement("a");
  link.download = name;
  link.href = address;
  link.click();
}

// Two buttons for a picture that is one SVG element: `find` returns it as it stands.
function svgButton(find, name) {
  const made = button("png", "Save this picture as SVG", () =>
    saveFile(`${name}.svg`, `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standaloneSvg(find()))}`));
  made.textContent = "SVG";
  return made;
}

function svgPngButton(find, name) {
  const made = button("png", "Save this picture as PNG", async () => {
    const drawn = find();
    const { width, height } = drawn.getBoundingClientRect();
    const fonts = await fontFaces(getComputedStyle(drawn).fontFamily);
    await saveAsPng(standaloneSvg(drawn, fonts), Math.round(width), Math.round(height), name);
  });
  made.textContent = "PNG";
  return made;
}

const WRITTEN_OUT = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "opacity",
  "font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline",
];

// An SVG element as a file that needs nothing around it: colours and styles written out, on the page's
// background, without what cannot be seen and without what only a page can do.
function standaloneSvg(drawn, fonts = "") {
  const copy = drawn.cloneNode(true);
  const [originals, copies] = [drawn, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  originals.forEach((original, i) => {
    const computed = getComputedStyle(original);
    const made = copies[i];
    for (const name of WRITTEN_OUT) made.setAttribute(name, computed.getPropertyValue(name));
    for (const name of ["class", "style", "role", "tabindex"]) made.removeAttribute(name);
    for (const { name } of [...made.attributes]) if (/^(aria|data)-/.test(name)) made.removeAttribute(name);
    if (computed.opacity === "0") made.remove();
  });
  const { width, height } = drawn.getBoundingClientRect();
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", fill: getComputedStyle(drawn).getPropertyValue("--st-background-color") }))
    ground.setAttribute(name, value);
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = fonts;
  copy.prepend(...(fonts ? [style] : []), ground);
  for (const [name, value] of Object.entries({ xmlns: "http://www.w3.org/2000/svg", width, height })) copy.setAttribute(name, value);
  return new XMLSerializer().serializeToString(copy);
}

// The element with its styles and canvases written out, so that it needs nothing around it.
function asSvg(root, width, height, fonts) {
  const copy = root.cloneNode(true);
  freeze(root, copy);
  const canvases = root.querySelectorAll("canvas");
  copy.querySelectorAll("canvas").forEach((canvas, index) => {
    const image = document.createElement("img");
    image.className = canvas.className;
    image.style.cssText = canvas.style.cssText;
    image.src = canvases[index].toDataURL();
    canvas.replaceWith(image);
  });
  copy.querySelectorAll(".png").forEach((made) => made.remove());
  const css = cssAround(root).replaceAll("canvas", "img");
  const computed = getComputedStyle(root);
  for (const variable of new Set(css.match(/--st-[\w-]+/g)))
    copy.style.setProperty(variable, computed.getPropertyValue(variable));
  copy.style.cssText += `;box-sizing:border-box;width:${width}px;height:${height}px;overflow:visible;`;
  copy.style.background = computed.getPropertyValue("--st-background-color");
  copy.style.colorScheme = computed.colorScheme;
  const style = document.createElement("style");
  style.textContent = `${fonts} ${css} * { overflow: visible !important; box-sizing: border-box; }`;
  copy.prepend(style);
  const inner = new XMLSerializer().serializeToString(copy);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
    `<foreignObject width="100%" height="100%">${inner}</foreignObject></svg>`
  );
}

// The page's own fonts of this family, written out: a picture cannot load them by address.
async function fontFaces(family) {
  const rules = [...document.styleSheets]
    .filter((sheet) => !sheet.href || sheet.href.startsWith(location.origin))
    .flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => rule instanceof CSSFontFaceRule)
    .filter((rule) => family.includes(rule.style.getPropertyValue("font-family").replaceAll('"', "")))
    .filter((rule) => rule.style.getPropertyValue("font-style") !== "italic");
  return (await Promise.all(rules.map(inlineFont))).join("\n");
}

async function inlineFont(rule) {
  const address = rule.style.getPropertyValue("src").match(/url\("?([^")]+)"?\)/)?.[1];
  if (!address) return "";
  const response = await fetch(new URL(address, rule.parentStyleSheet.href ?? document.baseURI));
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return rule.cssText.replace(/url\("?[^")]+"?\)/, `url(data:font/woff2;base64,${btoa(text)})`);
}

// A copy forgets what was chosen in it, and in another font its parts would move.
function freeze(root, copy) {
  const copies = copy.querySelectorAll("*");
  root.querySelectorAll("*").forEach((original, index) => {
    const made = copies[index];
    if (original instanceof HTMLSelectElement)
      made.options[original.selectedIndex]?.setAttribute("selected", "");
    if (original instanceof HTMLInputElement) made.setAttribute("value", original.value);
    const { width } = original.getBoundingClientRect();
    if (original instanceof HTMLElement && width)
      made.style.width = made.style.minWidth = `${width + 0.5}px`;
  });
  copy.style.fontFamily = getComputedStyle(root).fontFamily;
}

function cssAround(root) {
  const scope = root.getRootNode();
  const sheets = [...(scope.styleSheets ?? []), ...(scope.adoptedStyleSheets ?? [])];
  const readable = sheets.filter((sheet) => !sheet.href);
  return readable.flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText)).join("\n");
}
