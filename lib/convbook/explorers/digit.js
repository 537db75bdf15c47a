// Explorer "DrawDigit": a digit of one's own on its way through small networks.

const SIDE = 28; // pixels of a drawing
const WORDS = { Conv2d: "convolved", MaxPool2d: "values", MaxUnpool2d: "put back", area: "values" };

/** How much ink each pen leaves, from 0 to 1, at a distance in pixels: beside and below its middle. */
const PENS = {
  thin: (across, down) => Number(Math.max(Math.abs(across), Math.abs(down)) <= 0.5),
  thick: (across, down) => Math.min(Math.max(1.9 - Math.hypot(across, down), 0), 1),
};

/** The drawing, a byte a pixel, after a stroke between two places [column, row]. */
function stroke(image, from, to, tool) {
  const after = image.slice();
  const steps = Math.max(1, Math.ceil(3 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let step = 0; step <= steps; step++) {
    const [x, y] = from.map((start, i) => start + ((to[i] - start) * step) / steps);
    everyPlace(SIDE, (row, column) => {
      const at = row * SIDE + column;
      if (tool === "eraser") {
        if (PENS.thick(column - x, row - y)) after[at] = 0;
      } else after[at] = Math.max(after[at], Math.round(255 * PENS[tool](column - x, row - y)));
    });
  }
  return after;
}

/** Numbers from 0 to 1 that a seed decides (Tommy Ettinger's mulberry32). */
function draws(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Uniform impulses: each pixel is replaced, with this probability, by any grey. More noise hits
 *  the pixels that less of it hits, and others. */
function noisy(values, probability, seed) {
  const next = draws(seed);
  return values.map((value) => {
    const [chance, other] = [next(), next()];
    return chance < probability ? other : value;
  });
}

/** What each way makes of the drawing: its maps, and the error of the last. */
function passed({ ways, image, noise, seed }) {
  const clean = Float64Array.from(bytes(image), (value) => value / 255);
  const shown = { channels: 1, side: SIDE, values: noisy(clean, noise, seed) };
  const results = ways.map(({ name, layers, weights }) => {
    const maps = through(layers, floats(weights), shown);
    return { name, maps, error: missed(maps.at(-1).values, clean) };
  });
  return { clean, shown, error: missed(shown.values, clean), results };
}

function problemOf(s) {
  const isImage = (text) => isText(text) && bytes(text).length === SIDE ** 2;
  if (!Array.isArray(s.ways) || !s.ways.every(isNetwork))
    return "ways: expected layers and their weights for each.";
  if (!Array.isArray(s.digits) || !s.digits.every(isImage))
    return "digits: expected 28 × 28 pixels for each, in base64.";
  if (!isImage(s.image)) return "image: expected 28 × 28 pixels, in base64.";
  if (!Number.isFinite(s.most) || s.most < 0 || s.most > 1)
    return `most: expected a probability, not ${shown(s.most)}.`;
  if (!Number.isFinite(s.noise) || s.noise < 0 || s.noise > s.most)
    return `noise: expected a probability up to ${s.most}, not ${shown(s.noise)}.`;
  if (!isWhole(s.seed, 0)) return `seed: expected a whole number from 0 on, not ${shown(s.seed)}.`;
  return "";
}

// From here on: how it is shown.

const NAMES = ["ways", "digits", "image", "most", "noise", "seed"];

function render({ model, el }) {
  const section = enclose(el, "Explorer: a digit of your own", CURVES + PICTURES + CSS);
  const problem = make("p", { class: "problem", role: "status" });
  const stage = make("div");
  section.append(problem, stage);
  let [state, parts, tool, pen] = [null, null, "thick", [14, 14]];
  const set = setter(model);
  const ink = (from, to) =>
    set({ image: btoa(String.fromCharCode(...stroke(bytes(state.image), from, to, tool))) });

  /** The paper: drawn on by pointer or touch, or with a pen that the arrow keys move. */
  function paper() {
    const { node, show } = canvas();
    const mark = make("div", { class: "mark" });
    const sheet = make("div", { class: "paper", tabindex: 0, role: "application", "aria-describedby": "how",
      "aria-label": "paper" }, node, mark);
    const said = make("span", { class: "unseen", role: "status" });
    const placed = () => {
      [mark.style.left, mark.style.top] = pen.map((value) => `${(100 * value) / SIDE}%`);
    };
    const place = ({ clientX, clientY }) => {
      const box = node.getBoundingClientRect();
      return [(clientX - box.left) / box.width, (clientY - box.top) / box.height].map((share) => share * SIDE - 0.5);
    };
    let last = null;
    sheet.addEventListener("pointerdown", (event) => {
      sheet.setPointerCapture(event.pointerId);
      last = place(event);
      ink(last, last);
    });
    sheet.addEventListener("pointermove", (event) => {
      if (!last) return;
      const to = place(event);
      ink(last, to);
      last = to;
    });
    for (const name of ["pointerup", "pointercancel"]) sheet.addEventListener(name, () => (last = null));
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    sheet.addEventListener("keydown", (event) => {
      const by = event.key === " " ? [0, 0] : steps[event.key];
      if (!by) return;
      event.preventDefault();
      const from = pen;
      pen = pen.map((value, i) => Math.min(Math.max(value + by[i], 0), SIDE - 1));
      if (event.key === " " || event.shiftKey) ink(from, pen);
      placed();
      const value = bytes(state.image)[pen[1] * SIDE + pen[0]];
      said.textContent = `row ${pen[1]}, column ${pen[0]}: ${value ? `ink ${written(value / 255)}` : "empty"}`;
    });
    placed();
    return { field: make("div", {}, sheet, said), show };
  }

  function build() {
    const whole = state.ways.some(({ layers }) => layers.some(([name]) => name === "MaxUnpool2d"));
    const digits = state.digits.map((image, i) =>
      make("button", { type: "button", "aria-label": `the digit ${i}`, onclick: () => set({ image }) }, String(i)));
    const tools = choice("tool", [["thick", "thick pen"], ["thin", "thin pen"], ["eraser", "eraser"]], (chosen) => {
      tool = chosen;
      tools.show(tool);
    });
    tools.show(tool);
    const clear = make("button", { type: "button",
      onclick: () => set({ image: btoa("\0".repeat(SIDE ** 2)) }) }, "clear");
    const noise = slider("noise: pixels replaced", { low: 0, high: state.most, step: 0.01 },
      (value) => set({ noise: value }), (value) => `${Math.round(100 * value)} %`);
    const again = make("button", { type: "button", onclick: () => set({ seed: state.seed + 1 }) }, "other noise");
    const noisier = make("div", { class: "noisier" }, noise.field, again);
    noisier.hidden = !state.most;
    const sheet = paper();
    const input = figureOf("with noise");
    const rows = state.ways.map(({ name, layers }) => {
      const caption = make("p", { class: "name" });
      const pictures = layers.map(([layer], i) =>
        figureOf(i === layers.length - 1 ? (whole ? "output" : name) : WORDS[layer] ?? ""));
      const columns = { convolved: 1, values: 2, "put back": 3, output: 4 };
      pictures.forEach(({ figure, words }) => (figure.style.gridColumn = whole ? columns[words] : "auto"));
      return { caption, pictures };
    });
    const kept = rows.map(({ caption, pictures }) => [...(whole ? [caption] : []),
      ...(whole ? pictures : pictures.slice(-1)).map((one) => one.figure)]);
    const told = make("p", { "aria-live": "polite" });
    parts = { whole, noise, sheet, input, rows, told };
    stage.replaceChildren(
      make("div", { class: "tools" }, make("div", { class: "choice", role: "group", "aria-label": "a test digit" },
        ...digits), tools.group, clear),
      make("div", { class: `stage ${whole ? "" : "flat"}` },
        make("div", {}, sheet.field, make("p", { class: "name", id: "how" },
          "Draw here; or move with the arrow keys, ink with space, draw with shift and arrows.")),
        make("div", {}, noisier, make("div", { class: `ways ${whole ? "four" : "few"}` },
          ...(state.most ? [input.figure] : []), ...kept.flat()), told)));
  }

  function figureOf(words) {
    const { node, show } = canvas();
    const caption = make("figcaption", {}, words);
    return { figure: make("figure", {}, node, caption), caption, words, show };
  }

  function draw() {
    const { whole, noise, sheet, input, rows, told } = parts;
    const { clean, shown, error, results } = passed(state);
    const colour = whole ? signed : grey;
    noise.show(state.noise);
    sheet.show({ side: SIDE, values: clean }, colour, "the drawing");
    input.show(shown, colour, `with noise on ${Math.round(100 * state.noise)} % of the pixels`);
    input.caption.textContent = `with noise: ${fourth(error)}`;
    results.forEach(({ name, maps, error: own }, i) => {
      rows[i].caption.textContent = `${name}: error ${fourth(own)}`;
      rows[i].pictures.forEach(({ caption, words, show }, j) => {
        if (maps[j].channels > 1) return;
        show(maps[j], colour, `${name}: ${words === name ? "output" : words}`);
        if (words === name) caption.textContent = `${name}: ${fourth(own)}`;
      });
    });
    const all = [...(state.most ? [["do nothing", error]] : []), ...results.map((one) => [one.name, one.error])];
    const least = all.reduce((best, one) => (one[1] < best[1] ? one : best));
    told.textContent = `Errors: ${all.map(([name, own]) => `${name} ${fourth(own)}`).join("; ")}. ` +
      `Closest to the drawing: ${least[0]}.`;
  }

  return follow(model, NAMES, problem, stage, problemOf, (next) => {
    const before = state ?? {};
    state = next;
    if (["ways", "digits", "most"].some((name) => next[name] !== before[name])) build();
    draw();
  });
}

const CSS = `
.stage { display: grid; grid-template-columns: 2fr 3fr; gap: 0.8rem 1.2rem; align-items: start; }
@media (min-width: 601px) { .flat { grid-template-columns: 1fr 2fr; } }
.ways { display: grid; gap: 0.3rem 0.6rem; }
.four { grid-template-columns: repeat(4, 1fr); }
.four .name { grid-column: 1 / -1; margin: 0; }
.few { grid-template-columns: repeat(auto-fit, minmax(6rem, 1fr)); }
.name { font-size: 0.85rem; color: var(--quiet); }
.four .name { color: inherit; font-weight: 600; }
.paper { position: relative; cursor: crosshair; touch-action: none; border-radius: 0.3rem;
  border: 1px solid var(--line); max-width: 22rem; }
.mark { position: absolute; width: calc(100% / 28); height: calc(100% / 28); pointer-events: none;
  display: none; outline: 2px solid #d55e00; }
.paper:focus-visible .mark { display: block; }
.noisier { display: grid; grid-template-columns: 1fr auto; gap: 0.8rem; align-items: end; margin-bottom: 0.6rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.four canvas { border: 1px solid var(--line); }
@media (max-width: 600px) { .stage { grid-template-columns: 1fr; } .paper { max-width: 15rem; margin: auto; } }
`;

export { noisy, passed, stroke };
export default { render };
