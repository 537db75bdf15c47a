// Explorer "Operator": a convolution or its transpose, cell by cell. First what it computes, in one
// or two dimensions, and then how it is shown.

const LARGEST = { size: 16, kernel_size: 5, stride: 4, padding: 8, dilation: 4, drawn: 24 };
const SMALLEST = { size: 1, kernel_size: 1, stride: 1, padding: 0, dilation: 1, output_padding: 0 };
const VIEWS = { scatter: "scatter", gather: "gather", zeros: "zero insertion" };

const range = (from, to) => Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);
const span = ({ kernel_size, dilation }) => dilation * (kernel_size - 1) + 1;

/** The output's size, by the formulas of convbook.sizes. It may come out below one. */
function outputSize(s) {
  return s.transposed
    ? (s.size - 1) * s.stride + span(s) - 2 * s.padding + s.output_padding
    : Math.floor((s.size + 2 * s.padding - span(s)) / s.stride) + 1;
}

/** Why these settings make no layer, as a sentence; empty if they do. */
function refusalOf(s) {
  for (const [name, smallest] of Object.entries(SMALLEST)) {
    if (!isWhole(s[name], smallest))
      return `${word(name)}: expected a whole number of at least ${smallest}, not ${shown(s[name])}.`;
  }
  if (typeof s.transposed !== "boolean")
    return `transposed: expected true or false, not ${shown(s.transposed)}.`;
  if (s.dimensions !== 1 && s.dimensions !== 2)
    return `dimensions: expected 1 or 2, not ${shown(s.dimensions)}.`;
  if (!(s.view in VIEWS) || (s.view === "zeros" && !s.transposed))
    return `view: expected scatter or gather${s.transposed ? " or zeros" : ""}, not ${shown(s.view)}.`;
  for (const name of ["input", "kernel"])
    if (!Array.isArray(s[name]) || !s[name].flat().every(Number.isFinite))
      return `${name}: expected rows of numbers, not ${shown(s[name])}.`;
  const output = outputSize(s);
  const padded = s.size + 2 * s.padding;
  const spread = s.dilation > 1 ? ` with dilation ${s.dilation}` : "";
  const most = Math.max(s.stride, s.dilation);
  if (!s.transposed && span(s) > padded)
    return (
      `The kernel of ${s.kernel_size}${spread} spans ${span(s)} cells, and the padded input has ` +
      `${padded}: it fits nowhere, so there is no output. More padding makes room.`
    );
  if (s.transposed && s.output_padding >= most)
    return `Output padding ${s.output_padding} is refused. ${paddingRule(s, most)}`;
  if (output < 1)
    return (
      `The stamps cover ${(s.size - 1) * s.stride + span(s)} cells, and padding ${s.padding} crops ` +
      `${2 * s.padding} of them: nothing is left. Less padding leaves something.`
    );
  return "";
}
/** Which output padding is possible, by the sizes that a convolution takes to the input's. */
function paddingRule(s, most) {
  const first = outputSize({ ...s, output_padding: 0 });
  if (s.dilation > s.stride || first < 1)
    return `It has to stay below the larger of stride and dilation, ${most}.`;
  const last = first + s.stride - 1;
  const lead = s.stride === 1 ? `only the size ${first} leads`
    : s.stride === 2 ? `the sizes ${first} and ${last} both lead` : `the sizes ${first} to ${last} all lead`;
  const possible = ["0", "0 or 1"][s.stride - 1] ?? `at most ${s.stride - 1}`;
  return `With stride ${s.stride}, ${lead} to ${s.size}, so output padding is ${possible}.`;
}
const word = (name) => name.replace("_", " ").replace("kernel size", "kernel");

/** Why a layer cannot be drawn here, as a sentence; empty if it can. */
function tooLarge(s, output) {
  for (const [name, largest] of Object.entries(LARGEST))
    if (s[name] > largest)
      return `${word(name)} ${s[name]} is possible, but too much to draw: up to ${largest} is drawn.`;
  if (output > LARGEST.drawn)
    return `The output has ${output} cells a side: too many to draw. Up to ${LARGEST.drawn} are drawn.`;
  return "";
}

/** One axis: which cells a cell of the output is made of, and which a cell of the input reaches;
 *  each with the tap between them, also where the cell is padding or cropped. */
function axis({ size, kernel_size, stride, padding, dilation, transposed }, output) {
  const taps = range(0, kernel_size);
  const small = transposed ? size : output; // the side that has one cell for each kernel position
  const cells = (position) => taps.map((tap) => [position * stride - padding + dilation * tap, tap]);
  const positions = (cell) =>
    taps
      .map((tap) => [(cell + padding - dilation * tap) / stride, tap])
      .filter(([position]) => isWhole(position, 0) && position < small);
  return transposed ? { makes: positions, reaches: cells } : { makes: cells, reaches: positions };
}
const ONE_ROW = { makes: () => [[0, 0]], reaches: () => [[0, 0]] };

/** The numbers that stand at the start in cells that nobody has filled. */
const firstInput = (row, column) => [[1, 0, 2, 1], [2, 1, 0, 3], [0, 3, 1, 2]][row % 3][column % 4];

function filled(given, rows, columns, first) {
  const lines = Array.isArray(given[0]) ? given : [given];
  return range(0, rows).map((r) => range(0, columns).map((c) => lines[r]?.[c] ?? first(r, c)));
}

