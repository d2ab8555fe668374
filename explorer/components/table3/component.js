// Table 3: a table with sticky headers that sorts, opens its rows, and offers models to compare.

const DOTS = { width: 120, height: 22, margin: 7 };
const SIGNS = { better: "▲", worse: "▼", same: "≈", unjudged: "?" };
const WORDS = {
  better: "better than base",
  worse: "worse than base",
  same: "no difference shown",
  unjudged: "not judged yet",
};

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = keep(parentElement, "table3", build);
  root.data = data;
  takeView(root, data.view, setStateValue);
  const drawn = JSON.stringify([data.rows, data.columns, data.caption]);
  if (root.drawn !== drawn) drawTable(root);
  root.drawn = drawn;
  show(root);
}

function build(root) {
  root.legend = element("div", "legend");
  root.frame = element("div", "frame");
  root.frame.tabIndex = 0;
  root.frame.setAttribute("role", "region");
  root.hint = element("div", "hint", "Scroll sideways for the rest →");
  root.more = button("more", "Show all rows at once", () => {
    const isWhole = root.frame.classList.toggle("whole");
    root.more.textContent = isWhole ? "Show fewer rows" : "Show all rows";
    root.more.setAttribute("aria-label", root.more.textContent);
    root.more.setAttribute("aria-expanded", isWhole);
  });
  root.more.textContent = "Show all rows";
  root.more.setAttribute("aria-expanded", "false");
  const above = element("div", "above");
  above.append(root.legend, root.more);
  root.append(above, root.hint, root.frame);
  new ResizeObserver(() => fit(root)).observe(root.frame);
}

// The details are as wide as what is seen of the table, wherever it is scrolled to.
function fit(root) {
  root.style.setProperty("--seen", `${root.frame.clientWidth}px`);
  root.hint.hidden = root.frame.scrollWidth <= root.frame.clientWidth + 1;
}

function change(root, view) {
  root.view = { ...root.view, ...view };
  show(root);
  tellSoon(root);
}

function drawTable(root) {
  const { data } = root;
  const table = element("table", "");
  table.append(element("caption", "", data.caption), head(root));
  root.table = table;
  root.rows = data.rows.map((row) => rowOf(root, row));
  root.frame.setAttribute("aria-label", data.caption);
  root.frame.replaceChildren(table);
  root.legend.replaceChildren(...(Object.values(data.scales).some(Boolean) ? legend() : []));
  fit(root);
}

function legend() {
  const parts = Object.keys(SIGNS).filter((name) => name !== "unjudged").map((name) => {
    const part = element("span", `sign ${name}`, `${SIGNS[name]} ${WORDS[name]}`);
    return part;
  });
  const paper = element("span", "", "◇ the paper's difference");
  const line = element("span", "", "● and its line: trained here, with 95 % interval; right is better");
  return [...parts, line, paper];
}

function head(root) {
  const made = element("thead", "");
  const [groups, names] = [element("tr", "groups"), element("tr", "names")];
  groups.append(corner(""));
  const { columns } = root.data;
  columns.forEach((column, index) => {
    if (index && columns[index - 1].group === column.group) return;
    const cell = element("th", "first", column.group);
    cell.scope = "colgroup";
    cell.colSpan = columns.filter((other) => other.group === column.group).length;
    groups.append(cell);
  });
  names.append(corner("What is changed", root));
  root.heads = new Map();
  columns.forEach((column, index) => {
    const cell = element("th", index && columns[index - 1].group === column.group ? "" : "first");
    cell.scope = "col";
    if (column.about) cell.title = column.about;
    if (column.best) {
      const sorter = element("button", "sorter");
      sorter.type = "button";
      sorter.append(withIndex(column.title), element("span", "arrow"));
      sorter.onclick = () => sortBy(root, column.key);
      cell.append(sorter);
      root.heads.set(column.key, cell);
    } else cell.append(withIndex(column.title));
    names.append(cell);
  });
  made.append(groups, names);
  return made;
}

function corner(text) {
  const cell = element(text ? "th" : "td", "corner", text);
  if (text) cell.scope = "col";
  return cell;
}

// `d_model` as the paper sets it.
function withIndex(text) {
  const made = element("span", "");
  for (const part of text.split(/(\b[dP]_\w+|ε_\w+)/)) {
    const [letter, index] = part.split("_");
    made.append(letter);
    if (index) made.append(element("sub", "", index));
  }
  return made;
}

// Once: the best first; twice: the other way round; three times: the paper's order.
function sortBy(root, key) {
  const { sort, down } = root.view;
  if (sort !== key) change(root, { sort: key, down: false });
  else if (!down) change(root, { down: true });
  else change(root, { sort: "", down: false });
}

function rowOf(root, row) {
  const line = element("tr", "line");
  const [name, opener, box] = nameOf(root, row);
  line.append(name);
  root.data.columns.forEach((column, index) => {
    const difference = row.differences[column.key];
    const cell = difference ? dots(root, column, difference) : textCell(row.cells[column.key]);
    if (!index || root.data.columns[index - 1].group !== column.group) cell.classList.add("first");
    line.append(cell);
  });
  const details = detailsOf(root, row);
  line.dataset.row = row.name;
  return { row, line, details, opener, box };
}

