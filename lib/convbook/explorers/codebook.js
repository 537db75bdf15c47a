// Explorer "Codebook": the entries of a discrete code as stamps, put one by one into a digit.

const [PLACES, SIDE] = [7, 28]; // of a digit, along each side; pixels
const [FROM, STAMP] = [8, 12]; // where the middle entry draws, and how far that is shown
const EMPTY = 10; // stands for empty paper, where a digit is chosen

/** What is drawn from a grid of 49 entries' numbers. */
function decode({ layers, weights, entries, size }, grid) {
  const book = floats(entries);
  const values = Float64Array.from({ length: size * grid.length }, (_, at) =>
    book[grid[at % grid.length] * size + Math.floor(at / grid.length)]);
  return through(layers, floats(weights), { channels: size, side: PLACES, values }).at(-1);
}

/** Empty paper is the entry that is chosen most often, everywhere. */
const blank = ({ counts }) => Array(PLACES ** 2).fill(counts.indexOf(Math.max(...counts)));
const encoded = (s) => (s.digit === EMPTY ? blank(s) : s.grids[s.digit]);

/** The numbers from the first to the last pixel that differ by a grey or more: [rows, columns]. */
function reach(one, other) {
  const off = [...one.values.keys()].filter((at) => Math.abs(one.values[at] - other.values[at]) > 1 / 255);
  const [rows, columns] = [off.map((at) => Math.floor(at / one.side)), off.map((at) => at % one.side)];
  return [rows, columns].map((all) => [Math.min(...all), Math.max(...all)]);
}

function problemOf(s) {
  const isGrid = (grid) => Array.isArray(grid) && grid.length === PLACES ** 2 &&
    grid.every((one) => isWhole(one, 0) && one < s.counts.length);
  if (!isWhole(s.size, 1)) return `size: expected a whole number, not ${shown(s.size)}.`;
  if (!Array.isArray(s.counts) || !s.counts.length || !s.counts.every((one) => isWhole(one, 0)))
    return `counts: expected a number for each entry, not ${shown(s.counts)}.`;
  if (!isText(s.entries) || bytes(s.entries).length !== 4 * s.size * s.counts.length)
    return `entries: expected ${s.counts.length} of ${s.size} numbers each, in base64.`;
  if (!Array.isArray(s.layers) || !s.layers.every((layer) => LAYERS[layer?.[0]]))
    return `layers: expected those of a decoder, not ${shown(s.layers)}.`;
  if (!isNetwork(s)) return `weights: expected ${counted(s.layers)} numbers in base64.`;
  if (!Array.isArray(s.digits) || !s.digits.every((one) => isText(one) && bytes(one).length === SIDE ** 2))
    return "digits: expected 28 × 28 pixels for each, in base64.";
  if (!Array.isArray(s.grids) || s.grids.length !== s.digits.length || !s.grids.every(isGrid))
    return "grids: expected 49 entries for each digit.";
  if (s.digit !== EMPTY && !s.grids[s.digit])
    return `digit: expected one from 0 to 9, or ${EMPTY}, not ${shown(s.digit)}.`;
  if (!isGrid(s.grid)) return `grid: expected 49 entries, not ${shown(s.grid)}.`;
  if (!isWhole(s.place, 0) || s.place >= PLACES ** 2)
    return `place: expected a whole number below 49, not ${shown(s.place)}.`;
  return "";
}

// From here on: how it is shown.

const NAMES = ["layers", "weights", "entries", "size", "counts", "digits", "grids", "digit", "grid", "place"];

/** Squares of which one is chosen, by pointer or arrow keys: what stands in each is up to `fill`. */
function board(label, columns, count, choose, fill) {
  const cells = Array.from({ length: count }, (_, i) =>
    make("button", { type: "button", role: "radio", onclick: () => choose(i) }, ...fill(i)));
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const node = make("div", { class: "board", role: "radiogroup", "aria-label": label,
    style: `--columns: ${columns}`, onkeydown: (event) => {
      const to = cells.indexOf(event.target) + steps[event.key];
      if (Number.isNaN(to)) return;
      event.preventDefault();
      if (!cells[to]) return;
      choose(to);
      cells[to].focus();
    } }, ...cells);
  const show = (chosen) => cells.forEach((cell, i) => {
    cell.setAttribute("aria-checked", i === chosen);
    cell.tabIndex = i === chosen ? 0 : -1;
  });
  return { node, cells, show };
}