/** All that is shown: sizes, numbers, and for each cell its partners as {row, column, tap}. */
function operate(s) {
  const refusal = refusalOf(s);
  if (refusal) return { problem: refusal };
  const output = outputSize(s);
  const problem = tooLarge(s, output);
  if (problem) return { problem, output };
  const rows = s.dimensions === 2;
  const [k, n] = [s.kernel_size, s.size];
  const kernel = filled(s.kernel, rows ? k : 1, k, (r, c) => r * k + c + 1);
  const input = filled(s.input, rows ? n : 1, n, firstInput);
  const along = axis(s, output);
  const down = rows ? along : ONE_ROW;
  const pairs = (which) => (row, column) =>
    down[which](row).flatMap(([r, t]) =>
      along[which](column).map(([c, u]) => ({ row: r, column: c, tap: [t, u], weight: kernel[t][u] })),
    );
  const makes = pairs("makes");
  // The terms of an output cell, of the inputs up to the one that is counted as `last`.
  const terms = (row, column, last = Infinity) =>
    makes(row, column).filter((p) => input[p.row]?.[p.column] !== undefined && p.row * n + p.column <= last);
  const value = (row, column, last) =>
    terms(row, column, last).reduce((sum, p) => sum + p.weight * input[p.row][p.column], 0);
  const values = range(0, rows ? output : 1).map((r) => range(0, output).map((c) => value(r, c)));
  return { problem, output, rows, input, kernel, values, value, terms, makes, reaches: pairs("reaches") };
}

/** Cells from `before` the grid's first to those past its last, along each axis. */
function extent(now, s, side) {
  const cells = side === "input" ? s.size : now.output;
  if (side === "input" && s.view === "zeros") return [0, now.output + span(s) - 1];
  if ((side === "input") === s.transposed) return [0, cells];
  const end = s.transposed
    ? Math.max(cells, (s.size - 1) * s.stride + span(s) - s.padding)
    : cells + s.padding;
  return [-s.padding, end];
}

/** In the view of zero insertion: the input's cell at a place of the spread input, if any. */
function spreadCell(s, place) {
  const from = place - (span(s) - 1 - s.padding);
  const cell = from / s.stride;
  return { cell: isWhole(cell, 0) && cell < s.size ? cell : null,
    between: from > 0 && from < (s.size - 1) * s.stride };
}

function formula(s, output) {
  const letters = s.transposed
    ? "n = (m − 1) · s + d · (k − 1) + 1 − 2p + output padding"
    : "m = ⌊(n + 2p − d · (k − 1) − 1) / s⌋ + 1";
  const { size, kernel_size: k, stride, padding: p, dilation: d } = s;
  if (s.transposed)
    return [letters, `(${size} − 1) · ${stride} + ${d} · (${k} − 1) + 1 − 2 · ${p} + ` +
      `${s.output_padding} = ${output}`, ""];
  const room = size + 2 * p - span(s);
  const left = ((room % stride) + stride) % stride;
  const floor = left
    ? `The floor turns ${written(room / stride)} into ${Math.floor(room / stride)}: the last ` +
      `${left === 1 ? "cell" : `${left} cells`}${p ? ", padding included," : ""} ` +
      `${left === 1 ? "is" : "are"} read by no position.`
    : "";
  return [letters, `⌊(${size} + 2 · ${p} − ${d} · (${k} − 1) − 1) / ${stride}⌋ + 1 = ` +
    `⌊${room} / ${stride}⌋ + 1 = ${output}`, floor];
}

/** The operation that leads back to the input's shape: in words, and as settings if there is one. */
function wayBack(s, now) {
  const input = s.dimensions === 2 ? now.values : now.values[0];
  if (!s.transposed) {
    const extra = (s.size + 2 * s.padding - span(s)) % s.stride;
    return {
      words: `From ${now.output} back to ${s.size}: the transposed convolution, ` +
        (extra ? `with output padding ${extra}.` : "with the same settings."),
      settings: { transposed: true, size: now.output, output_padding: extra, input, view: "scatter" },
    };
  }
  const back = outputSize({ ...s, transposed: false, size: now.output });
  if (back !== s.size)
    return {
      words: `The convolution with the same settings leads from ${now.output} to ${back}, not to ` +
        `${s.size}: the output padding is not below the stride.`,
    };
  return {
    words: `From ${now.output} back to ${s.size}: the convolution, with the same settings.`,
    settings: { transposed: false, size: now.output, input, view: "gather" },
  };
}

/** What output padding does here, as a sentence; empty where there is none. */
function paddingWords(s) {
  if (!s.transposed || !s.output_padding) return "";
  const kept = Math.min(s.output_padding, s.padding); // the stamps reach as far as padding crops
  const empty = s.output_padding - kept;
  const more = (n) => s.dimensions === 1 ? counted(n, "more cell")
    : n === 1 ? "one more row and column" : `${COUNTS[n] ?? n} more rows and columns`;
  const parts = [];
  if (kept) parts.push(`keeps ${more(kept)} at the end that padding would crop`);
  if (empty) parts.push(`adds ${more(empty)}${kept ? "" : " at the end"} that no stamp reaches: ` +
    `${empty === 1 && s.dimensions === 1 ? "it is" : "they are"} zero`);
  return `Output padding ${parts.join(", and ")}.`;
}

