// What several components share; put before their own script when the page is made.

// Token text goes through textContent only: whatever was typed appears as typed.
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// The direction in which the words of a text follow each other; words that stand apart do not show it.
function directionOf(text) {
  const first = text.match(/\p{L}/u)?.[0] ?? "";
  return /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(first) ? "rtl" : "ltr";
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

// So many weights, which begin at a byte: 16 bits (little-endian) each.
function weightsAt(values, first, n) {
  const bytes = new DataView(values.buffer, values.byteOffset + first, 2 * n);
  return Float32Array.from({ length: n }, (_, i) => bytes.getUint16(2 * i, true) / 65535);
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

const wantsStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Marks an element that only steers: pictures leave it out.
function control(element, isControl = true) {
  element.toggleAttribute("data-control", isControl);
  return element;
}

// Two buttons that save what stands in `root` as a picture with a caption (figures/saving/picture.js).
// `title` says what the picture shows; it is asked for when the picture is saved.
function pictureButtons(root, name, title = () => "") {
  const made = control(element("span", "saving"));
  for (const kind of ["SVG", "PNG"]) {
    const save = () => window.explorerPictures.save(root, kind.toLowerCase(), name, title());
    made.append(button("png", `Save this picture as ${kind}`, save));
    made.lastChild.textContent = kind;
  }
  return made;
}