function render({ model, el }) {
  const section = enclose(el, "Explorer: a codebook", PICTURES + CSS);
  const problem = make("p", { class: "problem", role: "status" });
  const stage = make("div");
  section.append(problem, stage);
  let [state, parts] = [null, null];
  const set = setter(model);
  const where = (place) => `row ${Math.floor(place / PLACES)}, column ${place % PLACES}`;

  function build() {
    const all = state.counts.reduce((sum, count) => sum + count, 0);
    const share = (entry) => `${((100 * state.counts[entry]) / all).toFixed(1)} %`;
    const names = [...state.grids.map((_, i) => [String(i), String(i)]), [String(EMPTY), "empty paper"]];
    const digits = choice("a test digit", names, (chosen) => {
      const digit = Number(chosen);
      set({ digit, grid: encoded({ ...state, digit }) });
    });
    const reset = make("button", { type: "button", onclick: () => set({ grid: encoded(state) }) }, "as encoded");
    const dim = canvas();
    const numbers = board("the digit's 49 places", PLACES, PLACES ** 2, (place) => set({ place }), () => [""]);
    const output = canvas();
    const box = make("div", { class: "box" });
    const cell = make("div", { class: "cell" });
    const paper = blank(state);
    const middle = (PLACES ** 2 - 1) / 2;
    const book = board("the codebook", Math.ceil(state.counts.length ** 0.5), state.counts.length,
      (entry) => set({ grid: state.grid.map((old, i) => (i === state.place ? entry : old)) }),
      (entry) => {
        const { node, show } = canvas();
        const drawn = decode(state, paper.map((old, i) => (i === middle ? entry : old))).values;
        const values = Array.from({ length: STAMP ** 2 }, (_, at) =>
          drawn[(FROM + Math.floor(at / STAMP)) * SIDE + FROM + (at % STAMP)]);
        show({ side: STAMP, values }, grey);
        node.setAttribute("aria-hidden", "true");
        node.removeAttribute("role");
        return [node];
      });
    book.cells.forEach((button, entry) => {
      const rare = state.counts[entry] ? `chosen at ${share(entry)} of all places` : "never chosen";
      button.setAttribute("aria-label", `entry ${entry}, ${rare}`);
      button.title = `${entry}: ${rare}`;
      button.classList.toggle("unused", !state.counts[entry]);
    });
    const told = make("p", { "aria-live": "polite" });
    parts = { digits, numbers, dim, output, box, cell, book, told };
    const panel = (words, ...inner) => make("figure", {}, make("figcaption", {}, words), ...inner);
    dim.node.setAttribute("aria-hidden", "true");
    dim.node.removeAttribute("role");
    stage.replaceChildren(make("div", { class: "tools" }, digits.group, reset), make("div", { class: "panels" },
      panel("1. Choose a place.", make("div", { class: "over dim" }, dim.node, numbers.node)),
      panel("2. Choose its entry.", book.node),
      panel("3. See what is drawn.", make("div", { class: "over" }, output.node, box, cell))), told);
  }

  const framed = (node, [top, bottom], [left, right]) => Object.assign(node.style, { top: `${(100 * top) / SIDE}%`,
    left: `${(100 * left) / SIDE}%`, width: `${(100 * (right - left + 1)) / SIDE}%`,
    height: `${(100 * (bottom - top + 1)) / SIDE}%` });

  function draw() {
    const { digits, numbers, dim, output, box, cell, book, told } = parts;
    const { digit, grid, place } = state;
    const drawn = decode(state, grid);
    const own = encoded(state);
    digits.show(String(digit));
    dim.show(drawn, (value) => grey(0.45 * value));
    output.show(drawn, grey, "what is drawn from the 49 numbers");
    numbers.show(place);
    numbers.cells.forEach((button, i) => {
      button.textContent = grid[i];
      button.setAttribute("aria-label", `${where(i)}: entry ${grid[i]}`);
      button.classList.toggle("changed", grid[i] !== own[i]);
    });
    book.show(grid[place]);
    const [row, column] = [Math.floor(place / PLACES), place % PLACES].map((at) => [4 * at, 4 * at + 3]);
    framed(cell, row, column);
    const changed = grid[place] !== own[place];
    const [rows, columns] = reach(drawn, decode(state, grid.map((old, i) => (i === place ? own[i] : old))));
    box.hidden = !changed || rows[0] > rows[1];
    if (!box.hidden) framed(box, rows, columns);
    const long = ([from, to]) => (to < from ? 0 : to - from + 1);
    const what = digit === EMPTY ? "empty paper has" : "the encoder chose";
    const [now, before] = digit === EMPTY ? [] : [grid, own].map((one) =>
      fourth(missed(decode(state, one).values, [...bytes(state.digits[digit])].map((v) => v / 255))));
    told.textContent = `At ${where(place)} stands entry ${grid[place]}` + (changed
      ? `, where ${what} ${own[place]}. It changes pixels in ${long(rows)} rows and ${long(columns)} columns; ` +
        "its place has 4 and 4." : ", as " + (digit === EMPTY ? "on empty paper." : "the encoder chose it.")) +
      (now ? ` The error is ${now}${now === before ? "" : `; as encoded it is ${before}`}.` : "");
  }

  return follow(model, NAMES, problem, stage, problemOf, (next) => {
    const before = state ?? {};
    state = next;
    if (["layers", "weights", "entries", "counts", "grids"].some((name) => next[name] !== before[name])) build();
    draw();
  });
}

const CSS = `
.panels { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.8rem; }
.over { position: relative; background: #000; border-radius: 0.3rem; }
.board { display: grid; grid-template-columns: repeat(var(--columns), 1fr); gap: 1px; aspect-ratio: 1;
  background: #444; }
.board button { padding: 0; min-height: 0; border: 0; border-radius: 0; position: relative; line-height: 1; }
.board button[aria-checked="true"] { outline: 3px solid #d55e00; outline-offset: -2px; z-index: 1; }
.board button:focus-visible { outline: 3px solid #4fa3d9; outline-offset: -1px; z-index: 2; }
.dim .board { position: absolute; inset: 0; gap: 0; background: none; }
.dim button { color: #fff; font-size: 0.75rem; }
.dim button.changed { color: #ffb27a; font-weight: 700; }
.board canvas { border-radius: 0; }
.unused canvas { opacity: 0.3; }
.box, .cell { position: absolute; pointer-events: none; outline: 2px dashed #4fa3d9; }
.cell { outline: 2px solid #d55e00; }
@media (max-width: 600px) { .panels { grid-template-columns: 1fr 1fr; gap: 0.6rem; }
  .panels figure:nth-child(2) { grid-area: 2 / 1 / 3 / 3; } }
`;

export { decode };
export default { render };
