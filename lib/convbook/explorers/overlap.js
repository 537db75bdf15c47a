// Explorer "Overlap": how many stamps of a transposed convolution reach each cell of its output.

const MOST = { kernel: 9, stride: 6, size: 8 };
const REMEDIES = {
  none: "as it is",
  divide: "divide by the counts",
  resize: "resize, then convolve",
  average: "average neighbours after",
};

const WORDS = { kernel: "kernel", stride: "stride", size: "input cells" };

const range = (from, to) => Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);

function problemOf(s) {
  for (const [name, most] of Object.entries(MOST)) {
    if (!isWhole(s[name], 1))
      return `${WORDS[name]}: expected a whole number of at least 1, not ${shown(s[name])}.`;
    if (s[name] > most)
      return `${WORDS[name]} ${s[name]}: possible, but too much to draw; here it goes up to ${most}.`;
  }
  if (s.dimensions !== 1 && s.dimensions !== 2)
    return `dimensions: expected 1 or 2, not ${shown(s.dimensions)}.`;
  if (!(s.remedy in REMEDIES))
    return `remedy: expected one of ${Object.keys(REMEDIES).join(", ")}, not ${shown(s.remedy)}.`;
  return "";
}

/** Stamps of ones: how many of them reach each cell. */
function counts(kernel, stride, size) {
  const map = Array((size - 1) * stride + kernel).fill(0);
  for (let i = 0; i < size; i++) for (let t = 0; t < kernel; t++) map[i * stride + t] += 1;
  return map;
}

/** The map along one axis, with the remedy, and its inner part, which repeats. */
function overlap({ kernel, stride, size, remedy }) {
  const plain = counts(kernel, stride, size);
  const maps = {
    none: () => plain,
    divide: () => plain.map((count) => (count ? 1 : 0)),
    resize: () => counts(kernel, 1, size * stride),
    average: () => {
      // A window of `stride` cells, past both ends, so that every phase is in it once.
      const at = (i) => plain[i] ?? 0;
      return range(0, plain.length + stride - 1).map(
        (i) => range(0, stride).reduce((sum, j) => sum + at(i - j), 0) / stride,
      );
    },
  };
  // Inside, the pattern depends on the phase alone: the taps that fall on it.
  const phases = range(0, stride).map((phase) => Math.ceil((kernel - phase) / stride));
  const inner = {
    none: phases,
    divide: phases.map((count) => (count > 0 ? 1 : 0)),
    resize: phases.map(() => kernel),
    average: phases.map(() => kernel / stride),
  }[remedy].map((value) => Math.max(value, 0));
  return { map: maps[remedy](), inner, strengths: strengths(inner) };
}

/** How strong the inner pattern's waves are, as shares of its mean: [cycles a period, share]. */
function strengths(inner) {
  const n = inner.length;
  const mean = inner.reduce((a, b) => a + b, 0) / n;
  return range(1, Math.floor(n / 2) + 1).map((cycles) => {
    const part = (wave) =>
      inner.reduce((sum, value, i) => sum + value * wave((2 * Math.PI * cycles * i) / n), 0) / n;
    return [cycles, Math.hypot(part(Math.cos), part(Math.sin)) / mean];
  });
}

const NAMES = ["kernel", "stride", "size", "dimensions", "remedy"];

