// Explorer "LatentMap": a map of codes of two numbers, and what a decoder draws at each place of it.

const DIGITS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f",
  "#bcbd22", "#17becf"];
const SIDE = 28; // pixels of an image
const [MAP, RIM] = [300, 17]; // of the map, in units of its picture, and the room around it for a mark
const STEPS = 11; // images of a strip
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Numbers of 16 bits as they lie in memory (IEEE 754's binary16), decoded. */
function halves(text) {
  const raw = bytes(text);
  return Float64Array.from({ length: raw.length / 2 }, (_, i) => {
    const bits = raw[2 * i] | (raw[2 * i + 1] << 8);
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
    return bits >> 15 ? -size : size;
  });
}

/** GELU, x times the share of a normal curve below x (Abramowitz and Stegun's formula 7.1.26). */
function gelu(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x) * Math.SQRT1_2);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = (poly * Math.exp((-x * x) / 2)) / 2;
  return x * (x < 0 ? tail : 1 - tail);
}

/** The decoder: dense layers with GELU between them, from a code to 784 pixels. */
function decoder(sizes, text) {
  const weights = halves(text);
  return (code) => {
    let [values, start] = [code, 0];
    for (let layer = 1; layer < sizes.length; layer++) {
      const [before, after] = [sizes[layer - 1], sizes[layer]];
      const biases = start + before * after;
      const bent = layer < sizes.length - 1;
      values = Float64Array.from({ length: after }, (_, row) => {
        let sum = weights[biases + row];
        for (let i = 0; i < before; i++) sum += weights[start + row * before + i] * values[i];
        return bent ? gelu(sum) : sum;
      });
      start = biases + after;
    }
    return values;
  };
}

/** These places, moved apart until no two are nearer than `least`, where the map has room for it. */
function spread(places, least) {
  const spaced = places.map((place) => [...place]);
  for (let turn = 0; turn < 100; turn++)
    spaced.forEach((one, i) => spaced.slice(0, i).forEach((other) => {
      const way = one.map((value, axis) => value - other[axis] || 0.01);
      const share = Math.max(least / Math.hypot(...way) - 1, 0) / 2;
      way.forEach((value, axis) => {
        one[axis] = Math.min(Math.max(one[axis] + share * value, 0), MAP);
        other[axis] = Math.min(Math.max(other[axis] - share * value, 0), MAP);
      });
    }));
  return spaced;
}

const mixed = (one, other, share) => one.map((value, i) => (1 - share) * value + share * other[i]);
const isPlace = (value) => Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);

function problemOf(s) {
  const isText = (name) => typeof s[name] === "string" && /^[\w+/]*=*$/.test(s[name]);
  if (!Array.isArray(s.sizes) || s.sizes[0] !== 2 || s.sizes.at(-1) !== SIDE ** 2)
    return `sizes: expected 2 numbers first and ${SIDE ** 2} last, not ${shown(s.sizes)}.`;
  const count = s.sizes.slice(1).reduce((sum, after, i) => sum + (s.sizes[i] + 1) * after, 0);
  if (!isText("weights") || bytes(s.weights).length !== 2 * count)
    return `weights: expected ${count} numbers in base64.`;
  if (typeof s.labels !== "string" || !/^\d+$/.test(s.labels))
    return `labels: expected a digit for each dot, not ${shown(s.labels)}.`;
  if (!isText("dots") || bytes(s.dots).length !== 2 * s.labels.length)
    return `dots: expected ${s.labels.length} places in base64.`;
  for (const name of ["low", "high", "at", "one", "other"])
    if (!isPlace(s[name])) return `${name}: expected two numbers, not ${shown(s[name])}.`;
  if (!Number.isFinite(s.step) || s.step < 0 || s.step > 1)
    return `step: expected a number from 0 to 1, not ${shown(s.step)}.`;
  return "";
}

// From here on: how it is shown.

const NAMES = ["sizes", "weights", "dots", "labels", "low", "high", "at", "one", "other", "step"];