function torchLine(s) {
  const options = { stride: 1, padding: 0, output_padding: 0, dilation: 1 };
  const given = Object.keys(options)
    .filter((name) => s[name] !== options[name] && (s.transposed || name !== "output_padding"))
    .map((name) => `, ${name}=${s[name]}`);
  const layer = `Conv${s.transposed ? "Transpose" : ""}${s.dimensions}d`;
  return `nn.${layer}(1, 1, kernel_size=${s.kernel_size}${given.join("")})`;
}

// From here on: how it is shown.

const TRAITS = ["transposed", "dimensions", "view", "position", "input", "kernel"];
const NUMBERS = Object.keys(SMALLEST);
const WORDS = { size: "input", kernel_size: "kernel k", stride: "stride s", padding: "padding p",
  dilation: "dilation d", output_padding: "output padding" };
const COUNTS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const counted = (n, word) => `${COUNTS[n] ?? n} ${word}${n === 1 ? "" : "s"}`;

/** A weight's colour: a hue for each row of the kernel, lighter to the right, as in chapter 1. */
function colour([row, column], kernel) {
  if (kernel.length === 1) return tint(HUES[column], 50);
  const last = kernel[0].length - 1;
  return tint(HUES[row % HUES.length], 58 - (last ? (38 * column) / last : 0));
}

