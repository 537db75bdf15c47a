// Curves in small panels, and sliders: what the explorers of chapters 6 and 7 share.

const range = (from, to) => Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** An error, which is small: 1.2 · 10⁻⁴. */
const scientific = (value) => value.toExponential(1).replace(/e-(\d+)/, (_, n) => " · 10" +
  [...`-${n}`].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("")).replace("e+0", "");

/** Points of [x, y] as a path: joined, or each a dot of its own (a line of no length). */
const joined = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
const dotted = (points) => points.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");

/** A picture with a name that can change: `say` is what it tells to who does not see it. */
function picture(width, height, ...parts) {
  const svg = make("svg", { role: "img", viewBox: `0 0 ${width} ${height}` }, ...parts);
  return { svg, say: (words) => svg.setAttribute("aria-label", words) };
}

/** A slider, its name above it and its value beside that; `change` gets the number. */
function slider(name, { low, high, step }, change, words = written) {
  const input = make("input", { type: "range", min: low, max: high, step });
  const value = make("b");
  const field = make("label", { class: "slider" }, make("span", {}, name, " ", value), input);
  input.addEventListener("input", () => change(Number(input.value)));
  const show = (number, at = number) => {
    input.value = at;
    value.textContent = words(number);
    input.setAttribute("aria-valuetext", words(number));
  };
  return { field, input, show };
}

/** A slider that stops at these numbers only; any other number stands at the nearest stop. */
function stops(name, numbers, change) {
  const near = (value) => {
    const off = numbers.map((stop) => Math.abs(Math.log((stop + 1e-9) / (value + 1e-9))));
    return off.indexOf(Math.min(...off));
  };
  const parts = slider(name, { low: 0, high: numbers.length - 1, step: 1 },
    (place) => change(numbers[place]), String);
  return { ...parts, show: (value) => parts.show(value, near(value)) };
}

const CURVES = `
[hidden] { display: none !important; }
.bar { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: end; margin-bottom: 0.6rem; }
.three { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.6rem 1rem; }
.slider { display: block; font-size: 0.85rem; }
.slider span { color: var(--quiet); }
.slider b { color: var(--pst-color-text-base, inherit); font-weight: 600; white-space: nowrap; }
.slider input { display: block; width: 100%; min-width: 0; height: 1.8rem; margin: 0; cursor: pointer;
  accent-color: var(--accent); }
svg { display: block; width: 100%; height: auto; overflow: visible; }
path { fill: none; stroke-linecap: round; stroke-linejoin: round; stroke-width: 2;
  vector-effect: non-scaling-stroke; }
.zero { stroke: var(--line); stroke-width: 1; }
.target { stroke: var(--quiet); stroke-dasharray: 1 4; }
.dots { stroke: var(--quiet); stroke-width: 5; }
.ink { stroke: currentColor; }
text { font-size: 11px; fill: var(--quiet); }
@media (max-width: 600px) { .three { gap: 0.5rem; } }
`;