function render({ model, el }) {
  const section = enclose(el, "Explorer: a map of codes", CURVES + CSS);
  const problem = make("p", { class: "problem", role: "status" });
  const stage = make("div", { class: "stage" });
  section.append(problem, stage);
  let [state, decode, parts] = [null, null, null];
  const set = setter(model);
  const rounded = (value) => Math.round(value * 1000) / 1000;
  /** Between a code and its place in the picture of the map. */
  const shares = (code) => code.map((v, i) => (v - state.low[i]) / (state.high[i] - state.low[i]));
  const place = (code) => {
    const [x, y] = shares(code);
    return [MAP * x, MAP * (1 - y)];
  };
  const inside = (code) => code.map((v, i) => rounded(Math.min(Math.max(v, state.low[i]), state.high[i])));
  function codeAt([right, down]) {
    const shares = [right, 1 - down].map((share) => (share * (MAP + 2 * RIM) - RIM) / MAP);
    return inside(shares.map((share, i) => state.low[i] + share * (state.high[i] - state.low[i])));
  }

  function build() {
    const where = bytes(state.dots);
    const at = range(0, where.length / 2).map((i) => [(MAP * where[2 * i]) / 255,
      MAP * (1 - where[2 * i + 1] / 255)]);
    const classes = [...new Set(state.labels)].sort();
    const dots = classes.map((digit) => make("path", { class: "dot", style: `stroke: ${DIGITS[digit]}`,
      d: dotted(at.filter((_, i) => state.labels[i] === digit)) }));
    const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    const middles = classes.map((digit) => {
      const own = at.filter((_, i) => state.labels[i] === digit);
      return [0, 1].map((axis) => middle(own.map((place) => place[axis])));
    });
    const names = spread(middles, 20).map(([x, y], i) =>
      make("text", { class: "digit", "aria-hidden": "true", x, y: y + 5 }, classes[i]));
    const way = make("path", { class: "ink" });
    // The cross, which follows the mouse, lies below the ends: or no mouse would ever reach them.
    const pins = Object.fromEntries(Object.entries({ at: "", one: "A", other: "B" }).map(([name, letter]) =>
      [name, pin(name, letter)]));
    const walker = make("path", { class: "walker" });
    const viewBox = `${-RIM} ${-RIM} ${MAP + 2 * RIM} ${MAP + 2 * RIM}`;
    const map = make("svg", { class: "map", role: "group", "aria-label": "the map", viewBox }, ...dots, ...names,
      way, walker, ...Object.values(pins).flat());
    // A mouse moves the place by hovering, a finger by a tap.
    const follow = (event) => set({ at: codeAt(within(map, event)) });
    map.addEventListener("pointermove", (event) => event.pointerType === "mouse" && !event.buttons && follow(event));
    map.addEventListener("click", follow);
    const here = images("at the cross");
    const mixtures = [images("codes mixed"), images("images mixed")];
    const strips = ["codes", "images"].map((what) => images(`${what} mixed, from A to B`, STEPS));
    const walk = slider("from A to B:", { low: 0, high: 1, step: 0.01 }, (step) => set({ step }), (step) =>
      `${Math.round(100 * step)} %`);
    parts = { pins, way, walker, here, mixtures, strips, walk };
    const figures = (all) => all.map((one) => one.figure);
    stage.replaceChildren(map, make("div", { class: "side" }, ...figures([here, ...mixtures])),
      make("div", { class: "walk" }, walk.field, ...figures(strips)));
  }

  /** A mark on the map that pointer, touch and arrow keys move: what shows, and what is held. */
  function pin(name, letter) {
    const shown = letter ? make("text", { class: "letter", "aria-hidden": "true" }, letter)
      : make("path", { class: "cross" });
    const node = make("rect", { class: `pin ${letter && "end"}`, width: 26, height: 26, rx: 13,
      role: "slider", "aria-label": letter ? `end ${letter}` : "cross" });
    const step = (by) => state[name].map((v, i) => v + (by[i] * (state.high[i] - state.low[i])) / 50);
    movable(node, (place) => set({ [name]: codeAt(place) }), KEYS, (by) => set({ [name]: inside(step(by)) }));
    node.addEventListener("click", (event) => event.stopPropagation());
    return [node, shown];
  }

  /** A picture of `count` images in a row. */
  function images(words, count = 1) {
    const canvas = make("canvas", { width: count * SIDE, height: SIDE, role: "img" });
    const context = canvas.getContext("2d");
    const figure = make("figure", {}, canvas, make("figcaption", {}, words));
    const show = (row, told) => {
      row.forEach((pixels, place) => {
        const drawn = context.createImageData(SIDE, SIDE);
        pixels.forEach((value, i) => drawn.data.set([value, value, value, 1].map((v) => 255 * v), 4 * i));
        context.putImageData(drawn, place * SIDE, 0);
      });
      canvas.setAttribute("aria-label", `${words}: ${told}`);
    };
    return { figure, show };
  }

  /** The marks, and what the decoder draws at the cross and at the walk's present step. */
  function draw() {
    const { pins, here, mixtures, walk } = parts;
    const told = (code) => `the image of the code ${code.map(written).join(", ")}`;
    for (const name of ["one", "other", "at"]) {
      const [[x, y], [node, mark]] = [place(state[name]), pins[name]];
      Object.entries({ x: x - 13, y: y - 13, "aria-valuenow": state[name][0],
        "aria-valuemin": state.low[0], "aria-valuemax": state.high[0],
        "aria-valuetext": state[name].map(written).join(", ") }).forEach((pair) => node.setAttribute(...pair));
      if (name === "at") mark.setAttribute("d", `M${x - 8} ${y}h16M${x} ${y - 8}v16`);
      else Object.entries({ x, y: y + 4 }).forEach((pair) => mark.setAttribute(...pair));
    }
    here.show([decode(state.at)], told(state.at));
    parts.way.setAttribute("d", joined([place(state.one), place(state.other)]));
    parts.walker.setAttribute("d", dotted([place(mixed(state.one, state.other, state.step))]));
    walk.show(state.step);
    const share = `${Math.round(100 * state.step)} % of the way from A to B`;
    waysAt(state.step).forEach((pixels, i) => mixtures[i].show([pixels], share));
  }
  /** The two ways from A to B at this share of them: through the codes, and through the pixels. */
  const waysAt = (share) => [decode(mixed(state.one, state.other, share)),
    mixed(decode(state.one), decode(state.other), share)];
  function drawStrips() {
    const steps = range(0, STEPS).map((i) => waysAt(i / (STEPS - 1)));
    const ends = [state.one, state.other].map((code) => code.map(written).join(", ")).join(" to ");
    parts.strips.forEach((strip, i) => strip.show(steps.map((step) => step[i]), `${STEPS} images, from ${ends}`));
  }

  return follow(model, NAMES, problem, stage, problemOf, (next) => {
    const before = state ?? {};
    state = next;
    if (next.weights !== before.weights) decode = decoder(next.sizes, next.weights);
    const built = next.dots !== before.dots || next.labels !== before.labels;
    if (built) build();
    draw();
    const same = (name) => String(next[name]) === String(before[name]);
    if (built || !["weights", "one", "other"].every(same)) drawStrips();
  });
}

