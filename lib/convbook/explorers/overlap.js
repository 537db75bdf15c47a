// Explorer "Overlap": how many stamps of a transposed convolution reach each cell of its output.

const MOST = { kernel: 9, stride: 6, size: 8 };
const REMEDIES = {
  none: "as it is",
  divide: "divide by the counts",
  resize: "resize, then convolve",
  average: "average neighbours after",
};

const SIDE = 280; // of a picture in 2-D, in pixels
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
  const set = setter(model);
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
  const words = make("div", { class: "words" }, problem, pattern, waves, advice, tries);
  section.append(
    make("div", { class: "bar" }, ...Object.values(fields).map((f) => f.field), dimensions.group),
    make("div", { class: "bar" }, remedies.group), stage, words);

  /** Each stamp on a line of its own, and below them the map; `most` cells wide. */
  function strip(s, { map }, most) {
    const [unit, top] = [26, 90];
    const plain = s.remedy !== "resize";
    const [many, apart] = plain ? [s.size, s.stride] : [s.size * s.stride, 1];
    const rise = Math.min(12, (top - 6) / many);
    const stamps = range(0, many).map((i) => make("rect", { x: i * apart * unit + 1, y: i * rise,
      width: s.kernel * unit - 2, height: 0.85 * rise, style: `fill: ${tint(HUES[i % 6], 60)}` }));
    const high = Math.max(...map);
    const cells = map.flatMap((count, i) => [
      make("rect", { x: i * unit, y: top, width: unit, height: unit, class: "cell",
        style: `fill: ${tint(HUES[0], (60 * count) / high)}` }),
      make("text", { x: (i + 0.5) * unit, y: top + 18 }, short(count))]);
    return picture(most * unit, top + unit, [...stamps, ...cells],
      `${many} stamps of ${s.kernel} cells, ${apart} apart; on the cells below them lie ` +
      `${map.map(short).join(", ")}`);
  }
  function square(s, { map }, most) {
    const unit = Math.min(24, SIDE / most);
    const high = Math.max(...map) ** 2;
    const cells = map.flatMap((a, r) => map.flatMap((b, c) => {
      const place = { x: c * unit, y: r * unit };
      const rect = make("rect", { ...place, width: unit, height: unit, class: "cell",
        style: `fill: ${tint(HUES[0], (60 * a * b) / high)}` });
      if (unit < 18) return [rect];
      return [rect, make("text", { x: place.x + unit / 2, y: place.y + unit / 2 + 4 }, short(a * b))];
    }));
    return picture(most * unit, most * unit, cells,
      `${map.length} by ${map.length} cells; each has the product of its row's and its column's ` +
      `number: ${map.map(short).join(", ")}`);
  }

  /** As it is, and beside or below it, in the same cells, what the remedy makes of it. */
  function draw(s, before, after) {
    const both = s.remedy === "none" ? [before] : [before, after];
    const most = Math.max(...both.map(({ map }) => map.length));
    const pictures = both.map((one, i) => make("figure", {},
      make("figcaption", {}, i ? `remedy: ${REMEDIES[s.remedy]}` : "as it is"),
      (s.dimensions === 2 ? square : strip)(i ? s : { ...s, remedy: "none" }, one, most)));
    if (s.remedy === "none")
      pictures.push(make("figure", {}, make("figcaption", {}, "Choose a remedy: its picture stands here.")));
    stage.className = s.dimensions === 2 ? "stage squares" : "stage";
    stage.replaceChildren(...pictures);
  }
  const short = (value) => String(Number(value.toFixed(1)));
  const picture = (width, height, parts, label) => make("svg", { role: "img", "aria-label": label,
    viewBox: `-1 -1 ${width + 2} ${height + 2}`, style: `width: ${width + 2}px` }, ...parts);

  const isEven = (inner) => inner.every((value) => Math.abs(value - inner[0]) < 1e-9);

  /** What cells away from the edges hold. */
  function inside(s, inner) {
    const two = s.dimensions === 2;
    if (isEven(inner)) return `every cell has ${short(inner[0] ** s.dimensions)}, so the map is even there`;
    if (!two) return `the map repeats every ${s.stride} cells: ${inner.map(short).join(", ")}`;
    const rows = inner.map((a) => inner.map((b) => short(a * b)).join(" "));
    const ends = [Math.min(...inner) ** 2, Math.max(...inner) ** 2].map(short);
    return `the map repeats every ${s.stride} by ${s.stride} cells: ` +
      (s.stride > 3 ? `from ${ends[0]} to ${ends[1]}` : rows.join(" / ")) +
      ", each its row's count times its column's";
  }

  function tell(s, before, after) {
    const far = (s.size - 1) * s.stride - s.kernel + 2 > 0; // some cell is away from both edges
    const where = `${far ? "" : "with more input cells, "}away from the edges ${inside(s, before.inner)}.`;
    pattern.textContent = s.remedy === "none" ? where[0].toUpperCase() + where.slice(1)
      : `As it is, ${where} With the remedy ${inside(s, after.inner)}.`;
    const strong = after.strengths.filter(([, share]) => share > 1e-9);
    const all = strong.map(([cycles, share]) => [`A wave of ${cycles} in ${s.stride} cells`, share]);
    if (s.dimensions === 2 && strong.length)
      all.push(["Both ways at once", Math.max(...strong.map(([, share]) => share)) ** 2]);
    waves.replaceChildren(...(all.length ? all.map(([name, share]) =>
      make("span", { class: "wave" }, `${name}: ${Math.round(share * 100)} % of the mean`,
        make("span", { class: "strength", style: `width: ${share * 6}em` })))
      : ["No pattern is left inside."]));
    if (s.dimensions === 2 && all.length) waves.prepend("Along rows, and as much along columns: ");
    const lower = Math.floor(s.kernel / s.stride) * s.stride;
    const better = [lower, lower + s.stride].filter((k) => k >= 1 && k <= MOST.kernel);
    const holes = s.kernel < s.stride;
    const advices = {
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
    advice.textContent = advices[s.remedy];
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
    const wrong = problemOf(state);
    problem.textContent = wrong;
    problem.hidden = !wrong;
    for (const part of [pattern, waves, advice, tries]) part.hidden = Boolean(wrong);
    stage.classList.toggle("old", Boolean(wrong)); // the last picture stays, so that nothing jumps
    if (wrong) return;
    const [before, after] = [{ ...state, remedy: "none" }, state].map(overlap);
    draw(state, before, after);
    tell(state, before, after);
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
/* The box keeps its height, whatever is set, so that the page below stays where it is. */
.stage { height: 20rem; display: flex; flex-direction: column; gap: 0.4rem; }
.stage.squares { flex-direction: row; gap: 1rem; }
.stage.old { opacity: 0.35; }
.words { min-height: 12.7rem; }
figure { margin: 0; flex: 1 1 0; min-width: 0; }
figcaption { font-size: 0.85rem; color: var(--quiet); }
svg { display: block; max-width: 100%; height: auto; }
.cell { stroke: var(--line); }
text { font-size: 12px; text-anchor: middle; fill: currentColor; }
.wave { display: inline-block; margin-right: 1.4em; }
.strength { display: block; height: 0.4em; border-radius: 2px; background: var(--accent); }
.tries { display: flex; gap: 0.6rem; }
@media (max-width: 600px) { .words { min-height: 20rem; } }
`;

export { overlap };
export default { render };
