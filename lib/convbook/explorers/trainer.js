// Explorer "Trainer": chapter 6's network of 46 numbers, trained in the page. First the network, its
// gradient and Adam, and then how they are shown.

const TAPS = 7; // points of a patch
const BATCH = 128;
const MOST = 640000; // steps without a rest: the chapter's 5,000 epochs
// The 46 weights, as PyTorch lists them: three filters of the encoder, their biases, three filters of
// the decoder, its bias.
const [ENCODER_BIAS, DECODER, DECODER_BIAS, SIZE] = [21, 24, 45, 46];

/** The two curves of 15 points that all others are sums of, as in convbook.data.curves. */
function basis() {
  const times = range(0, 150).map((i) => i / 149);
  const x = times.map((t) => 1.5 * (1 - t) ** 2 * t + 1.5 * (1 - t) * t ** 2 + t ** 3);
  const nearest = range(0, 15).map((place) => {
    const off = x.map((value) => Math.abs(value - place / 14));
    return times[off.indexOf(Math.min(...off))];
  });
  return [nearest.map((t) => 3 * (1 - t) ** 2 * t), nearest.map((t) => 3 * (1 - t) * t ** 2)];
}
const [FIRST, SECOND] = basis();

/** Random numbers from a seed: uniform in [0, 1) (mulberry32), and normal (Marsaglia's polar way). */
function randomness(seed) {
  let [state, spare] = [seed | 0, null];
  function uniform() {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }
  function normal() {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    for (;;) {
      const [u, v] = [2 * uniform() - 1, 2 * uniform() - 1];
      const square = u * u + v * v;
      if (square >= 1 || square === 0) continue;
      const size = Math.sqrt((-2 * Math.log(square)) / square);
      spare = v * size;
      return u * size;
    }
  }
  return { uniform, normal };
}

/** Fill `patches` with seven neighbouring points of random curves. */
function drawPatches(patches, { uniform }) {
  for (let at = 0; at < patches.length; at += TAPS) {
    const [a, b, start] = [2 * uniform() - 1, 2 * uniform() - 1, Math.floor(9 * uniform())];
    for (let i = 0; i < TAPS; i++) patches[at + i] = a * FIRST[start + i] + b * SECOND[start + i];
  }
  return patches;
}

/** The mean squared error of a batch, (n · 7), and its gradient, which is written into `slope`.
 *
 *  Noise is added to the input, (n · 7), and to the code, (n · 3). The three numbers of the code are
 *  written out, not looped over: that doubles the speed. */
function gradient(w, batch, inputNoise, codeNoise, slope) {
  const n = batch.length / TAPS;
  let loss = 0;
  slope.fill(0);
  for (let example = 0; example < n; example++) {
    const [at, code] = [TAPS * example, 3 * example];
    let [u0, u1, u2] = [w[ENCODER_BIAS], w[ENCODER_BIAS + 1], w[ENCODER_BIAS + 2]];
    for (let i = 0; i < 7; i++) {
      const x = batch[at + i] + inputNoise[at + i];
      u0 += w[i] * x;
      u1 += w[7 + i] * x;
      u2 += w[14 + i] * x;
    }
    const [t0, t1, t2] = [Math.tanh(u0), Math.tanh(u1), Math.tanh(u2)];
    const [c0, c1, c2] = [t0 + codeNoise[code], t1 + codeNoise[code + 1], t2 + codeNoise[code + 2]];
    let [b0, b1, b2] = [0, 0, 0]; // what comes back to the code
    for (let i = 0; i < 7; i++) {
      const [f0, f1, f2] = [w[DECODER + i], w[DECODER + 7 + i], w[DECODER + 14 + i]];
      const off = w[DECODER_BIAS] + c0 * f0 + c1 * f1 + c2 * f2 - batch[at + i];
      loss += off * off;
      slope[DECODER_BIAS] += off;
      slope[DECODER + i] += off * c0;
      slope[DECODER + 7 + i] += off * c1;
      slope[DECODER + 14 + i] += off * c2;
      b0 += off * f0;
      b1 += off * f1;
      b2 += off * f2;
    }
    b0 *= 1 - t0 * t0; // and through tanh
    b1 *= 1 - t1 * t1;
    b2 *= 1 - t2 * t2;
    slope[ENCODER_BIAS] += b0;
    slope[ENCODER_BIAS + 1] += b1;
    slope[ENCODER_BIAS + 2] += b2;
    for (let i = 0; i < 7; i++) {
      const x = batch[at + i] + inputNoise[at + i];
      slope[i] += b0 * x;
      slope[7 + i] += b1 * x;
      slope[14 + i] += b2 * x;
    }
  }
  for (let i = 0; i < SIZE; i++) slope[i] *= 2 / batch.length;
  return loss / batch.length;
}

