// Explorer "NoiseAndAxes": a code of two numbers that is turned, and what noise on it costs.

/** The two filters, along the principal directions, when the code is turned by `angle` degrees. */
function filtersOf({ spreads: [long, short], angle }) {
  const [c, s] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  return [[c * long, s * short], [-s * long, c * short]];
}

/** What the noise on each number adds to the squared error: σ² times its filter's squared length. */
const costs = (s) => filtersOf(s).map((filter, k) => s.noise[k] ** 2 * dot(filter, filter));
const costAt = (s, angle) => costs({ ...s, angle }).reduce((sum, cost) => sum + cost);

function problemOf(s) {
  const isRow = (row, length) => Array.isArray(row) && row.length === length && row.every(Number.isFinite);
  if (!isRow(s.spreads, 2) || Math.min(...s.spreads) <= 0)
    return `spreads: expected two positive numbers, not ${shown(s.spreads)}.`;
  const points = s.directions?.[0]?.length;
  if (!Array.isArray(s.directions) || s.directions.length !== 2 || !s.directions.every((one) => isRow(one, points)))
    return `directions: expected two rows of one length, not ${shown(s.directions)}.`;
  if (!Array.isArray(s.dots) || !s.dots.every((dot) => isRow(dot, 2)))
    return `dots: expected two coordinates of each, not ${shown(s.dots)}.`;
  if (!isRow(s.noise, 2) || Math.min(...s.noise) < 0)
    return `noise: expected two numbers of at least 0, not ${shown(s.noise)}.`;
  if (!Number.isFinite(s.angle) || s.angle < 0 || s.angle > 180)
    return `angle: expected a number from 0 to 180, not ${shown(s.angle)}.`;
  return "";
}

// From here on: how it is shown.

const NAMES = ["spreads", "directions", "dots", "noise", "angle"];
const NOISE = [0, 0.05, 0.1, 0.2, 0.3, 0.4];
const ANGLES = range(0, 61).map((i) => 3 * i); // where the curve of costs has its points
const KEYS = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 15, PageDown: -15,
  Home: -Infinity, End: Infinity };
const [WIDTH, MARGIN] = [320, 16]; // of the ellipse's picture, and the room for a handle at its edge
const [LEFT, ACROSS, FLOOR, UPWARDS] = [34, 250, 130, 115]; // the axes of the curve of costs

