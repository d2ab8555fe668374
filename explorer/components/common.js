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
