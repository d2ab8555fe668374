// What is pointed at: a key, and perhaps a dimension of q and k, or one of v.

const PRODUCTS_PX = 44;
const HINT = "Point at a cell: its dimension of q lights up, with their product. Drag a score: the softmax answers.";

function pointAtRow(root, event) {
  const line = event.target.closest(".row");
  if (!line) return;
  const found = { key: Number(line.dataset.key) };
  const strip = event.target.closest("canvas");
  if (strip?.classList.contains("key")) found.dimension = dimensionAt(root, strip, event);
  if (strip?.classList.contains("value")) found.valueDimension = dimensionAt(root, strip, event);
  point(root, found);
}

function pointAtQuery(root, event) {
  const key = root.point?.key ?? root.row.top;
  point(root, { key, dimension: dimensionAt(root, root.top.query, event) });
}

function pointAtOutput(root, event) {
  const key = root.point?.key ?? root.row.top;
  point(root, { key, valueDimension: dimensionAt(root, root.output, event) });
}

function dimensionAt(root, canvas, event) {
  const place = canvas.getBoundingClientRect();
  return within(Math.floor((event.clientX - place.left) / root.cell), canvas.width);
}

function point(root, found) {
  const isSame = JSON.stringify(found) === JSON.stringify(root.point);
  if (isSame || root.drag?.isMoving || !root.row) return;
  endSweep(root);
  if (found?.key !== root.point?.key) pointAt(found && wordsOf(root, found.key, root.view.row - 1));
  root.point = found;
  drawPoint(root);
}

// The words of a key and of a query, for the one hover of the page.
function wordsOf(root, key, query) {
  const [asking, asked] = root.meta.sides;
  const found = { source: [], target: [] };
  const add = (side, word) => word >= 0 && found[side].push(word);
  if (key !== null) add(asked, root.meta.keys[key][1]);
  if (key === null || asking !== asked) add(asking, root.meta.queries[query][2]);
  return found;
}

function light(root, words) {
  const [asking, asked] = root.meta.sides;
  const has = (side, word) => word >= 0 && Boolean(words) && words[side].includes(word);
  root.chips.forEach((made, index) => made.classList.toggle("linked", has(asking, root.meta.queries[index][2])));
  for (const [key, line] of root.rows) line.root.classList.toggle("linked", has(asked, root.meta.keys[key][1]));
}

// The products of the key pointed at (else of the one with the largest weight), and what is read there.
function drawPoint(root) {
  const { row, meta, point: at } = root;
  const key = at?.key ?? row.top;
  for (const [other, line] of root.rows) line.root.classList.toggle("pointed", other === key && at !== null);
  root.top.productsOf.textContent = `q × k of ${meta.keys[key][0]}`;
  root.top.productsOf.title = root.top.productsOf.textContent;
  drawProducts(root, key, at?.dimension);
  place(root, root.cursors[0], root.left[0], root.partial?.dimension ?? at?.dimension);
  place(root, root.cursors[1], root.left[1], at?.valueDimension);
  root.readout.textContent = readoutText(root, key);
  control(root.readout, !root.point); // then it is a hint
  const { products } = root.top;
  products.setAttribute("aria-valuemax", meta.d_k);
  products.setAttribute("aria-valuenow", (at?.dimension ?? 0) + 1);
  products.setAttribute("aria-valuetext", root.readout.textContent);
}

function place(root, cursor, left, dimension) {
  cursor.hidden = dimension === undefined;
  if (cursor.hidden) return;
  cursor.style.left = `${left + dimension * root.cell}px`;
  cursor.style.width = `${root.cell}px`;
}

function productOf(root, key, dimension) {
  return root.row.query[dimension] * root.numbers.keys[key * root.meta.d_k + dimension];
}

function drawProducts(root, key, dimension) {
  const { meta, cell: width } = root;
  const canvas = root.top.products;
  canvas.width = meta.d_k * width;
  canvas.height = PRODUCTS_PX;
  canvas.style.width = `${canvas.width}px`;
  const context = canvas.getContext("2d");
  const products = Array.from({ length: meta.d_k }, (_, j) => productOf(root, key, j));
  const high = Math.max(0, ...products);
  const low = Math.min(0, ...products);
  const y = (value) => ((high - value) / (high - low || 1)) * (PRODUCTS_PX - 2) + 1;
  const { attention, below } = colours(root);
  products.forEach((product, j) => {
    context.fillStyle = `rgb(${product < 0 ? below : attention})`;
    context.globalAlpha = dimension === undefined || dimension === j ? 1 : 0.45;
    context.fillRect(j * width + 0.5, y(Math.max(0, product)), Math.max(width - 1, 1), Math.abs(y(product) - y(0)));
  });
  context.globalAlpha = 1;
  context.fillStyle = `rgb(${below})`;
  context.fillRect(0, y(0) - 0.5, canvas.width, 1);
}

function readoutText(root, key) {
  const { row, meta, point: at } = root;
  const label = quoted(meta.keys[key][0]);
  if (at?.dimension !== undefined) {
    const j = at.dimension;
    const k = root.numbers.keys[key * meta.d_k + j];
    return `Dimension ${j + 1}: q ${signedText(row.query[j])} × k ${signedText(k)} of ${label} = ` +
      `${signedText(productOf(root, key, j))}. All ${meta.d_k} products add up to q·k = ${signedText(row.products[key])}.`;
  }
  if (at?.valueDimension !== undefined) {
    const j = at.valueDimension;
    const v = root.numbers.values[key * meta.d_v + j];
    return `Dimension ${j + 1}: weight ${row.weights[key].toFixed(3)} × v ${signedText(v)} of ${label} = ` +
      `${signedText(row.weights[key] * v)}. All ${meta.keys.length} keys add up to ${signedText(row.output[j])} in the output.`;
  }
  if (!at) return HINT;
  const score = row.visible[key] ? signedText(row.scores[key]) : "−∞ (masked)";
  return `${label}: q·k = ${signedText(row.products[key])}, score ${score}, weight ${row.weights[key].toFixed(3)}.`;
}