/** A network before its first step. PyTorch, too, draws its weights between ±1/√7. */
function begin(seed) {
  const random = randomness(seed);
  const zeros = (length) => new Float64Array(length);
  return {
    random, steps: 0,
    weights: zeros(SIZE).map(() => (2 * random.uniform() - 1) / Math.sqrt(TAPS)),
    slope: zeros(SIZE), mean: zeros(SIZE), square: zeros(SIZE), // Adam's
    batch: zeros(BATCH * TAPS), inputNoise: zeros(BATCH * TAPS), codeNoise: zeros(BATCH * 3),
  };
}

/** One step of Adam on a fresh batch, with PyTorch's defaults. */
function step(net, { code_noise, input_noise, learning_rate }) {
  const { weights, slope, mean, square, random } = net;
  drawPatches(net.batch, random);
  const drawn = (scale) => (scale ? scale * random.normal() : 0);
  for (let i = 0; i < net.inputNoise.length; i++) net.inputNoise[i] = drawn(input_noise);
  for (let i = 0; i < net.codeNoise.length; i++) net.codeNoise[i] = drawn(code_noise[i % 3]);
  const loss = gradient(weights, net.batch, net.inputNoise, net.codeNoise, slope);
  net.steps += 1;
  const size = learning_rate / (1 - 0.9 ** net.steps);
  const root = Math.sqrt(1 - 0.999 ** net.steps);
  for (let i = 0; i < SIZE; i++) {
    mean[i] = 0.9 * mean[i] + 0.1 * slope[i];
    square[i] = 0.999 * square[i] + 0.001 * slope[i] * slope[i];
    weights[i] -= (size * mean[i]) / (Math.sqrt(square[i]) / root + 1e-8);
  }
  return loss;
}

/** The error without noise on `patches`. */
function errorOn(patches, weights) {
  const none = new Float64Array(patches.length); // more than the code needs
  return gradient(weights, patches, none, none, new Float64Array(SIZE));
}

/** What the network makes of one patch. */
function output(weights, patch) {
  const filter = (k) => weights.subarray(DECODER + TAPS * k, DECODER + TAPS * (k + 1));
  const code = range(0, 3).map((k) =>
    Math.tanh(weights[ENCODER_BIAS + k] + dot(patch, weights.subarray(TAPS * k, TAPS * (k + 1)))));
  return range(0, TAPS).map((i) =>
    weights[DECODER_BIAS] + code.reduce((sum, value, k) => sum + value * filter(k)[i], 0));
}

/** PCA of all patches there are: directions, the first with the largest variance, and for 0 to 3
 *  of them the error that is left, a floor. */