function render({ model, el }) {
  const section = enclose(el, "Explorer: noise and axes", CURVES + CSS);
  const problem = make("p", { class: "problem", role: "status" });
  const stage = make("div");
  section.append(problem, stage);
  let [state, parts] = [null, null];
  const set = setter(model);
  const turn = (degrees) => set({ angle: Math.round(Math.min(Math.max(degrees, 0), 180)) });

  function build() {
    const angle = slider("turned by:", { low: 0, high: 180, step: 1 }, turn, (value) => `${value}°`);
    const [ellipse, place, far] = plane();
    const cost = costPicture();
    const columns = [0, 1].map((k) => {
      const path = make("path", { class: "filter" });
      const { svg, say } = picture(200, 60, make("path", { class: "zero", d: "M3 30h194" }), path);
      const noise = stops(`noise on number ${k + 1}:`, NOISE, (value) =>
        set({ noise: state.noise.map((old, i) => (i === k ? value : old)) }));
      return { path, say, noise, column: make("div", { style: `--hue: ${HUES[k]}` },
        make("p", { class: "name" }, make("b", {}, `filter ${k + 1}`), " as a curve"), svg, noise.field) };
    });
    const told = make("p", { "aria-live": "polite" });
    parts = { angle, ellipse, place, far, cost, columns, told };
    stage.replaceChildren(make("div", { class: "pictures" },
      make("div", {}, make("p", { class: "name" }, "Dots: the data. The ellipse reaches one standard deviation " +
        "along each principal direction. Lines: the two filters. Drag an end."), ellipse.svg, angle.field),
      make("div", {}, make("p", { class: "name" }, "What the noise adds to the squared error at each angle: the " +
        "shares of filters 1 and 2, stacked."), cost.svg)),
      make("div", { class: "columns" }, ...columns.map((one) => one.column)), told);
  }

  /** The data's plane: its ellipse, and the filters as arrows that end on it. */
  function plane() {
    const reach = [0, 1].map((axis) => Math.max(1.2 * state.spreads[axis],
      ...state.dots.map((dot) => Math.abs(dot[axis]))));
    const unit = (WIDTH / 2 - MARGIN) / reach[0];
    const height = 2 * (unit * reach[1] + MARGIN);
    const place = ([x, y]) => [WIDTH / 2 + unit * x, height / 2 - unit * y];
    const [rx, ry] = state.spreads.map((spread) => unit * spread);
    const arrows = [0, 1].map((k) => {
      const style = `--hue: ${HUES[k]}`;
      const line = make("path", { class: "filter", style });
      const letter = make("text", { class: "letter", "aria-hidden": "true" }, k + 1);
      const node = make("rect", { class: "end", style, width: 26, height: 26, rx: 13, role: "slider",
        "aria-label": `filter ${k + 1}`, "aria-valuemin": 0, "aria-valuemax": 180 });
      movable(node, ([right, down]) => turn(angleAt(k, [right * WIDTH - WIDTH / 2, height * (0.5 - down)])), KEYS,
        (by) => turn(state.angle + by));
      return { line, letter, node };
    });
    const svg = make("svg", { role: "group", "aria-label": "the data and the two filters",
      viewBox: `0 0 ${WIDTH} ${height}` },
      make("path", { class: "dot", d: dotted(state.dots.map(place)) }),
      make("path", { class: "zero", d: `M4 ${height / 2}h${WIDTH - 8}M${WIDTH / 2} 4v${height - 8}` }),
      make("path", { class: "ink", d: `M${WIDTH / 2 - rx} ${height / 2}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} ` +
        `0 1 0 ${-2 * rx} 0` }),
      make("text", { x: WIDTH - 4, y: height / 2 - 5, "text-anchor": "end" }, "direction 1"),
      make("text", { x: WIDTH / 2 + 5, y: 12 }, "direction 2"),
      ...arrows.flatMap((arrow) => [arrow.line, arrow.node, arrow.letter]));
    // A curve's height is largest where both directions are, over all turns.
    const far = Math.max(...state.directions[0].map((one, i) =>
      Math.hypot(state.spreads[0] * one, state.spreads[1] * state.directions[1][i])));
    return [{ svg, arrows }, place, far];
  }
  /** The angle that takes filter `k` to this place of the picture; beyond half a turn, the nearer end. */
  function angleAt(k, [right, up]) {
    const [x, y] = [right / state.spreads[0], up / state.spreads[1]];
    const degrees = ((k ? Math.atan2(-x, y) : Math.atan2(y, x)) * 180) / Math.PI;
    return degrees < -90 ? 180 : degrees;
  }

  function costPicture() {
    const shares = [0, 1].map((k) => make("path", { class: "share", style: `--hue: ${HUES[k]}` }));
    const [line, now, at] = ["ink", "now", "at"].map((name) => make("path", { class: name }));
    const top = make("text", { x: LEFT - 4, y: FLOOR - UPWARDS + 4, "text-anchor": "end" });
    const ticks = range(0, 5).map((i) =>
      make("text", { x: LEFT + (ACROSS * i) / 4, y: FLOOR + 16, "text-anchor": "middle" }, `${45 * i}°`));
    const { svg, say } = picture(300, 150, ...shares, make("path", { class: "zero", d: `M${LEFT} ${FLOOR}h${ACROSS}` }),
      line, now, at, top, make("text", { x: LEFT - 4, y: FLOOR, "text-anchor": "end" }, "0"), ...ticks);
    return { svg, say, shares, line, now, at, top };
  }

  function draw() {
    const { angle, ellipse, place, far, cost, columns, told } = parts;
    const [filters, added] = [filtersOf(state), costs(state)];
    const lengths = filters.map((filter) => Math.sqrt(dot(filter, filter)));
    angle.show(state.angle);
    ellipse.arrows.forEach(({ line, letter, node }, k) => {
      const [x, y] = place(filters[k]);
      line.setAttribute("d", joined([place([0, 0]), [x, y]]));
      Object.entries({ x, y: y + 4 }).forEach((pair) => letter.setAttribute(...pair));
      Object.entries({ x: x - 13, y: y - 13, "aria-valuenow": state.angle,
        "aria-valuetext": `${state.angle}°, ${lengths[k].toFixed(2)} long` })
        .forEach((pair) => node.setAttribute(...pair));
    });
    columns.forEach(({ path, say, noise }, k) => {
      const curve = state.directions[0].map((one, i) => filters[k][0] * one + filters[k][1] * state.directions[1][i]);
      path.setAttribute("d", joined(curve.map((value, i) =>
        [3 + (194 * i) / (curve.length - 1), 30 - (28 * value) / far])));
      say(`filter ${k + 1} as a curve: ${curve.map((value) => written(Math.round(value * 100) / 100))}`);
      noise.show(state.noise[k]);
    });
    drawCost(cost, added);
    told.textContent = `Turned by ${state.angle}°: ` + [0, 1].map((k) =>
      `filter ${k + 1} is ${lengths[k].toFixed(2)} long, and its noise adds ${added[k].toPrecision(2)}`).join("; ") +
      `. Together ${(added[0] + added[1]).toPrecision(3)}.${verdict(added[0] + added[1])}`;
  }
  /** The curve over all angles, and the present one. */
  function drawCost({ shares, line, now, at, top, say }, added) {
    const all = ANGLES.map((angle) => costs({ ...state, angle }));
    const most = Math.max(...all.map(([one, two]) => one + two));
    const x = (angle) => LEFT + (ACROSS * angle) / 180;
    const y = (value) => FLOOR - (UPWARDS * value) / (most || 1);
    const under = (values) => ANGLES.map((angle, i) => [x(angle), y(values[i])]);
    const floors = [all.map(() => 0), all.map(([one]) => one), all.map(([one, two]) => one + two)];
    shares.forEach((share, k) =>
      share.setAttribute("d", `${joined([...under(floors[k + 1]), ...under(floors[k]).reverse()])}Z`));
    line.setAttribute("d", joined(under(floors[2])));
    now.setAttribute("d", `M${x(state.angle)} ${FLOOR}V${FLOOR - UPWARDS - 6}`);
    at.setAttribute("d", dotted([[x(state.angle), y(added[0] + added[1])]]));
    top.textContent = most.toPrecision(2);
    say(`over the angle, the noise adds ${[0, 45, 90, 135, 180].map((angle) =>
      `${costAt(state, angle).toPrecision(2)} at ${angle}°`).join(", ")}`);
  }
  function verdict(cost) {
    const [one, two] = [costAt(state, 0), costAt(state, 90)]; // its extremes
    const same = 1e-9 * Math.max(one, two);
    if (Math.abs(one - two) <= same) return " Every angle costs as much.";
    return cost - Math.min(one, two) <= same ? " No angle costs less." : "";
  }

  return follow(model, NAMES, problem, stage, problemOf, (next) => {
    const same = state && ["spreads", "directions", "dots"].every((name) => next[name] === state[name]);
    state = next;
    if (!same) build();
    draw();
  });
}

const CSS = `
.pictures, .columns { display: grid; grid-template-columns: 1fr 1fr; gap: 0.6rem 2rem; }
.columns { margin-top: 0.6rem; }
.name { margin: 0; font-size: 0.85rem; color: var(--quiet); }
text { stroke: var(--paper); stroke-width: 3px; paint-order: stroke; }
.dot { stroke: var(--line); stroke-width: 4; }
.filter { stroke: var(--hue); stroke-width: 3; }
.end { fill: var(--paper); stroke: var(--hue); stroke-width: 2; cursor: grab; touch-action: none; }
.letter { font-size: 12px; font-weight: 600; fill: currentColor; stroke: none; text-anchor: middle;
  pointer-events: none; }
.share { fill: color-mix(in srgb, var(--hue) 45%, transparent); stroke: none; }
.now { stroke: var(--accent); }
.at { stroke: var(--accent); stroke-width: 11; }
@media (max-width: 600px) { .pictures { grid-template-columns: 1fr; } .columns { gap: 0.5rem; } }
`;

export { costs, filtersOf };
export default { render };