function nameOf(root, row) {
  const cell = element("th", "name");
  cell.scope = "row";
  const within = element("div", "within");
  const box = element("input", "box");
  box.type = "checkbox";
  box.setAttribute("aria-label", `Compare ${row.name} on the sentence below`);
  box.onchange = () => tick(root, row.name, box.checked);
  box.classList.toggle("none", !row.can_compare);
  if (!row.can_compare) box.disabled = true;
  const opener = button("opener", "", () => toggle(root, row.name));
  opener.removeAttribute("aria-label");
  opener.title = "Sizes, training, machine";
  opener.append(element("span", "says", row.says), element("span", "key", row.name));
  within.append(box, opener);
  cell.append(within);
  return [cell, opener, box];
}

function tick(root, name, isTicked) {
  const others = root.view.compared.filter((other) => other !== name);
  change(root, { compared: isTicked ? [...others, name] : others });
}

function toggle(root, name) {
  const others = root.view.opened.filter((other) => other !== name);
  change(root, { opened: others.length === root.view.opened.length ? [...others, name] : others });
}

function textCell(found) {
  const cell = element("td", "");
  if (!found) return cell;
  cell.append(withIndex(found.text));
  if (found.about) cell.title = found.about;
  return cell;
}

// The difference as a dot with its interval, the paper's as a diamond, and the number with its sign.
function dots(root, column, difference) {
  const cell = element("td", `dots ${difference.judgement}`);
  cell.title = difference.about;
  const within = element("div", "within");
  within.append(plot(root.data.scales[column.key], difference));
  const number = element("span", "number", difference.text);
  const sign = element("span", "sign", SIGNS[difference.judgement]);
  sign.setAttribute("aria-hidden", "true");
  within.append(number, sign, element("span", "unseen", WORDS[difference.judgement]));
  cell.append(within);
  return cell;
}

function plot([left, right], difference) {
  const { width, height, margin } = DOTS;
  const x = (value) => margin + ((value - left) / (right - left || 1)) * (width - 2 * margin);
  const y = height / 2;
  const made = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  made.append(svg("line", { class: "zero", x1: x(0), x2: x(0), y1: 0, y2: height }));
  if (difference.paper !== null) {
    const at = x(difference.paper);
    made.append(svg("path", { class: "paper", d: `M${at - 5},${y} L${at},${y - 5} L${at + 5},${y} L${at},${y + 5} Z` }));
  }
  made.append(svg("line", { class: "interval", x1: x(difference.low), x2: x(difference.high), y1: y, y2: y }));
  made.append(svg("circle", { class: "dot", cx: x(difference.value), cy: y, r: 4 }));
  return made;
}

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function detailsOf(root, row) {
  const line = element("tr", "details");
  const cell = element("td", "");
  cell.colSpan = root.data.columns.length + 1;
  const list = element("dl", "");
  for (const [term, text] of row.details) list.append(element("dt", "", term), element("dd", "", text));
  cell.append(list);
  line.append(cell);
  return line;
}

function show(root) {
  const { view } = root;
  for (const [key, cell] of root.heads) {
    const isSorted = key === view.sort;
    const isUp = isSorted && ascending(root, key) !== view.down;
    cell.setAttribute("aria-sort", isSorted ? (isUp ? "ascending" : "descending") : "none");
    cell.querySelector(".arrow").textContent = isSorted ? (isUp ? " ▲" : " ▼") : "";
  }
  for (const { row, line, opener, box } of root.rows) {
    const isOpen = view.opened.includes(row.name);
    opener.setAttribute("aria-expanded", isOpen);
    const isCompared = view.compared.includes(row.name);
    box.checked = isCompared;
    if (row.can_compare) {
      box.disabled = !isCompared && view.compared.length >= root.data.most;
      box.title = box.disabled ? `${root.data.most} models at most: untick one first` : "Compare on the sentence below";
    }
    line.classList.toggle("compared", isCompared);
  }
  place(root);
}

function ascending(root, key) {
  return root.data.columns.find((column) => column.key === key).best === "low";
}

function numberOf(row, key) {
  return row.differences[key]?.value ?? row.cells[key]?.number ?? null;
}

// Put the rows in their order; a row that the reader has in focus keeps it.
function place(root) {
  const active = root.getRootNode().activeElement;
  const order = inOrder(root);
  const wanted = JSON.stringify([root.view.sort, root.view.opened, order.map(({ row }) => row.name)]);
  if (root.placed === wanted && root.table.tBodies.length) return;
  root.placed = wanted;
  [...root.table.tBodies].forEach((body) => body.remove());
  for (const [title, members] of root.view.sort ? [["", order]] : byGroup(order)) {
    const body = element("tbody", "");
    if (title && members.length > 1) body.append(titleRow(root, title));
    for (const { row, line, details } of members) {
      body.append(line);
      if (root.view.opened.includes(row.name)) body.append(details);
    }
    root.table.append(body);
  }
  if (active && root.contains(active)) active.focus({ preventScroll: true });
}

function inOrder(root) {
  const { sort, down } = root.view;
  if (!root.heads.has(sort)) return root.rows;
  const factor = ascending(root, sort) !== down ? 1 : -1;
  const known = root.rows.filter(({ row }) => numberOf(row, sort) !== null);
  const unknown = root.rows.filter(({ row }) => numberOf(row, sort) === null);
  known.sort((one, other) => factor * (numberOf(one.row, sort) - numberOf(other.row, sort)));
  return [...known, ...unknown];
}

function byGroup(rows) {
  const groups = new Map();
  for (const entry of rows) groups.set(entry.row.group, [...(groups.get(entry.row.group) ?? []), entry]);
  return groups;
}

function titleRow(root, title) {
  const line = element("tr", "title");
  const cell = element("th", "", "");
  cell.scope = "rowgroup";
  cell.colSpan = root.data.columns.length + 1;
  cell.append(element("span", "", title));
  line.append(cell);
  return line;
}