function principal() {
  // a and b have variance 1/3 each, and nine starts are equally likely.
  const windows = range(0, 9).flatMap((s) => [FIRST.slice(s, s + TAPS), SECOND.slice(s, s + TAPS)]);
  const times = (v) => {
    const scores = windows.map((window) => dot(window, v) / 27);
    return v.map((_, i) => windows.reduce((sum, window, j) => sum + scores[j] * window[i], 0));
  };
  let left = windows.reduce((sum, window) => sum + dot(window, window), 0) / 27;
  const [directions, floors] = [[], [left / TAPS]];
  for (const first of [[1, 1, 1, 1, 1, 1, 1], [-3, -2, -1, 0, 1, 2, 3], [2, 0, -1, -2, -1, 0, 2]]) {
    let v = first;
    for (let turn = 0; turn < 100; turn++) {
      v = times(v);
      for (const found of directions) {
        const share = dot(v, found);
        v = v.map((value, i) => value - share * found[i]);
      }
      const length = Math.sqrt(dot(v, v));
      v = v.map((value) => value / length);
    }
    directions.push(v);
    floors.push((left -= dot(v, times(v))) / TAPS);
  }
  return { directions, floors };
}

/** For each filter of the decoder: its shape, its length, and the direction nearest to it. */
function settled(weights, directions) {
  return range(0, 3).map((k) => {
    const filter = [...weights.subarray(DECODER + TAPS * k, DECODER + TAPS * (k + 1))];
    const length = Math.sqrt(dot(filter, filter));
    const cosines = directions.map((direction) => dot(filter, direction) / length);
    const sizes = cosines.map(Math.abs);
    const nearest = sizes.indexOf(Math.max(...sizes));
    const sign = Math.sign(cosines[nearest]);
    return { shape: filter.map((value) => value / length), length, nearest, cosine: sizes[nearest],
      beside: directions[nearest].map((value) => sign * value) };
  });
}

function problemOf(s) {
  const isNoise = (value) => Number.isFinite(value) && value >= 0;
  if (!Array.isArray(s.code_noise) || s.code_noise.length !== 3 || !s.code_noise.every(isNoise))
    return `code noise: expected three numbers of at least 0, not ${shown(s.code_noise)}.`;
  if (!isNoise(s.input_noise))
    return `input noise: expected a number of at least 0, not ${shown(s.input_noise)}.`;
  if (!Number.isFinite(s.learning_rate) || s.learning_rate <= 0)
    return `learning rate: expected a positive number, not ${shown(s.learning_rate)}.`;
  return isWhole(s.seed, 0) ? "" : `seed: expected a whole number of at least 0, not ${shown(s.seed)}.`;
}

// From here on: how it is shown.

const NAMES = ["code_noise", "input_noise", "learning_rate", "seed"];
const NOISE = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3];
const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01];
const KINDS = { "0,0,0": "none", "0.1,0.1,0.1": "equal", "0.1,0.01,0.001": "unequal" };
const TURN = 12; // milliseconds of training at a time, so that the page stays quick to answer
const [APART, SLOWLY] = [50, 1000]; // milliseconds between two pictures, and where less motion is asked for


/** The error's place on an axis from 0.00001, below, to 0.1. */
const height = (error) => 100 - 24 * Math.log10(Math.min(Math.max(error, 1e-5), 0.1) / 1e-5);
/** What PCA leaves with 0 to 3 numbers, as lines across the picture of the error. */
const marks = (floors) => floors.flatMap((floor, count) => [
  make("path", { class: "target", d: `M0 ${height(floor)}H262` }),
  make("text", { x: 266, y: height(floor) + 4 }, count ? `PCA, ${count}` : "mean")]);

