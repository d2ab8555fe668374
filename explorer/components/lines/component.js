const ROW = 24; // the height of a token, also in lines.css
const FAINTEST = 0.001; // weights below it would not be seen
const MOST_LINES = 2000; // more would take long and show a grey plane
const N_SHADES = 24;
const LINE_PX = 2;
const SVG = "http://www.w3.org/2000/svg";
const DASHES = [["solid", []], ["dashed", [7, 4]], ["dotted", [2, 3]]];

class Lines {
  constructor(root, meta) {
    this.meta = meta;
    this.shown = new Set(meta.heads.keys());
    this.threshold = meta.threshold;
    this.pointed = this.locked = null; // { side: "left" | "right", index }
    this.build(root);
  }

  weight(head, row, column) {
    const { rows, columns } = this.meta;
    return this.weights[(head * rows.length + row) * columns.length + column];
  }

  look(head) {
    const { colours } = this.meta;
    const [name, dash] = DASHES[Math.floor(head / colours.length) % DASHES.length];
    return { colour: colours[head % colours.length], name, dash };
  }

  build(root) {
    const { rows, columns, row_title, column_title, heads } = this.meta;
    const bar = element("div", "bar");
    if (heads.length > 1) bar.append(this.headButtons());
    this.cut = element("span", "cut");
    bar.append(control(this.thresholdSlider()), this.cut, pictureButtons(root, "lines", () => this.says()));
    const titles = element("div", "grid");
    titles.append(element("div", "title left", row_title), element("div", "title right", column_title));
    this.scroll = element("div", "scroll");
    const grid = element("div", "grid");
    const gap = element("div", "gap");
    this.canvas = element("canvas", "");
    this.canvas.setAttribute("aria-hidden", "true");
    this.canvas.asVector = () => this.drawing();
    gap.append(this.canvas);
    this.tokens = { left: this.column("left", rows, row_title), right: this.column("right", columns, column_title) };
    grid.append(this.tokens.left[0].parentElement, gap, this.tokens.right[0].parentElement);
    this.scroll.append(grid);
    this.status = element("div", "status");
    this.status.setAttribute("role", "status");
    root.replaceChildren(bar, titles, this.scroll, this.status);
    this.scroll.onscroll = () => this.draw();
    grid.onkeydown = (event) => this.press(event);
    grid.onmouseleave = () => this.point(null);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.scroll);
  }

  headButtons() {
    const group = element("div", "heads");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Heads shown");
    this.meta.heads.forEach((name, head) => {
      const button = element("button", "head");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      this.dye(button, head);
      button.append(element("span", "swatch"), element("span", "", name));
      button.onclick = () => {
        if (!this.shown.delete(head)) this.shown.add(head);
        button.setAttribute("aria-pressed", String(this.shown.has(head)));
        control(button, !this.shown.has(head)); // the others are the legend of a picture
        this.update();
      };
      group.append(button);
    });
    return group;
  }

  thresholdSlider() {
    const label = element("label", "threshold", "Hide lines below");
    const input = element("input", "");
    Object.assign(input, { type: "range", min: 0, max: 50, step: 1, value: 100 * this.threshold });
    const output = element("output", "", percent(this.threshold));
    input.oninput = () => {
      this.threshold = input.value / 100;
      output.textContent = percent(this.threshold);
      this.draw();
    };
    label.append(input, output);
    return label;
  }

  dye(target, head) {
    const { colour, name } = this.look(head);
    target.style.setProperty("--colour", colour);
    target.style.setProperty("--dash", name);
  }

  column(side, names, title) {
    const group = element("div", side);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    return names.map((name, index) => {
      const token = element("button", "token");
      token.type = "button";
      token.tabIndex = index ? -1 : 0;
      token.title = name;
      token.setAttribute("aria-pressed", "false");
      const text = element("span", "text", name);
      text.dir = "auto";
      token.append(text, element("span", "shares"));
      token.place = { side, index };
      token.onmouseenter = token.onfocus = () => this.point(token.place);
      token.onclick = () => this.lock(this.isAt(this.locked, token.place) ? null : token.place);
      group.append(token);
      return token;
    });
  }

  isAt(a, b) {
    return a !== null && b !== null && a.side === b.side && a.index === b.index;
  }

  point(place) {
    this.pointed = place;
    if (!this.locked) this.update();
    pointAt(place && this.meta.hover ? this.wordsAt(place) : null);
  }

  axis(side) {
    return this.meta.hover[side === "left" ? "rows" : "columns"];
  }

  wordsAt({ side, index }) {
    const axis = this.axis(side);
    return { source: [], target: [], [axis.side]: axis.words[index] };
  }

  // The words that something else on the page points at.
  light(words) {
    for (const token of this.meta.hover ? [...this.tokens.left, ...this.tokens.right] : []) {
      const axis = this.axis(token.place.side);
      const mine = axis.words[token.place.index];
      token.classList.toggle("lit", Boolean(words) && mine.some((word) => words[axis.side].includes(word)));
    }
  }

  lock(place) {
    this.locked = place;
    this.update();
  }

  press(event) {
    const place = event.target.closest(".token")?.place;
    if (!place) return;
    if (event.key === "Escape") return this.lock(null);
    const other = { ArrowLeft: "left", ArrowRight: "right" }[event.key];
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!other && !step) return;
    event.preventDefault();
    const column = this.tokens[other ?? place.side];
    const next = column[Math.min(place.index + (step ?? 0), column.length - 1)];
    if (!next) return;
    for (const token of column) token.tabIndex = token === next ? 0 : -1;
    next.focus();
  }

  // For one token, the tokens of the other side with their weight, a list a head.
  partners({ side, index }) {
    const others = this.tokens[side === "left" ? "right" : "left"];
    return [...this.shown].sort((a, b) => a - b).map((head) => ({
      head,
      weights: others.map((_, other) =>
        side === "left" ? this.weight(head, index, other) : this.weight(head, other, index)),
    }));
  }

  update() {
    const asked = this.locked ?? this.pointed;
    const found = asked ? this.partners(asked) : [];
    for (const token of [...this.tokens.left, ...this.tokens.right]) {
      const isPartner = asked && token.place.side !== asked.side;
      token.classList.toggle("asked", this.isAt(asked, token.place));
      token.setAttribute("aria-pressed", String(this.isAt(this.locked, token.place)));
      this.share(token, isPartner ? found : []);
    }
    control(this.status, !asked); // without a question, it is a hint
    this.status.textContent = asked ? this.sentence(asked, found) : "Point at a token to see its lines; click it to keep them.";
    this.draw();
  }

  share(token, found) {
    const shares = found
      .map(({ head, weights }) => ({ head, weight: weights[token.place.index] }))
      .filter(({ weight }) => weight >= 0.01)
      .sort((a, b) => b.weight - a.weight);
    token.style.setProperty("--tint", shares.length ? 0.4 * Math.sqrt(shares[0].weight) : 0);
    if (shares.length) this.dye(token, shares[0].head);
    token.lastChild.replaceChildren(...shares.slice(0, 3).map(({ head, weight }) => {
      const share = element("span", "share", percent(weight));
      this.dye(share, head);
      return share;
    }));
  }

  sentence(asked, found) {
    const { rows, columns, heads } = this.meta;
    const [mine, others, verb] = asked.side === "left"
      ? [rows, columns, "looks at"] : [columns, rows, "is looked at by"];
    const lists = found.slice(0, 3).map(({ head, weights }) => {
      const best = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).slice(0, 4)
        .filter((index) => weights[index] >= 0.005)
        .map((index) => `${others[index]} ${percent(weights[index])}`).join(", ") || "nothing above 0 %";
      return heads.length > 1 ? `${heads[head]}: ${best}` : best;
    });
    if (found.length > 3) lists.push(`and ${found.length - 3} more heads`);
    return `“${mine[asked.index]}” ${verb} ${lists.join("; ")}`;
  }

  draw() {
    const { canvas, scroll } = this;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.parentElement.clientWidth, Math.min(scroll.clientHeight, this.height())];
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.translate(0, -scroll.scrollTop);
    context.lineWidth = LINE_PX;
    const { strokes, isCut } = this.strokes(width, scroll.scrollTop, scroll.scrollTop + height);
    for (const { d, colour, opacity, dash } of strokes) {
      context.strokeStyle = colour;
      context.globalAlpha = opacity;
      context.setLineDash(dash);
      context.stroke(new Path2D(d));
    }
    this.cut.textContent = isCut ? "Too many lines: the weakest in view are left out." : "";
  }

  // All lines as paths, also those out of view.
  drawing() {
    const made = document.createElementNS(SVG, "g");
    const { strokes } = this.strokes(this.canvas.parentElement.clientWidth, 0, this.height());
    for (const { d, colour, opacity, dash } of strokes) {
      const path = document.createElementNS(SVG, "path");
      const looks = { d, fill: "none", stroke: colour, "stroke-opacity": opacity.toFixed(3), "stroke-width": LINE_PX };
      for (const [name, value] of Object.entries(looks)) path.setAttribute(name, value);
      if (dash.length) path.setAttribute("stroke-dasharray", dash.join(" "));
      made.append(path);
    }
    return made;
  }

  height() {
    return ROW * Math.max(this.tokens.left.length, this.tokens.right.length);
  }

  says() {
    const { title } = this.meta;
    const least = this.locked ? "" : `lines below ${percent(this.threshold)} are left out`;
    return [title, least].filter(Boolean).join("; ");
  }

  // The lines between two heights, a stroke a head and shade, and whether the weakest are left out.
  strokes(width, top, bottom) {
    const heads = [...this.shown].sort((a, b) => a - b);
    const apart = Math.min(3, (ROW - 6) / heads.length); // equal lines of several heads run side by side
    const most = Math.round(MOST_LINES / heads.length);
    const found = heads.map((head, place) => {
      const shift = (place - (heads.length - 1) / 2) * apart;
      return this.strokesOf(head, this.linesBetween(head, top, bottom), { width, shift, most });
    });
    return { strokes: found.flatMap(({ strokes }) => strokes), isCut: found.some(({ isCut }) => isCut) };
  }

  // For each shade of opacity, rows and columns in turn.
  linesBetween(head, top, bottom) {
    const asked = this.locked ?? this.pointed;
    const least = Math.max(FAINTEST, asked ? 0 : this.threshold);
    const [first, last] = [top / ROW - 1, bottom / ROW];
    const shades = Array.from({ length: N_SHADES + 1 }, () => []);
    const { rows, columns } = this.meta;
    for (let row = 0; row < rows.length; row++) {
      if (asked?.side === "left" && asked.index !== row) continue;
      for (let column = 0; column < columns.length; column++) {
        if (asked?.side === "right" && asked.index !== column) continue;
        const weight = this.weight(head, row, column);
        const isInView = Math.max(row, column) >= first && Math.min(row, column) <= last;
        if (weight >= least && isInView) shades[Math.round(N_SHADES * Math.sqrt(weight))].push(row, column);
      }
    }
    return shades;
  }

  // Strongest first, one stroke a shade, up to the number of lines that can be told apart.
  strokesOf(head, shades, { width, shift, most }) {
    const { colour, dash } = this.look(head);
    const strokes = [];
    let left = 2 * most;
    for (let shade = N_SHADES; shade > 0; shade--) {
      const drawn = shades[shade].slice(0, left);
      left -= drawn.length;
      let d = "";
      for (let i = 0; i < drawn.length; i += 2) {
        const [y1, y2] = [drawn[i], drawn[i + 1]].map((place) => (place + 0.5) * ROW + shift);
        d += `M0 ${y1}C${width * 0.45} ${y1} ${width * 0.55} ${y2} ${width} ${y2}`;
      }
      if (d) strokes.push({ d, colour, dash, opacity: shade / N_SHADES });
      if (drawn.length < shades[shade].length) return { strokes, isCut: true };
    }
    return { strokes, isCut: false };
  }
}

export default function (component) {
  const { data, parentElement } = component;
  const { meta, values } = unpack(data);
  const root = keep(parentElement, "lines", (made) => onPoint(made, (words) => made.view?.light(words)));
  const labels = JSON.stringify(meta);
  if (root.labels !== labels) {
    root.view?.observer.disconnect();
    root.view = new Lines(root, meta);
    root.labels = labels;
  }
  root.view.weights = weightsAt(values, 0, values.length / 2);
  root.view.update();
  return () => root.view.observer.disconnect();
}