const CSS = `
.stage { display: grid; grid-template-columns: 3fr 2fr; gap: 1rem; align-items: start;
  max-width: 46rem; margin: auto; }
.stage > * { min-width: 0; }
.stage[hidden] { display: none; }
.map { overflow: hidden; border: 1px solid var(--line); border-radius: 0.4rem; cursor: crosshair; }
.dot { stroke-width: 4; stroke-opacity: 0.75; }
.digit, .letter { font-size: 15px; font-weight: 600; fill: currentColor; text-anchor: middle;
  stroke: var(--paper); stroke-width: 4px; paint-order: stroke; pointer-events: none; }
.letter { font-size: 12px; stroke: none; }
.pin { fill: transparent; cursor: grab; touch-action: none; }
.end { fill: var(--paper); stroke: currentColor; stroke-width: 2; }
.cross, .ink, .walker { pointer-events: none; }
.cross { stroke: currentColor; stroke-width: 3; }
.walker { stroke: var(--accent); stroke-width: 12; }
figure { margin: 0; font-size: 0.85rem; }
figcaption { color: var(--quiet); }
canvas { display: block; width: 100%; image-rendering: pixelated; border-radius: 0.3rem; }
.side { display: grid; grid-template-columns: 1fr 1fr; gap: 0.5rem; }
.side > :first-child { grid-column: 1 / -1; width: 75%; }
.walk { grid-column: 1 / -1; }
.walk figure { margin-bottom: 0.5rem; }
.walk .slider input { width: auto; margin: 0 calc(100% / 22 - 8px); min-width: calc(100% * 10 / 11 + 16px); }
@media (max-width: 600px) { .stage { grid-template-columns: 1fr; }
  .side { grid-template-columns: repeat(3, 1fr); } .side > :first-child { grid-column: auto; width: auto; } }
`;

export { decoder };
export default { render };
