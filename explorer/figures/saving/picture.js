// Pictures for papers: what is drawn on the page as a standalone SVG, or as a PNG made of it.
//
// The browser has laid everything out, and this reads the places back: a box becomes a rectangle, a
// line of text becomes text where it stands, a canvas becomes an image, and a drawing is copied with
// its styles written out. What has the attribute `data-control` only steers, and is left out. Below
// stands the caption, the lines of the page's element `.picture-caption`.
//
// A canvas may have a method `asVector()`, which returns the SVG element to draw in its place.
//
// The files of this folder that draw are one script (`picture_scripts` in standalone.py). Streamlit
// drops a script in which something looks like a tag: no less-than sign before a letter.

const MARGIN = 14;
const CAPTION = { size: 12, line: 16, gap: 14, least: 380 };
const SCALE = 2; // of a PNG
const MOST_PIXELS = 16000; // of a side, which is what browsers can draw

// The lines of the page's caption, the address of the view last.
function captionLines() {
  const found = document.querySelector(".picture-caption");
  const lines = found ? [...found.children].map((line) => line.textContent.trim()) : [location.href];
  return lines.filter((line) => line && !line.startsWith("about:"));
}

function wrapped(text, width) {
  const lines = [""];
  for (const word of text.split(/(?<= )|(?<=[&?])/)) {
    for (const part of meter.measureText(word).width > width ? letters.segment(word) : [{ segment: word }]) {
      const longer = lines.at(-1) + part.segment;
      if (lines.at(-1) && meter.measureText(longer.trimEnd()).width > width) lines.push(part.segment);
      else lines[lines.length - 1] = longer;
    }
  }
  return lines.map((line) => line.trimEnd());
}

function drawCaption(texts, width, style) {
  meter.font = `${CAPTION.size}px ${style.fontFamily}`;
  const made = node("g", { "font-size": CAPTION.size, ...inkOf("fill", colourOf(style.color)) });
  let y = CAPTION.size;
  for (const text of texts)
    for (const line of wrapped(text, width)) {
      const written = node("text", { y, textLength: meter.measureText(line).width, lengthAdjust: "spacingAndGlyphs" }, line);
      y += CAPTION.line;
      if (!/^https?:/.test(text)) made.append(written);
      else made.appendChild(node("a", { href: text })).append(written);
    }
  return { made, height: texts.length ? y - CAPTION.line + 4 : 0 };
}

function groundOf(element) {
  for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
    const colour = colourOf(getComputedStyle(at).backgroundColor);
    if (colour && colour.alpha === 1) return colour.colour;
  }
  return "#ffffff";
}

const sentence = (text) => (!text || /[.:!?]$/.test(text) ? text : `${text}.`);

// A standalone SVG of what is drawn in `root`.
function svgOf(root, title = "") {
  const { drawn, defs, box, font } = unfolded(root, () => sheetOf(root));
  const isEmpty = box.right < box.left;
  const [left, top] = isEmpty ? [0, 0] : [box.left, box.top];
  const [wide, high] = isEmpty ? [0, 0] : [box.right - left, box.bottom - top];
  const inner = Math.max(wide, CAPTION.least);
  const [first = "", ...more] = captionLines();
  const texts = [[sentence(title), first].filter(Boolean).join(" "), ...more].filter(Boolean);
  const caption = drawCaption(texts, inner, getComputedStyle(root));
  const below = MARGIN + high + CAPTION.gap;
  const [width, height] = [inner + 2 * MARGIN, below + caption.height + MARGIN].map(Math.ceil);
  const made = node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "font-family": font, role: "img" });
  drawn.setAttribute("transform", `translate(${short(MARGIN - left)} ${short(MARGIN - top)})`);
  caption.made.setAttribute("transform", `translate(${MARGIN} ${short(below)})`);
  made.append(
    node("title", {}, title || "Picture"), node("desc", {}, texts.join("\n")), defs,
    node("rect", { width, height, fill: groundOf(root) }), drawn, caption.made,
  );
  return made;
}

const textOf = (svg) => new XMLSerializer().serializeToString(svg);

async function pngOf(svg) {
  const style = node("style");
  style.textContent = await fontFaces(svg);
  svg.prepend(style);
  const [width, height] = ["width", "height"].map((name) => Number(svg.getAttribute(name)));
  const scale = Math.min(SCALE, MOST_PIXELS / Math.max(width, height));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(textOf(svg))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(scale * width);
  canvas.height = Math.round(scale * height);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

// The page's own fonts that a picture uses, written out: an image cannot load them by address.
async function fontFaces(svg) {
  const families = [svg, ...svg.querySelectorAll("[font-family]")].map((part) => part.getAttribute("font-family")).join();
  const rules = [...document.styleSheets]
    .filter((sheet) => !sheet.href || sheet.href.startsWith(location.origin))
    .flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => rule instanceof CSSFontFaceRule)
    .filter((rule) => families.includes(rule.style.getPropertyValue("font-family").replaceAll('"', "")));
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

// Save what is drawn in `root` as a file of this kind, "svg" or "png".
async function save(root, kind, name, title) {
  const svg = svgOf(root, title);
  const blob = kind === "png" ? await pngOf(svg) : new Blob([textOf(svg)], { type: "image/svg+xml" });
  const link = document.createElement("a");
  link.download = `${name}.${kind}`;
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

window.explorerPictures = { save, svgOf };