function render({ model, el }) {
  const section = enclose(el, "Explorer: convolution and transposed convolution", CSS);
  let asked = {}; // the settings as they are, which may be refused
  let state = {}; // the last that could be drawn, and what they make
  let now = {};
  let trouble = "";
  let at = { side: "input", row: 0, column: 0 };
  let preview = null; // the cell under the pointer, as `at`
  let walking = false; // whether the player's buttons moved: then scatter adds up stamp by stamp
  let known = { all: "", grids: "", matrix: "" }; // for which settings these were made
  let grids = {};
  let band = null; // over the matrix
  let lit = [];
  let timer = 0;
  let waiting = false;
  const names = [...TRAITS, ...NUMBERS];
  const read = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const first = model.first ?? read(); // a page's host knows what stood before its address
  const refused = {}; // what was typed into a field and is no whole number

  const set = setter(model);

  // Controls
  const kind = choice("operation", [["convolution", "convolution"], ["transposed", "transposed"]],
    (value) => turnTo(value === "transposed"));
  const dimensions = choice("dimensions", [["1", "1-D"], ["2", "2-D"]], (value) =>
    set({ dimensions: Number(value), position: 0 }));
  const views = choice("view", Object.entries(VIEWS), (view) => set({ view, position: follow(view) }));
  const reset = make("button", { type: "button", class: "reset", onclick: () => {
    for (const name of NUMBERS) delete refused[name];
    set(Object.fromEntries(names.map((name) => [name, first[name]])));
    known.all = "";
    soon();
  } }, "reset");
  const fields = Object.fromEntries(NUMBERS.map((name) => {
    return [name, whole(WORDS[name], (value) => {
      delete refused[name];
      if (Number.isInteger(value)) set({ [name]: value });
      else refused[name] = value;
      soon();
    })];
  }));
  const settings = make("div", { class: "settings" }, ...Object.values(fields).map((f) => f.field));
  const scrub = make("input", { type: "range", min: 0, step: 1, "aria-label": "position",
    oninput: () => go(Number(scrub.value)) });
  const play = make("button", { type: "button", onclick: () => (timer ? stop() : start()) });
  const player = make("div", { class: "player" },
    make("button", { type: "button", "aria-label": "one step back", onclick: () => step(-1) }, "‹"),
    play,
    make("button", { type: "button", "aria-label": "one step on", onclick: () => step(1) }, "›"),
    scrub);

  // What is shown
  const [cells, matrixPlace] = [make("div"), make("div", { class: "figure matrix" })];
  const stage = make("div", { class: "stage" }, cells, matrixPlace);
  const say = make("p", { class: "say", "aria-live": "polite" });
  const note = make("p", { class: "note" });
  const problem = make("p", { class: "problem", role: "status" });
  const told = make("div", { class: "told" }, problem, say, note);
  const [letters, live, floor] = [make("span"), make("b"), make("span")];
  const sizes = make("p", { class: "formula" }, letters, make("br"), live, make("br"), floor);
  const backWords = make("span");
  const goBack = make("button", { type: "button", onclick: () => set({ ...wayBack(state, now).settings,
    position: 0 }) }, "go back");
  const back = make("p", { class: "line" }, backWords, goBack);
  const code = make("code");
  const copy = make("button", { type: "button", onclick: copyLine }, "copy");
  const torch = make("p", { class: "line" }, code, copy);
  section.append(
    make("div", { class: "bar" }, kind.group, dimensions.group, reset), settings,
    make("div", { class: "bar" }, views.group, player),
    told, stage, sizes, back, torch);

  function turnTo(transposed) {
    if (transposed !== asked.transposed)
      set({ transposed, view: transposed ? "scatter" : "gather", position: 0 });
  }

  // Positions
  const side = () => (state.view === "scatter" ? "input" : "output");
  const width = () => (side() === "input" ? state.size : now.output);
  const positions = () => width() ** (now.rows ? 2 : 1);
  const step = (by) => go((state.position + by + positions()) % positions());
  function go(position) {
    preview = null;
    walking = true;
    if (position !== state.position) set({ position });
    else highlight();
  }
  /** The input up to which an output cell's sum is shown. */
  const last = () => (walking && state.view === "scatter" ? state.position : Infinity);
  /** Where another view begins: at the same cell, or at one in the middle of its partners. */
  function follow(view) {
    if (!now.values) return 0;
    const to = view === "scatter" ? "input" : "output";
    const partners = at.side === to ? [at] : at.side === "input" ? kept(at) : now.terms(at.row, at.column);
    const one = partners[Math.floor(partners.length / 2)];
    return one ? one.row * (to === "input" ? state.size : now.output) + one.column : 0;
  }
  const kept = (cell) =>
    now.reaches(cell.row, cell.column).filter((p) => now.values[p.row]?.[p.column] !== undefined);
  function start() {
    const slow = matchMedia("(prefers-reduced-motion: reduce)").matches;
    timer = setInterval(() => (el.isConnected ? step(1) : stop()), slow ? 1500 : 700);
    say.setAttribute("aria-live", "off");
    go(state.position);
    showPlay();
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    say.setAttribute("aria-live", "polite");
    showPlay();
  }
  function showPlay() {
    play.textContent = timer ? "❚❚" : "▶";
    play.setAttribute("aria-label", timer ? "pause" : "play");
  }

  /** A cell under the pointer: the picture is about it until the pointer leaves. */
  function look(cell) {
    preview = cell;
    highlight();
  }
  /** A cell that was clicked or is in focus: from then on the picture is about it. */
  function pin(which, row, column) {
    preview = null;
    if (which === "input" && state.view === "zeros") {
      at = { side: "input", row, column }; // a look at where it goes, while the view stays
      return highlight();
    }
    const view = state.view === "zeros" ? "zeros" : which === "input" ? "scatter" : "gather";
    const cells = which === "input" ? state.size : now.output;
    const position = row * cells + column;
    if (view !== state.view || position !== state.position) set({ view, position });
    else locate(), highlight();
  }
  function locate() {
    if (!isWhole(state.position, 0) || state.position >= positions()) state.position = 0;
    at = placed(state.position);
  }
  const placed = (position) =>
    ({ side: side(), row: Math.floor(position / width()), column: position % width() });

  // The grids
  function grid(name, rows, columns, cell) {
    const lines = rows.map((r) => columns.map((c) => cell(r, c)));
    const body = make("div", { role: "grid", class: "grid", "aria-label": `${name} of ${rows.length} ` +
      `by ${columns.length} cells` },
      ...lines.map((line) => make("div", { role: "row", class: "row" }, ...line.map((one) => one.box))));
    body.addEventListener("keydown", (event) => walk(event, lines));
    const first = lines.flat().find((one) => one.focus);
    if (first) first.focus.tabIndex = 0;
    body.addEventListener("pointerleave", () => preview && look(null));
    const caption = make("div", { class: "name" }, name);
    const figure = make("div", { class: "figure" }, caption, body);
    return { figure, caption, lines,
      find: (r, c) => lines[r - rows[0]]?.[c - columns[0]] };
  }
  function walk(event, lines) {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    let [r, c] = [-1, -1];
    lines.forEach((line, i) => line.forEach((one, j) => {
      if (one.focus && one.focus === event.target) [r, c] = [i, j];
    }));
    do [r, c] = [r + by[0], c + by[1]];
    while (lines[r]?.[c] && !lines[r][c].focus);
    lines[r]?.[c]?.focus.focus();
  }
  function rove(focus, body) {
    for (const other of body.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    focus.tabIndex = 0;
  }

  /** A cell with its number, and room for the small weight that it is multiplied by. */
  function cell(which, row, column, { typed = false, outside = false, where = "" } = {}) {
    const small = make("small", { "aria-hidden": "true" });
    const label = `${which}${now.rows ? `, row ${row}, column ${column}` : ` ${column}`}${where}`;
    const box = make("div", { role: "gridcell", class: `cell${outside ? " outside" : ""}` });
    const one = { box, small, row, column, focus: null, show: null };
    if (typed) {
      one.focus = make("input", { inputmode: "text", autocomplete: "off", tabindex: -1,
        "aria-label": label, oninput: () => type(which, row, column, one.focus, box) });
      one.focus.addEventListener("focus", () => one.focus.select());
      one.focus.addEventListener("blur", () => {
        one.focus.removeAttribute("aria-invalid");
        known.all = "";
        soon(); // to show the number again where something else was typed
      });
      one.show = (value) => {
        if (el.shadowRoot.activeElement !== one.focus) one.focus.value = written(value);
        fill(box, one.focus.value);
      };
      box.append(one.focus, small);
    } else {
      const text = make("span");
      one.show = (value) => {
        text.textContent = value === null ? "" : written(value);
        fill(box, text.textContent);
        box.setAttribute("aria-label", `${label}: ${text.textContent || "nothing yet"}`);
      };
      box.append(text, small);
      if (!outside) {
        one.focus = box;
        box.tabIndex = -1;
      }
    }
    if (one.focus && which !== "kernel") {
      box.addEventListener("pointerenter", (event) =>
        event.pointerType === "mouse" && look({ side: which, row, column }));
      for (const event of ["focus", "click"])
        one.focus.addEventListener(event, () => pin(which, row, column));
    }
    one.focus?.addEventListener("focus", () => rove(one.focus, box.closest("[role=grid]")));
    return one;
  }
  /** The more there is to write, the smaller it is written. */
  const fill = (box, text) => box.style.setProperty("--letters", Math.max(text.length, 1));
  function type(which, row, column, field, box) {
    fill(box, field.value);
    const value = Number(field.value.trim().replace("−", "-").replace(",", "."));
    const bad = field.value.trim() === "" || !Number.isFinite(value);
    field.setAttribute("aria-invalid", bad);
    if (bad) {
      say.textContent = field.value.trim() ? `“${field.value}” is no number: the cell keeps ` +
        `${written(now[which][row][column])}.` : "A number belongs here.";
      return;
    }
    const numbers = now[which].map((line) => [...line]);
    numbers[row][column] = value;
    set({ [which]: state.dimensions === 2 ? numbers : numbers[0] });
  }

  function makeGrids() {
    const place = (which) => {
      const columns = range(...extent(now, state, which));
      return [now.rows ? columns : [0], columns];
    };
    const inside = (r, c, cells) => c >= 0 && c < cells && (!now.rows || (r >= 0 && r < cells));
    const zeros = state.view === "zeros";
    const input = grid(zeros ? "input, spread" : "input", ...place("input"), (r, c) => {
      const [row, column] = zeros ? [r, c].map((i) => spreadCell(state, i)) : [{ cell: r }, { cell: c }];
      if (zeros && !now.rows) Object.assign(row, { cell: 0, between: true });
      const given = row.cell !== null && column.cell !== null &&
        inside(row.cell, column.cell, state.size);
      if (given) return cell("input", row.cell, column.cell, { typed: true });
      const between = zeros && [row, column].every((i) => i.cell !== null || i.between);
      const name = zeros ? "spread input" : "input";
      const one = cell(name, r, c, { outside: true, where: between ? ", between" : ", padding" });
      if (between) one.box.classList.add("between");
      one.show(0);
      return one;
    });
    const size = range(0, state.kernel_size);
    const kernel = grid(zeros ? "kernel, flipped" : "kernel", now.rows ? size : [0], size, (r, c) => {
      const [row, column] = zeros ? [now.rows ? size.length - 1 - r : 0, size.length - 1 - c] : [r, c];
      const one = cell("kernel", row, column, { typed: true });
      one.box.style.background = colour([row, column], now.kernel);
      return one;
    });
    const output = grid("output", ...place("output"), (r, c) => {
      const outside = !inside(r, c, now.output);
      const one = cell("output", r, c, { outside, where: outside ? ", cropped" : "" });
      const extra = now.output - state.output_padding;
      if (!outside && state.transposed && Math.max(r, c) >= extra) one.box.classList.add("extra");
      return one;
    });
    grids = { input, kernel, output };
    const arrow = () => make("div", { class: "arrow", "aria-hidden": "true" }, "→");
    cells.className = now.rows ? "grids" : "strips";
    cells.style.setProperty("--dilation", state.dilation);
    cells.replaceChildren(input.figure, arrow(), kernel.figure, arrow(), output.figure);
    lit = [];
    fit();
  }

  /** Cells as large as the page has room for, with the three grids in one row or in two. */
  function fit() {
    if (!grids.input) return;
    const room = stage.clientWidth || 640;
    const [a, b, c] = ["input", "kernel", "output"].map((name) => grids[name].lines[0].length);
    const oneRow = Math.floor((room - 96) / (a + b + c));
    const twoRows = Math.floor((room - 56) / Math.max(a + b, c));
    const size = now.rows
      ? (oneRow >= 24 ? oneRow : Math.max(oneRow, twoRows))
      : Math.floor((room - 14) / Math.max(a, b, c));
    const side = Math.min(Math.max(size, 16), 38);
    stage.style.setProperty("--cell", `${side}px`);
    for (const { figure, lines } of Object.values(grids))
      figure.lastChild.classList.toggle("wide", lines[0].length * side + 8 > room);
    stage.classList.toggle("roomy", side >= 24);
    cells.classList.toggle("two-rows", now.rows && oneRow < 24 && twoRows > oneRow);
    cells.classList.toggle("stacked", now.rows && (a + b) * side + 56 > room);
  }

  function showNumbers() {
    for (const one of grids.input.lines.flat()) if (one.focus) one.show(now.input[one.row][one.column]);
    for (const one of grids.kernel.lines.flat()) one.show(now.kernel[one.row][one.column]);
    known.last = null;
  }
  /** The output, or in the midst of scatter what has been added to it so far. */
  function showOutput() {
    if (known.last === last()) return;
    known.last = last();
    for (const { row, column, show } of grids.output.lines.flat()) {
      const waits = !now.terms(row, column, last()).length && now.terms(row, column).length;
      show(waits ? null : now.value(row, column, last()));
    }
    const size = now.rows ? ` ${now.output} × ${now.output}` : `, ${counted(now.output, "cell")}`;
    grids.output.caption.textContent = `output${size}` + (last() < positions() - 1 ? ", so far" : "");
  }
  const inputCell = (row, column) => {
    if (state.view !== "zeros") return grids.input.find(row, column);
    const place = (i) => i * state.stride + span(state) - 1 - state.padding;
    return grids.input.find(now.rows ? place(row) : 0, place(column));
  };
  // The matrix: one square for each weight in it, a path for each colour
  function makeMatrix() {
    const [height, breadth] = [now.values.flat().length, now.input.flat().length];
    const unit = Math.max(1, Math.min(26, Math.floor(600 / breadth), Math.floor(330 / height)));
    const paths = new Map();
    const digits = [];
    now.values.forEach((line, r) => line.forEach((_, c) => {
      for (const p of now.makes(r, c)) {
        if (now.input[p.row]?.[p.column] === undefined) continue;
        const [x, y] = [p.row * now.input[0].length + p.column, r * line.length + c];
        const key = colour(p.tap, now.kernel);
        paths.set(key, `${paths.get(key) ?? ""}M${x * unit} ${y * unit}h${unit}v${unit}h-${unit}z`);
        if (unit < 18) continue;
        const weight = written(p.weight);
        digits.push(make("text", { x: (x + 0.5) * unit, y: (y + 0.68) * unit,
          "font-size": Math.min(11, (1.6 * unit) / weight.length) }, weight));
      }
    }));
    const lines = unit < 7 ? "" : range(0, height + 1).map((i) => `M0 ${i * unit}H${breadth * unit}`)
      .concat(range(0, breadth + 1).map((i) => `M${i * unit} 0V${height * unit}`)).join("");
    band = make("rect", { class: "band", "stroke-width": Math.max(0.75, Math.min(2.5, unit / 5)) });
    const name = state.transposed ? "Cᵀ" : "C";
    const svg = make("svg", { viewBox: `-2 -2 ${breadth * unit + 4} ${height * unit + 4}`, role: "img",
      style: `width: ${breadth * unit + 4}px`, "aria-label": `The matrix ${name}: ${height} rows, one ` +
      `for each output cell, and ${breadth} columns, one for each input cell` },
      make("path", { d: lines, class: "lines" }),
      ...[...paths].map(([fill, d]) => make("path", { d, style: `fill: ${fill}` })), ...digits, band);
    const find = (event) => {
      const box = svg.getBoundingClientRect();
      const scale = (breadth * unit + 4) / box.width;
      const x = Math.floor(((event.clientX - box.left) * scale - 2) / unit);
      const y = Math.floor(((event.clientY - box.top) * scale - 2) / unit);
      const index = state.view === "scatter" ? x : y;
      return index >= 0 && index < positions() ? placed(index) : null;
    };
    svg.addEventListener("pointermove", (event) => event.pointerType === "mouse" && look(find(event)));
    svg.addEventListener("pointerleave", () => preview && look(null));
    svg.addEventListener("click", (event) => {
      const cell = find(event);
      if (cell) pin(cell.side, cell.row, cell.column);
    });
    matrixPlace.replaceChildren(
      make("div", { class: "name" }, `matrix ${name}, ${height} × ${breadth}`), svg);
  }

  /** Show in all places what the chosen cell has to do with. */
  function highlight() {
    showOutput();
    for (const one of lit) {
      one.box.classList.remove("lit", "at");
      one.box.style.removeProperty("background");
      one.small.textContent = "";
    }
    lit = [];
    const light = (one, tap) => {
      if (!one) return;
      lit.push(one);
      one.box.classList.add(tap ? "lit" : "at");
      if (!tap) return;
      one.box.style.background = colour(tap, now.kernel);
      one.small.textContent = written(now.kernel[tap[0]][tap[1]]);
      fill(one.small, one.small.textContent);
    };
    const { side, row, column } = preview ?? at;
    const used = new Set();
    if (side === "input") {
      light(inputCell(row, column));
      for (const p of now.reaches(row, column)) {
        light(grids.output.find(p.row, p.column), p.tap);
        used.add(String(p.tap));
      }
    } else {
      light(grids.output.find(row, column));
      const zeros = state.view === "zeros";
      const taps = range(0, state.kernel_size);
      if (zeros)
        for (const t of now.rows ? taps : [0])
          for (const u of taps)
            light(grids.input.find(now.rows ? row + state.dilation * t : 0, column + state.dilation * u),
              [now.rows ? taps.length - 1 - t : 0, taps.length - 1 - u]);
      for (const p of now.makes(row, column)) {
        if (!zeros) light(grids.input.find(p.row, p.column), p.tap);
        used.add(String(p.tap));
      }
    }
    for (const one of grids.kernel.lines.flat())
      one.box.classList.toggle("unused", !used.has(`${one.row},${one.column}`));
    // In one dimension the kernel stands where it reads, or writes.
    const slides = !now.rows && (state.view === "zeros" || (side === "input") === state.transposed);
    const shift = slides ? column * (state.view === "zeros" ? 1 : state.stride) : 0;
    grids.kernel.figure.style.setProperty("--shift", shift);
    sayIt();
    showBand();
  }
  function showBand() {
    const [height, breadth] = [now.values.flat().length, now.input.flat().length];
    const unit = (parseFloat(band.parentElement.style.width) - 4) / breadth;
    const { side, row, column } = preview ?? at;
    const index = row * (side === "input" ? state.size : now.output) + column;
    const over = side === "input"
      ? { x: index * unit, y: 0, width: unit, height: height * unit }
      : { x: 0, y: index * unit, width: breadth * unit, height: unit };
    for (const [name, value] of Object.entries(over)) band.setAttribute(name, value);
  }
  const named = (row, column) => (now.rows ? `(${row}, ${column})` : `${column}`);
  function sayIt() {
    const { side, row, column } = preview ?? at;
    const words = side === "input" ? inputWords(row, column) : outputWords(row, column);
    if (say.textContent !== words) say.textContent = words; // or it would be read aloud again
  }
  function inputWords(row, column) {
    const place = named(row, column);
    const partners = kept({ row, column });
    if (!partners.length) return `Input ${place} goes nowhere: no output is made of it.`;
    const value = written(now.input[row][column]);
    const cropped = now.reaches(row, column).length - partners.length;
    const weights = partners.length > 9 ? "" : `, times ${partners.map((p) => written(p.weight)).join(", ")}`;
    const words = state.transposed
      ? `Input ${place} stamps the kernel, times its value ${value}, onto ` +
        `${counted(partners.length, "output cell")}${cropped ? `; ${counted(cropped, "more cell")} cropped` : ""}.`
      : `Input ${place}, of value ${value}, goes into ${counted(partners.length, "output")}${weights}.`;
    return words + (preview ? "" : additionWords(partners));
  }
  /** In the midst of scatter: for one output cell, what was there and what is added. */
  function additionWords(partners) {
    if (last() === Infinity) return "";
    const met = partners.filter((p) => now.terms(p.row, p.column, last() - 1).length);
    const was = (p) => now.value(p.row, p.column, last() - 1);
    const one = met.find((p) => was(p) !== 0) ?? met[0];
    if (!one) return "";
    const is = now.value(one.row, one.column, last());
    const sum = `${written(was(one))} + ${written(is - was(one))}`.replace("+ −", "− ");
    return ` On output ${named(one.row, one.column)}: ${sum} = ${written(is)}.`;
  }
  function outputWords(row, column) {
    const from = now.terms(row, column, last());
    const few = from.length <= 9 ? from : from.slice(0, 5);
    const terms = few.map((p) => `${written(now.input[p.row][p.column])}·${written(p.weight)}`);
    if (few.length < from.length) terms.push("…");
    const sum = from.length ? `${terms.join(" + ").replaceAll("+ −", "− ")} = ` : "";
    const zeros = state.view === "zeros";
    const what = state.transposed
      ? `is where ${counted(from.length, "stamp")} ${from.length === 1 ? "falls" : "meet"}`
      : `gathers ${counted(from.length, "input cell")}`;
    return `${zeros ? "Under the flipped kernel, output" : "Output"} ${named(row, column)} ${what}` +
      `${last() < Infinity ? " so far" : ""}: ${sum}${written(now.value(row, column, last()))}` +
      `${zeros ? ", the same output" : ""}.`;
  }

  async function copyLine() {
    const text = code.textContent;
    if (navigator.clipboard) await navigator.clipboard.writeText(text).catch(() => copyBySelection(text));
    else copyBySelection(text);
    copy.textContent = "copied";
    setTimeout(() => (copy.textContent = "copy"), 1500);
  }
  function copyBySelection(text) {
    const area = make("textarea", { readonly: true }, text);
    section.append(area);
    area.select();
    document.execCommand("copy"); // old, but it needs no permission
    area.remove();
  }

  function soon() {
    if (!waiting) queueMicrotask(update); // once for all traits that change together
    waiting = true;
  }
  function update() {
    waiting = false;
    preview = null;
    asked = { ...read(), ...refused };
    const { position, ...all } = asked;
    if (known.all !== JSON.stringify(all)) {
      known.all = JSON.stringify(all);
      walking = false;
      const result = operate(asked);
      trouble = result.problem;
      if (!trouble) [state, now] = [asked, result];
      showSettings();
      showTrouble(result.output);
      if (result.output !== undefined) showSize(asked, result.output);
      if (!trouble) showResult();
    }
    if (trouble) return stop();
    state = asked;
    locate();
    scrub.max = positions() - 1;
    scrub.value = state.position;
    scrub.setAttribute("aria-valuetext", `${side()} cell ${state.position + 1} of ${positions()}`);
    highlight();
  }
  /** A refusal stands in the sentence's place; the last figure stays, faint and out of reach. */
  function showTrouble(output) {
    problem.textContent = trouble;
    problem.hidden = !trouble;
    for (const part of [say, note]) part.hidden = Boolean(trouble);
    for (const part of [stage, back, player]) {
      part.hidden = !now.values;
      part.inert = Boolean(trouble);
    }
    for (const part of [sizes, torch]) {
      part.hidden = !now.values && output === undefined;
      part.inert = output === undefined;
    }
  }
  function showSettings() {
    kind.show(asked.transposed ? "transposed" : "convolution");
    dimensions.show(String(asked.dimensions));
    views.show(asked.view);
    views.buttons[2].hidden = !asked.transposed;
    for (const name of NUMBERS) if (!(name in refused)) fields[name].show(asked[name]);
    const { field, input, more } = fields.output_padding;
    for (const control of field.querySelectorAll("input, button")) control.disabled = !asked.transposed;
    input.max = Math.max(asked.stride, asked.dilation, 1) - 1;
    if (asked.output_padding >= input.max) more.disabled = true;
    more.title = asked.transposed && !trouble ? paddingRule(asked, Number(input.max) + 1) : "";
    fields.size.label.textContent = `input ${asked.transposed ? "m" : "n"}`;
  }
  function showSize(settings, output) {
    [letters.textContent, live.textContent, floor.textContent] = formula(settings, output);
    code.textContent = torchLine(settings);
  }
  function showResult() {
    const shape = JSON.stringify([NUMBERS.map((name) => state[name]), state.transposed,
      state.dimensions, state.view === "zeros"]);
    if (known.grids !== shape) makeGrids();
    known.grids = shape;
    showNumbers();
    note.textContent = paddingWords(state);
    if (known.matrix !== shape + JSON.stringify(now.kernel)) makeMatrix();
    known.matrix = shape + JSON.stringify(now.kernel);
    const way = wayBack(state, now);
    backWords.textContent = way.words;
    goBack.hidden = !way.settings || way.settings.size > LARGEST.size;
  }

  for (const name of names) model.on(`change:${name}`, soon);
  const watch = new ResizeObserver(fit);
  watch.observe(stage);
  showPlay();
  update();
  return () => {
    stop();
    watch.disconnect();
    for (const name of names) model.off(`change:${name}`, soon);
  };
}

const CSS = `
[hidden] { display: none !important; }
.bar { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; margin-bottom: 0.6rem; font-size: 0.9rem; }
.settings { display: grid; grid-template-columns: repeat(auto-fit, minmax(5.4rem, 1fr));
  gap: 0.5rem 0.7rem; margin-bottom: 0.7rem; }
.player { display: flex; gap: 0.3rem; align-items: center; flex: 1 1 14rem; }
.player input { flex: 1; min-width: 5rem; accent-color: var(--accent); }
.player button { min-width: 2.2rem; padding: 0; }
.stage { display: flex; flex-wrap: wrap; gap: 1rem 1.8rem; align-items: center;
  justify-content: center; padding: 0.5rem 0; }
.name { white-space: nowrap; }
.grids .grid { width: fit-content; max-width: 100%; margin: auto; }
.grids { max-width: 100%; display: flex; flex-wrap: wrap; align-items: center;
  justify-content: center; gap: 0.4rem; }
.strips { max-width: 100%; }
.strips .arrow { display: none; }
.strips .name { text-align: left; }
.strips .figure:nth-child(3) .row { margin-left: calc(var(--shift, 0) * (var(--cell) - 1px)); }
.strips .figure:nth-child(3) .cell + .cell {
  margin-left: calc((var(--dilation) - 1) * (var(--cell) - 1px)); }
.two-rows .figure:last-child { flex-basis: 100%; }
.two-rows .arrow:nth-child(4), .stacked .arrow { display: none; }
.arrow { font-size: 1.3rem; color: var(--quiet); }
.name { font-size: 0.8rem; color: var(--quiet); text-align: center; }
.row { display: flex; width: max-content; padding-right: 1px; }
.figure { max-width: 100%; }
.grid { padding: 3px 3px 4px; }
.grid.wide { overflow-x: auto; }
.cell { flex: none; width: var(--cell); height: var(--cell);
  margin: 0 -1px -1px 0; border: 1px solid var(--line); display: grid; place-items: center;
  font-size: min(max(9px, calc(var(--cell) * 0.42)), calc(var(--cell) * 1.6 / var(--letters, 1))); }
.cell > * { grid-area: 1 / 1; }
.cell input { width: 100%; height: 100%; min-height: 0; padding: 0; border: 0; text-align: center;
  background: none; border-radius: 0; }
.cell input[aria-invalid="true"] { text-decoration: underline wavy #d55e00; }
.outside { border-style: dashed; color: var(--quiet); }
.between { border-style: dotted; }
.extra { border: 3px solid currentColor; z-index: 1; }
.unused { background: none !important; }
.at { z-index: 2; outline: 2px solid currentColor;
  background: color-mix(in srgb, currentColor 16%, transparent); }
.cell:focus-visible, .cell input:focus-visible { outline: 3px solid var(--accent); z-index: 3; }
small { place-self: start; padding-left: 2px; line-height: 1.3;
  font-size: min(calc(var(--cell) * 0.27), calc(var(--cell) * 1.5 / var(--letters, 1)));
  display: none; pointer-events: none; }
.roomy small { display: block; }
.matrix svg { display: block; max-width: 100%; height: auto; margin: auto; touch-action: pan-y; }
.matrix text { text-anchor: middle; fill: currentColor; }
.lines { stroke: var(--line); stroke-opacity: 0.6; fill: none; }
.band { fill: none; stroke: currentColor; }
.told { min-height: 3.3em; }
.told p { margin: 0; }
@media (max-width: 600px) { .told { min-height: 4.4em; } }
[inert] { opacity: 0.4; }
.reset { margin-left: auto; border-color: transparent; color: var(--quiet); }
.formula span:first-child { color: var(--quiet); }
.formula b { font-weight: 600; }
.line { display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; align-items: center; }
.line button { font-size: 0.85rem; }
code { font-size: 0.85rem; overflow-wrap: anywhere; }
@media (prefers-reduced-motion: no-preference) {
  .strips .figure:nth-child(3) .row { transition: margin-left 0.15s; }
}
`;

export { operate };
export default { render };