function render({ model, el }) {
  const section = enclose(el, "Explorer: train the network of 46 numbers", CURVES + CSS);
  const { directions, floors } = principal();
  const tests = drawPatches(new Float64Array(512 * TAPS), randomness(1));
  let [state, net, history, every] = [{}, null, [], 1];
  let [running, since, timer, painted, until] = [false, { steps: 0, time: 0 }, 0, 0, MOST];
  const refused = {};
  const set = setter(model);

  const go = make("button", { type: "button", class: "go", onclick: () => (running ? stop() : start()) });
  const reset = make("button", { type: "button", onclick: () => {
    stop();
    renew();
  } }, "reset");
  const kinds = choice("noise on the code", Object.entries(KINDS), (kind) =>
    set({ code_noise: kind.split(",").map(Number) }));
  const swap = make("button", { type: "button", onclick: () =>
    set({ code_noise: [2, 1, 0].map((k) => state.code_noise[k]) }) }, "swap noise 1 and 3");
  const seed = whole("seed", (value) => {
    delete refused.seed;
    if (Number.isInteger(value)) set({ seed: value });
    else refused.seed = value;
    update();
  });
  seed.input.min = 0;
  const numbers = range(0, 3).map((k) => {
    const noise = stops(`noise on number ${k + 1}:`, NOISE, (value) =>
      set({ code_noise: state.code_noise.map((old, i) => (i === k ? value : old)) }));
    const [filter, beside] = [make("path", { class: "filter" }), make("path", { class: "target" })];
    const { svg, say } = picture(126, 90, make("path", { class: "zero", d: "M3 45h120" }), beside, filter);
    const [words, bar] = [make("p", { class: "words" }), make("div", { class: "length" })];
    return { noise, filter, beside, say, words, bar, column: make("div", { style: `--hue: ${HUES[k]}` },
      make("p", { class: "name" }, make("b", {}, `filter ${k + 1}`)), svg, words, bar, noise.field) };
  });
  const inputNoise = stops("noise on the input:", NOISE, (input_noise) => set({ input_noise }));
  const rate = stops("learning rate:", RATES, (learning_rate) => set({ learning_rate }));
  const [loss, targets, outputs] = ["loss", "dots", "output"].map((name) => make("path", { class: name }));
  const ends = make("text", { x: 260, y: 118, "text-anchor": "end" });
  const errors = picture(300, 120, ...marks(floors), loss, ends);
  const patches = picture(300, 120, make("path", { class: "zero", d: "M0 60h300" }), targets, outputs);
  patches.say("three patches, and what the network makes of them");
  const told = make("p", { class: "told" });
  const problem = make("p", { class: "problem", role: "status" });
  const stage = make("div", {}, make("div", { class: "three" }, ...numbers.map((one) => one.column)),
    make("p", { class: "name" }, "Each filter is drawn at length 1. Dotted: the principal direction nearest to it, " +
      "with the cosine between the two (1: the same). Bars: the filters’ lengths, relative to the longest. If you " +
      "change the noise, training goes on from where it is. Reset, or a new seed, starts anew."),
    make("div", { class: "two" }, inputNoise.field, rate.field,
      make("div", {}, make("p", { class: "name" }, "Error without noise (log scale). Dotted: what the mean patch " +
        "leaves, and PCA with 1, 2 and 3 directions."), errors.svg),
      make("div", {}, make("p", { class: "name" }, "Three patches (dots), and the network’s outputs (lines)."),
        patches.svg)));
  section.append(make("div", { class: "bar" }, go, reset, kinds.group, swap, seed.field), problem, stage, told);


  function renew() {
    net = begin(state.seed);
    [history, every, until] = [[], 100, MOST];
    since = { steps: 0, time: performance.now() };
    note();
    draw();
    label();
  }
  function note() {
    history.push([net.steps, errorOn(tests, net.weights)]);
    if (history.length < 200) return;
    history = history.filter((_, i) => i % 2 === 0);
    every *= 2;
  }
  function start() {
    if (net.steps >= until) until = net.steps + MOST;
    [running, since, painted] = [true, { steps: net.steps, time: performance.now() }, 0];
    timer = requestAnimationFrame(train);
    label();
  }
  function stop() {
    cancelAnimationFrame(timer);
    running = false;
    label();
    draw();
  }
  function label() {
    go.textContent = running ? "pause" : net.steps ? "go on" : "start";
  }
  const slow = matchMedia("(prefers-reduced-motion: reduce)");
  function train() {
    if (!el.isConnected) return stop();
    const first = performance.now();
    do {
      step(net, state);
      if (net.steps % every === 0) note();
    } while (net.steps < until && performance.now() - first < TURN);
    if (!Number.isFinite(net.weights[0]) || net.steps >= until) return stop();
    if (first - painted > (slow.matches ? SLOWLY : APART)) {
      painted = first;
      draw();
    }
    timer = requestAnimationFrame(train);
  }

  function draw() {
    const filters = settled(net.weights, directions);
    const longest = Math.max(...filters.map((filter) => filter.length));
    filters.forEach(({ shape, length, nearest, cosine, beside }, k) => {
      const points = (values) => values.map((value, i) => [3 + 20 * i, 45 - 55 * value]);
      numbers[k].filter.setAttribute("d", joined(points(shape)));
      numbers[k].beside.setAttribute("d", joined(points(beside)));
      const words = `nearest: direction ${nearest + 1}, ${cosine.toFixed(2)}`;
      const long = `length ${length.toFixed(2)}`;
      numbers[k].words.replaceChildren(words, make("br"), long);
      numbers[k].bar.style.width = `${(100 * length) / longest}%`;
      numbers[k].say(`filter ${k + 1}, ${words}, ${long}`);
    });
    const last = Math.max(net.steps, 1000);
    loss.setAttribute("d", joined(history.map(([steps, error]) => [(260 * steps) / last, height(error)])));
    const now = history.at(-1)[1];
    errors.say(`the error without noise: ${now.toPrecision(2)} after ${net.steps} steps; PCA leaves ` +
      `${floors.slice(1).map((floor) => floor.toPrecision(2)).join(", ")} with 1, 2, 3 directions`);
    ends.textContent = `${last.toLocaleString("en")} steps`;
    const shapes = range(0, 3).map((i) => [...tests.subarray(TAPS * i, TAPS * (i + 1))]);
    const place = (values, i) => values.map((value, j) => [10 + 100 * i + 13 * j, 60 - 60 * value]);
    targets.setAttribute("d", shapes.map((shape, i) => dotted(place(shape, i))).join(""));
    outputs.setAttribute("d", shapes.map((shape, i) => joined(place(output(net.weights, shape), i))).join(""));
    tell(now);
  }
  function tell(error) {
    const seconds = (performance.now() - since.time) / 1000;
    const speed = Math.round((net.steps - since.steps) / seconds);
    told.textContent = `${net.steps.toLocaleString("en")} steps, error ${scientific(error)}` +
      (running && seconds > 0.2 ? `, ${speed.toLocaleString("en")} steps a second` : "") +
      (net.steps >= until ? ". It rests: change the noise, or go on." : "");
  }

  function update() {
    const seedBefore = state.seed;
    const next = { ...Object.fromEntries(NAMES.map((name) => [name, model.get(name)])), ...refused };
    const words = problemOf(next);
    problem.textContent = words;
    problem.hidden = !words;
    stage.hidden = Boolean(words);
    go.disabled = reset.disabled = swap.disabled = Boolean(words);
    if (words) return running && stop();
    state = next;
    seed.show(state.seed);
    kinds.show(String(state.code_noise));
    numbers.forEach((one, k) => one.noise.show(state.code_noise[k]));
    inputNoise.show(state.input_noise);
    rate.show(state.learning_rate);
    if (state.seed !== seedBefore) renew();
    else if (net.steps >= until) start();
  }
  for (const name of NAMES) model.on(`change:${name}`, update);
  update();
  return () => {
    cancelAnimationFrame(timer);
    NAMES.forEach((name) => model.off(`change:${name}`, update));
  };
}

const CSS = `
.go { min-width: 5.5rem; color: var(--paper); background: var(--accent); border-color: var(--accent); }
.whole { width: 7rem; }
.name, .words { margin: 0; font-size: 0.85rem; }
.name { color: var(--quiet); }
.filter { stroke: var(--hue); stroke-width: 3; }
.length { height: 0.4rem; margin: 0.1rem 0 0.3rem; border-radius: 0.2rem; background: var(--hue); }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 0.6rem 2rem; margin-top: 0.6rem; }
.loss, .output { stroke: var(--accent); }
.told { font-size: 0.9rem; }
@media (max-width: 600px) { .two { grid-template-columns: 1fr; } }
`;

export { basis, begin, errorOn, gradient, principal, settled, step };
export default { render };
