// Pictures for papers: what is drawn on the page as a standalone SVG, or as a PNG made of it.
//
// The browser has laid everything out, and this reads the places back: a box becomes a rectangle, a
// line of text becomes text where it stands, a canvas becomes an image, and a drawing is copied with
// its styles written out. What has the attribute `data-control` only steers, and is left out. Below
// stands the caption, the lines of the page's element `.picture-caption`.
//
// A canvas may have a method `asVector()`, which returns the SVG element to draw in its place.
//
// Streamlit drops a script in which something looks like a tag: no less-than sign before a letter.
(() => {
  if (window.explorerPictures) return; // pages share this window

  const XML = "http://www.w3.org/2000/svg";
  const LEFT_OUT =
    "[data-control], input, select, textarea, script, style, .modebar-container, .hoverlayer, .zoomlayer, .draglayer";
  const MARGIN = 14;
  const CAPTION = { size: 12, line: 16, gap: 14, least: 380 };
  const SCALE = 2; // of a PNG
  const MOST_PIXELS = 16000; // of a side, which is what browsers can draw
  const BRACKET = { height: 1.1, middle: 0.29 }; // of a size of 1, above the line that text stands on
  const SHARPNESS = 4; // pixels of an enlarged image for one on the screen

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

  // --- laid out for a picture ---------------------------------------------------------------------

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

  // --- what stands where --------------------------------------------------------------------------

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

  // --- boxes --------------------------------------------------------------------------------------

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

  // --- colours ------------------------------------------------------------------------------------

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

  // --- text ---------------------------------------------------------------------------------------

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

  // --- formulas -----------------------------------------------------------------------------------

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

  // --- canvases -----------------------------------------------------------------------------------

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

  // --- drawings -----------------------------------------------------------------------------------

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

  // --- the whole picture --------------------------------------------------------------------------

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
})();
