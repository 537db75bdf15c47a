// Explorer "Decoder": a code, the filters that it scales, and their sum, for networks of several seeds.

const isRow = (row, length) =>
  Array.isArray(row) && row.length === length && row.every(Number.isFinite);

function problemOf(s) {
  const taps = s.filters?.[0]?.[0]?.length;
  const numbers = s.filters?.[0]?.length;
  if (!Array.isArray(s.filters) || !taps ||
      !s.filters.every((own) => own.length === numbers && own.every((filter) => isRow(filter, taps))))
    return `filters: expected three filters of each network, not ${shown(s.filters)}.`;
  if (!isRow(s.bias, s.filters.length))
    return `bias: expected a number for each network, not ${shown(s.bias)}.`;
  if (!Array.isArray(s.seeds) || s.seeds.length !== s.filters.length)
    return `seeds: expected one for each network, not ${shown(s.seeds)}.`;
  if (!s.seeds.includes(s.seed)) return `seed: expected one of ${s.seeds}, not ${shown(s.seed)}.`;
  if (!isRow(s.target, taps)) return `target: expected ${taps} heights, not ${shown(s.target)}.`;
  if (!isRow(s.code, 0) && !isRow(s.code, numbers))
    return `code: expected ${numbers} numbers, or none for those that fit best, not ${shown(s.code)}.`;
  return "";
}

/** The code whose output is nearest to the target, each number between −1 and 1, as tanh has it.
 *
 *  One number after the other takes the best value that the others leave it, until none moves. */
function fit(filters, bias, target) {
  const code = filters.map(() => 0);
  for (let turn = 0, moved = 1; moved > 1e-12 && turn < 100000; turn++) {
    moved = 0;
    filters.forEach((filter, k) => {
      const left = target.map((value, i) =>
        value - bias - filters.reduce((sum, other, j) => sum + (j === k ? 0 : code[j] * other[i]), 0));
      const best = Math.min(Math.max(dot(left, filter) / (dot(filter, filter) || 1), -1), 1);
      moved = Math.max(moved, Math.abs(best - code[k]));
      code[k] = best;
    });
  }
  return code;
}

/** All that is shown: the code, the scaled filters, their sum with the bias, and its error. */
function decode(s) {
  const which = s.seeds.indexOf(s.seed);
  const [filters, bias] = [s.filters[which], s.bias[which]];
  const code = s.code.length ? s.code : fit(filters, bias, s.target);
  const scaled = filters.map((filter, k) => filter.map((value) => code[k] * value));
  const output = s.target.map((_, i) => scaled.reduce((sum, one) => sum + one[i], bias));
  const off = output.map((value, i) => value - s.target[i]);
  return { code, scaled, output, error: dot(off, off) / off.length };
}

// From here on: how it is shown.

const NAMES = ["filters", "bias", "seeds", "seed", "code", "target"];
const [WIDTH, HEIGHT] = [320, 170]; // of the sum's picture
const REACH = 0.8; // the target's largest height, which no curve of the chapter passes
const LIMIT = 0.25; // of a slider: no patch of the chapter has a larger code
const KEYS = { ArrowUp: 0.05, ArrowRight: 0.05, ArrowDown: -0.05, ArrowLeft: -0.05, PageUp: 0.2, PageDown: -0.2,
  Home: -Infinity, End: Infinity };
const largest = (values) => Math.max(...values.map(Math.abs));
const apart = (one, other) => largest(one.map((value, i) => value - other[i]));