function render({ model, el }) {
  const section = enclose(el, "Explorer: overlap of stamps", CSS);
  const refused = {};
  const set = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  };
  const fields = Object.fromEntries(Object.keys(MOST).map((name) => [name,
    whole(WORDS[name], (value) => {
      delete refused[name];
      if (Number.isInteger(value)) set({ [name]: value });
      else refused[name] = value;
      update();
    })]));
  for (const [name, most] of Object.entries(MOST))
    Object.assign(fields[name].input, { min: 1, max: most });
  const dimensions = choice("dimensions", [["1", "1-D"], ["2", "2-D"]], (value) =>
    set({ dimensions: Number(value) }));
  const remedies = choice("remedy", Object.entries(REMEDIES), (remedy) => set({ remedy }));
  const problem = make("p", { class: "problem", role: "status" });
  const stage = make("div", { class: "stage" });
  const [pattern, waves, advice] = ["pattern", "waves", "advice"].map((name) => make("p", { class: name }));
  pattern.setAttribute("aria-live", "polite");
  const tries = make("p", { class: "tries" });
  section.append(
    make("div", { class: "bar" }, ...Object.values(fields).map((f) => f.field), dimensions.group),
    make("div", { class: "bar" }, remedies.group),
    problem, stage, pattern, waves, advice, tries);

  /** Each stamp on a line of its own, and below them the map. */
  function strip(s, { map }) {
    const unit = 26;
    const plain = s.remedy !== "resize";
    const [many, apart] = plain ? [s.size, s.stride] : [s.size * s.stride, 1];
    const rise = Math.min(12, 110 / many);
    const stamps = range(0, many).map((i) => make("rect", { x: i * apart * unit + 1, y: i * rise,
      width: s.kernel * unit - 2, height: rise - 1.5, rx: 2, style: `fill: ${tint(HUES[i % 6], 60)}` }));
    const top = many * rise + 6;
    const high = Math.max(...map);
    const cells = map.flatMap((count, i) => [
      make("rect", { x: i * unit, y: top, width: unit, height: unit, class: "cell",
        style: `fill: ${tint(HUES[0], (60 * count) / high)}` }),
      make("text", { x: (i + 0.5) * unit, y: top + 18 }, short(count))]);
    return picture(map.length * unit, top + unit, [...stamps, ...cells],
      `${many} stamps of ${s.kernel} cells, ${apart} apart; on the cells below them lie ` +
      `${map.map(short).join(", ")}`);
  }
  function square(s, { map }) {
    const unit = Math.max(8, Math.min(24, Math.floor(520 / map.length)));
    const high = Math.max(...map) ** 2;
    const cells = map.flatMap((a, r) => map.flatMap((b, c) => {
      const place = { x: c * unit, y: r * unit };
      const rect = make("rect", { ...place, width: unit, height: unit, class: "cell",
        style: `fill: ${tint(HUES[0], (60 * a * b) / high)}` });
      if (unit < 22) return [rect];
      return [rect, make("text", { x: place.x + unit / 2, y: place.y + 16 }, short(a * b))];
    }));
    return picture(map.length * unit, map.length * unit, cells,
      `${map.length} by ${map.length} cells; each has the product of its row's and its column's ` +
      `number: ${map.map(short).join(", ")}`);
  }
  const short = (value) => String(Number(value.toFixed(1)));
  const picture = (width, height, parts, label) => make("svg", { role: "img", "aria-label": label,
    viewBox: `-1 -1 ${width + 2} ${height + 2}`, style: `width: ${width + 2}px` }, ...parts);

  function tell(s, { inner, strengths: all }) {
    const even = inner.every((value) => Math.abs(value - inner[0]) < 1e-9);
    const list = inner.map(short).join(", ");
    const inside = (s.size - 1) * s.stride - s.kernel + 2; // cells away from both edges
    pattern.textContent = inside < 1 ? "With so few input cells no cell lies away from the edges. With more: "
      : "";
    pattern.textContent += even
      ? `Away from the edges every cell has ${short(inner[0])}: the map is even there.`
      : `Away from the edges the map repeats every ${s.stride} cells: ${list}.` +
        (s.dimensions === 2 ? " In two dimensions rows and columns multiply." : "");
    const strong = all.filter(([, share]) => share > 1e-9);
    waves.replaceChildren(...(even ? ["No wave is left inside."] : strong.flatMap(([cycles, share]) => [
      make("span", { class: "wave" },
        `A wave of ${cycles} in ${s.stride} cells, ${Math.round(share * 100)} % of the mean`,
        make("span", { class: "strength", style: `width: ${share * 6}em` }))])));
    const lower = Math.floor(s.kernel / s.stride) * s.stride;
    const better = [lower, lower + s.stride].filter((k) => k >= 1 && k <= MOST.kernel);
    const holes = s.kernel < s.stride;
    const words = {
      none: s.kernel % s.stride === 0
        ? "The kernel is a multiple of the stride, so every phase has as many weights. The weights that a " +
          "layer learns can still differ from phase to phase."
        : holes ? "The stride is larger than the kernel: no stamp reaches the cells between. They are holes."
        : `${s.kernel} is no multiple of ${s.stride}, so some cells get one stamp more than others.`,
      divide: holes ? "Division cannot fill a hole: where no stamp falls there is nothing to divide."
        : "Each cell is divided by its number of stamps. That evens out the count, edges included.",
      resize: `Every input cell is copied to ${s.stride} cells, and an ordinary convolution follows: ` +
        "a stamp begins at every cell.",
      average: `An average over ${s.stride} neighbours contains each phase once, and so removes every ` +
        "wave of this pattern, and some sharpness with it.",
    };
    advice.textContent = words[s.remedy];
    const offers = s.remedy === "none" && s.kernel % s.stride ? better : [];
    tries.replaceChildren(...offers.map((kernel) =>
      make("button", { type: "button", onclick: () => set({ kernel }) }, `try kernel ${kernel}`)));
  }

  function update() {
    const state = Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
    Object.assign(state, refused);
    for (const name of Object.keys(MOST)) if (!(name in refused)) fields[name].show(state[name]);
    dimensions.show(String(state.dimensions));
    remedies.show(state.remedy);
    const words = problemOf(state);
    problem.textContent = words;
    problem.hidden = !words;
    for (const part of [stage, pattern, waves, advice, tries]) part.hidden = Boolean(words);
    if (words) return;
    const now = overlap(state);
    stage.replaceChildren((state.dimensions === 2 ? square : strip)(state, now));
    tell(state, now);
  }
  for (const name of NAMES) model.on(`change:${name}`, update);
  update();
  return () => NAMES.forEach((name) => model.off(`change:${name}`, update));
}

const CSS = `
[hidden] { display: none !important; }
.bar { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: end; margin-bottom: 0.6rem;
  font-size: 0.9rem; }
.whole { width: 7rem; }
.stage { padding: 0.4rem 0; overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; margin: auto; }
.cell { stroke: var(--line); }
text { font-size: 12px; text-anchor: middle; fill: currentColor; }
.wave { display: inline-block; margin-right: 1.4em; }
.strength { display: block; height: 0.4em; border-radius: 2px; background: var(--accent); }
.advice { min-height: 2.9em; }
.tries { display: flex; gap: 0.6rem; }
`;

export { overlap };
export default { render };
