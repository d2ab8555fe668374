// The numbers of the figure: weights, strips, and how they are written.

// A 16-bit float.
function half(bits) {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

// The drawn numbers of the vector that leaves a block at a position (from 0); null if they are not here.
function stripOf(root, name, layer, position) {
  const { strips } = root.meta;
  const place = strips?.places[name];
  const index = place?.layers.length ? place.layers.indexOf(layer) : 0;
  if (!place || index < 0) return null;
  const start = place.first + 2 * strips.n_shown * (index * place.rows + position);
  const bytes = new DataView(root.values.buffer, root.values.byteOffset + start, 2 * strips.n_shown);
  return Array.from({ length: strips.n_shown }, (_, i) => half(bytes.getUint16(2 * i, true)));
}

// What a list of layers holds of one layer and position, such as the units of a network.
function ofLayer(found, name, layer, position) {
  const index = found ? found.layers.indexOf(layer) : -1;
  const own = index < 0 ? null : found[name][index];
  return position === undefined || own === null ? own : own[position];
}

// The strongest units of a network with their values; those at 0 are none. Null if they are not here.
function strongest(found, layer, position) {
  return ofLayer(found, "best", layer, position)?.filter(([, value]) => value !== 0) ?? null;
}

// The weights of the head on show; null if they are not here.
function headOf(root, kind) {
  const { layers, heads, rows, columns, first } = root.meta.weights[kind];
  const { view } = root;
  const layer = layers.indexOf(view.layers[sideOf(kind)]);
  const head = heads.indexOf(view.heads[kind]);
  if (layer < 0 || head < 0) return null;
  const weights = weightsAt(root.values, first + 2 * (layer * heads.length + head) * rows * columns, rows * columns);
  return { rows, columns, at: (query, key) => weights[query * columns + key] };
}

const sideOf = (kind) => (kind === "encoder" ? "encoder" : "decoder");

// The source piece, from 0, that the step's query attends to most; marks such as </s> come last.
function followed(root) {
  const head = headOf(root, "cross");
  const { source } = root.meta;
  const size = (key) => (head ? head.at(root.view.step - 1, key) : 0) + (source[key].word < 0 ? 0 : 1);
  return source.reduce((best, _, key) => (size(key) > size(best) ? key : best), 0);
}

const whole = (n) => n.toLocaleString("en");

function decimal(x) {
  const size = Math.abs(x);
  const text = size.toFixed(size < 100 ? 2 : size < 1000 ? 1 : 0);
  return `${x < 0 && Number(text) ? "−" : ""}${text}`;
}

function colourOf(root, value) {
  const { palette, strips } = root.meta;
  const share = Math.min(1, Math.max(-1, value / strips.most));
  return palette[Math.round(((share + 1) / 2) * (palette.length - 1))];
}