function render({ model, el }) {
  const section = enclose(el, "Explorer: a decoder at work", CURVES + CSS);
  const read = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const first = model.first ?? read(); // a page's host knows what stood before its address
  const problem = make("p", { class: "problem", role: "status" });
  const stage = make("div");
  section.append(problem, stage);
  let [state, now, parts] = [null, null, null];
  let before = null; // the seed before the present one, whose curves stay as a pale band
  const set = setter(model);
  const across = (i, width) => 12 + (i * (width - 24)) / (state.target.length - 1);
  const up = (value, reach, height) => (height / 2) * (1 - value / reach);
  const line = (values, reach, width, height) =>
    values.map((value, i) => [across(i, width), up(value, reach, height)]);
  /** Arrowheads at the edge, where one of these points lies beyond it. */
  const beyond = (points, height) => points.filter(([, y]) => y < 0 || y > height).map(([x, y]) =>
    y < 0 ? `M${x - 5} 7l5 -6l5 6` : `M${x - 5} ${height - 7}l5 6l5 -6`).join("");

  /** The controls, once it is known how many there are. */
  function build() {
    const seeds = choice("network", state.seeds.map((seed) => [String(seed), `seed ${seed}`]), (chosen) =>
      set({ seed: state.seeds.find((seed) => String(seed) === chosen) }));
    // Grey where the code is the best one already; it keeps the focus, which `disabled` would lose.
    const best = make("button", { type: "button", onclick: () => set({ code: [] }) }, "best code");
    const reset = make("button", { type: "button", onclick: () => {
      set(first);
      before = null;
      draw();
    } }, "reset");
    // The axes reach as far as the sliders take any of the networks.
    const reach = Math.max(REACH, ...state.filters.flatMap((own, which) => state.target.map((_, i) =>
      Math.abs(state.bias[which]) + LIMIT * own.reduce((sum, filter) => sum + Math.abs(filter[i]), 0))));
    const most = LIMIT * largest(state.filters.flat(2));
    const columns = state.filters[0].map((_, k) => {
      const [band, path, out] = ["band", "filter", "beyond"].map((name) => make("path", { class: name }));
      const { svg, say } = picture(126, 80, make("path", { class: "zero", d: "M3 40h120" }), band, path, out);
      const number = slider(`code ${k + 1}:`, { low: -LIMIT, high: LIMIT, step: 0.01 }, (value) =>
        set({ code: now.code.map((old, j) => (j === k ? value : old)) }), (value) => written(rounded(value)));
      return { band, path, out, say, number,
        column: make("div", { style: `--hue: ${HUES[k]}` }, number.field, svg,
          make("p", { class: "name" }, `filter ${k + 1} × code ${k + 1}`)) };
    });
    const middle = HEIGHT / 2;
    const bars = state.target.map((_, i) => state.filters[0].map((_, k) =>
      make("rect", { class: "bar", width: 14, x: across(i, WIDTH) - 7, style: `--hue: ${HUES[k]}` })));
    const [band, sum, out, circles] = ["band", "ink", "beyond", "circles"].map((name) =>
      make("path", { class: name }));
    const handles = state.target.map((_, i) => handle(i));
    const svg = make("svg", { role: "group", "aria-label": "the sum, and the target",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}` }, ...bars.flat(), make("path", { class: "zero", d: `M4 ${middle}h312` }),
      band, sum, out, circles, ...handles);
    const told = make("p", { "aria-live": "polite" });
    parts = { seeds, best, columns, bars, band, sum, out, circles, handles, told, reach, most };
    stage.replaceChildren(make("div", { class: "bar" }, seeds.group, best, reset),
      make("div", { class: "three" }, ...columns.map((one) => one.column)),
      make("div", { class: "sum" }, svg),
      make("p", { class: "name" }, "Bars: at each point, what each filter adds (upwards) or takes away (downwards). " +
        "Line: their sum, with the bias. Circles: a target, to be dragged. After a change of seed, the previous " +
        "seed's curves stay in pale."), told);
  }
  const rounded = (value) => Math.round(value * 100) / 100;

  /** One point of the target. */
  function handle(i) {
    const node = make("rect", { class: "handle", role: "slider", "aria-orientation": "vertical",
      "aria-valuemin": -REACH, "aria-valuemax": REACH, "aria-label": `target at point ${i}`,
      width: 28, height: 28, rx: 14, x: across(i, WIDTH) - 14 });
    const move = (height) => set({ code: [], target: state.target.map((old, j) =>
      j === i ? rounded(Math.min(Math.max(height, -REACH), REACH)) : old) });
    return movable(node, ([, down]) => move(parts.reach * (1 - 2 * down)), KEYS, (by) => move(state.target[i] + by));
  }

  function draw() {
    now = decode(state);
    const { reach, most } = parts;
    const old = before === null ? null : decode({ ...state, seed: before });
    parts.seeds.show(String(state.seed));
    parts.best.setAttribute("aria-disabled", !state.code.length);
    parts.columns.forEach(({ band, path, out, say, number }, k) => {
      number.show(now.code[k]);
      const points = line(now.scaled[k], most, 126, 80);
      path.setAttribute("d", joined(points));
      out.setAttribute("d", beyond(points, 80));
      band.setAttribute("d", old ? joined(line(old.scaled[k], most, 126, 80)) : "");
      say(`filter ${k + 1} times ${written(rounded(now.code[k]))}: ${now.scaled[k].map((v) => written(rounded(v)))}`);
    });
    const tops = [];
    parts.bars.forEach((column, i) => {
      const ends = { true: 0, false: 0 }; // of the bars so far, above and below zero
      column.forEach((bar, k) => {
        const value = now.scaled[k][i];
        const from = ends[value > 0];
        const to = (ends[value > 0] = from + value);
        bar.setAttribute("y", up(Math.max(from, to), reach, HEIGHT));
        bar.setAttribute("height", (Math.abs(value) / reach) * (HEIGHT / 2));
      });
      for (const end of Object.values(ends)) tops.push([across(i, WIDTH), up(end, reach, HEIGHT)]);
    });
    parts.out.setAttribute("d", beyond(tops, HEIGHT));
    parts.sum.setAttribute("d", joined(line(now.output, reach, WIDTH, HEIGHT)));
    parts.band.setAttribute("d", old ? joined(line(old.output, reach, WIDTH, HEIGHT)) : "");
    const places = line(state.target, reach, WIDTH, HEIGHT);
    parts.circles.setAttribute("d", places.map(([x, y]) => `M${x - 5} ${y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0`).join(""));
    parts.handles.forEach((node, i) => {
      node.setAttribute("y", places[i][1] - 14);
      node.setAttribute("aria-valuenow", state.target[i]);
    });
    const how = state.code.length ? "This code" : "The best code";
    parts.told.textContent = `${how}, (${now.code.map((v) => written(rounded(v))).join(", ")}), misses the ` +
      `target by ${scientific(now.error)} (mean squared).` + (old ? compared(old) : "");
  }
  /** What a change of the seed has changed, in words. */
  function compared(old) {
    const filters = largest(now.scaled.map((filter, k) => apart(filter, old.scaled[k])));
    const same = state.code.length ? "code" : "target";
    return ` Beside seed ${before} with the same ${same} (pale): the scaled filters differ by up to ` +
      `${filters.toPrecision(2)}, the curve by up to ${apart(now.output, old.output).toPrecision(2)}.`;
  }

  function update() {
    const next = read();
    const words = problemOf(next);
    problem.textContent = words;
    problem.hidden = !words;
    stage.hidden = Boolean(words);
    if (words) return;
    const same = state && next.filters === state.filters && next.seeds === state.seeds;
    if (!same) before = null;
    else if (next.seed !== state.seed) before = state.seed;
    state = next;
    if (!same) build();
    draw();
  }
  for (const name of NAMES) model.on(`change:${name}`, update);
  update();
  return () => NAMES.forEach((name) => model.off(`change:${name}`, update));
}

const CSS = `
.three svg, .sum svg { overflow: hidden; }
.filter { stroke: var(--hue); stroke-width: 3; }
.sum { max-width: 34rem; margin: 0.4rem auto; }
rect.bar { fill: color-mix(in srgb, var(--hue) 45%, transparent); }
.circles { fill: var(--paper); stroke: var(--accent); }
.band { stroke: color-mix(in srgb, var(--hue, currentColor) 28%, transparent); stroke-width: 9; }
.beyond { stroke: #d55e00; }
[aria-disabled="true"] { opacity: 0.45; cursor: default; }
.handle { fill: transparent; cursor: ns-resize; touch-action: none; }
.name { font-size: 0.85rem; color: var(--quiet); }
.three .name { text-align: center; margin: 0; }
`;

export { decode };
export default { render };
