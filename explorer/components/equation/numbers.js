// The numbers of a head, what follows from the scores as they are now, and how they are written.

const [VECTORS, PRODUCTS, SCALED, MASKED, SOFTMAX, VALUES] = [1, 2, 3, 4, 5, 6];

// The numbers of a head: of sent rows their queries, products, weights and mask; of all keys K and V.
function numbersOf(meta, values) {
  const { d_k, d_v, sent } = meta;
  const [n, q] = [meta.keys.length, sent.length];
  const bytes = values.slice(); // a copy, so that floats begin where floats may
  let at = 0;
  const floats = (count) => {
    const found = new Float32Array(bytes.buffer, at, count);
    at += 4 * count;
    return found;
  };
  const found = { query: floats(q * d_k), keys: floats(n * d_k), values: floats(n * d_v) };
  Object.assign(found, { products: floats(q * n), weights: floats(q * n) });
  return { ...found, visible: bytes.subarray(at) };
}

// What is on show: the model's numbers of the row, and what follows from the scores as they are now.
function compute(root) {
  const { meta, numbers, view, moved } = root;
  const index = meta.sent.indexOf(view.row);
  if (index < 0) return null;
  const n = meta.keys.length;
  const of = (all, size) => all.subarray(index * size, (index + 1) * size);
  const row = {
    texts: meta.texts[index],
    query: of(numbers.query, meta.d_k),
    products: of(numbers.products, n),
    visible: of(numbers.visible, n),
    model: of(numbers.weights, n),
  };
  row.scaled = Float64Array.from(row.products, (product) => product / Math.sqrt(meta.d_k));
  row.scores = Float64Array.from(row.scaled, (score, key) => moved.get(key) ?? score);
  row.weights = moved.size ? softmax(row.scores, row.visible) : row.model;
  row.output = summed(root, row.weights, n);
  row.isMasked = row.visible.includes(0);
  row.top = row.model.indexOf(Math.max(...row.model));
  return row;
}

function softmax(scores, visible) {
  const most = Math.max(...scores.filter((_, key) => visible[key]));
  const raised = scores.map((score, key) => (visible[key] ? Math.exp(score - most) : 0));
  const sum = raised.reduce((one, other) => one + other, 0);
  return raised.map((each) => each / sum);
}

// The weighted values of the first n keys, added up.
function summed(root, weights, n) {
  const { d_v } = root.meta;
  const output = new Float64Array(d_v);
  for (let key = 0; key < n; key++) {
    if (!weights[key]) continue;
    for (let j = 0; j < d_v; j++) output[j] += weights[key] * root.numbers.values[key * d_v + j];
  }
  return output;
}

// Stages that change nothing are folded: a division by 1, a mask that hides nothing.
function isFolded(root, stage) {
  if (stage === SCALED) return root.meta.d_k === 1;
  return stage === MASKED && root.row !== null && !root.row.isMasked;
}

function signedText(value, digits = 2) {
  const written = Math.abs(value).toFixed(digits);
  return value < 0 && Number(written) ? `−${written}` : written;
}

// As short as its place is narrow.
function short(value) {
  if (value === -Infinity) return "−∞";
  return signedText(value, Math.abs(value) < 9.995 ? 2 : 1);
}

function quoted(text) {
  return `“\u2068${text}\u2069”`;
}
