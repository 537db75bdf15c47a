// Explorer "Reconstructions": two versions of a photograph on either side of a line that can be moved.

const isShare = (value) => Number.isFinite(value) && value >= 0 && value <= 1;

function problemOf(s) {
  if (!Array.isArray(s.names) || s.names.length < 2 || !s.names.every((name) => typeof name === "string"))
    return `names: expected at least two, not ${shown(s.names)}.`;
  const isTable = (table, columns) => Array.isArray(table) && table.length === s.names.length &&
    table.every((row) => Array.isArray(row) && row.length === columns && row.every(Number.isFinite));
  if (!isTable(s.errors, s.errors?.[0]?.length) || !s.errors[0].length)
    return `errors: expected a row of numbers for each name, not ${shown(s.errors)}.`;
  if (!Array.isArray(s.overall) || !isTable(s.overall.map((one) => [one]), 1))
    return `overall: expected a number for each name, not ${shown(s.overall)}.`;
  if (typeof s.sheet !== "string" || !/^data:image\/png;base64,[\w+/]+=*$/.test(s.sheet))
    return "sheet: expected a PNG within the page.";
  for (const [name, count] of [["photo", s.errors[0].length], ["left", s.names.length], ["right", s.names.length]])
    if (!isWhole(s[name], 0) || s[name] >= count)
      return `${name}: expected a whole number below ${count}, not ${shown(s[name])}.`;
  if (!isShare(s.line)) return `line: expected a number from 0 to 1, not ${shown(s.line)}.`;
  return "";
}

const NAMES = ["sheet", "names", "errors", "overall", "photo", "left", "right", "line"];

function render({ model, el }) {
  const section = enclose(el, "Explorer: photographs and what codes keep of them", CURVES + CSS);
  const problem = make("p", { class: "problem", role: "status" });
  const stage = make("div");
  section.append(problem, stage);
  let [state, parts] = [null, null];
  const set = setter(model);

  /** Shows one tile of the sheet in an element. */
  function tile(node, row, photo) {
    const [rows, photos] = [state.names.length, state.errors[0].length];
    node.style.backgroundImage = "var(--sheet)"; // inline, as a pressed button has a background of its own
    node.style.backgroundSize = `${100 * photos}% ${100 * rows}%`;
    node.style.backgroundPosition = [[photo, photos], [row, rows]].map(([at, count]) =>
      `${(100 * at) / Math.max(count - 1, 1)}%`).join(" ");
  }

  function build() {
    stage.style.setProperty("--sheet", `url(${state.sheet})`);
    const last = state.names.length - 1;
    const thumbs = state.errors[0].map((_, photo) => {
      const button = make("button", { type: "button", class: "tile thumb", "aria-label": `photograph ${photo + 1}`,
        onclick: () => set({ photo }) });
      tile(button, last, photo);
      return button;
    });
    const side = (name) => slider(`${name} of the line:`, { low: 0, high: last, step: 1 },
      (row) => set({ [name]: row }), (row) => state.names[row]);
    const sides = { left: side("left"), right: side("right") };
    const [below, above] = [make("div", { class: "tile" }), make("div", { class: "tile" })];
    const line = make("div", { class: "line", role: "slider", tabindex: 0, "aria-label": "the line",
      "aria-valuemin": 0, "aria-valuemax": 100 });
    const view = make("div", { class: "view" }, below, above, line);
    const move = (line) => set({ line: Math.round(100 * Math.min(Math.max(line, 0), 1)) / 100 });
    line.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.2,
        PageUp: 0.2 };
      const to = { Home: 0, End: 1 }[event.key] ?? state.line + steps[event.key];
      if (Number.isNaN(to)) return;
      event.preventDefault();
      move(to);
    });
    // A mouse moves the line by hovering, a finger by dragging.
    const follow = ({ clientX }) => {
      const box = view.getBoundingClientRect();
      move((clientX - box.left) / box.width);
    };
    view.addEventListener("pointermove", follow);
    view.addEventListener("pointerdown", (event) => {
      view.setPointerCapture(event.pointerId);
      follow(event);
    });
    const told = make("p", { "aria-live": "polite" });
    parts = { thumbs, sides, below, above, line, told };
    stage.replaceChildren(make("div", { class: "stage" }, view, make("div", { class: "side" },
      make("div", { class: "thumbs", role: "group", "aria-label": "photographs" }, ...thumbs),
      sides.left.field, sides.right.field, told)));
  }

  function draw() {
    const { thumbs, sides, below, above, line, told } = parts;
    const { names, errors, overall, photo } = state;
    thumbs.forEach((button, i) => button.setAttribute("aria-pressed", i === photo));
    for (const name of ["left", "right"]) sides[name].show(state[name]);
    tile(below, state.right, photo);
    tile(above, state.left, photo);
    above.style.clipPath = `inset(0 ${100 * (1 - state.line)}% 0 0)`;
    line.style.left = `${100 * state.line}%`;
    line.setAttribute("aria-valuenow", Math.round(100 * state.line));
    line.setAttribute("aria-valuetext", `${Math.round(100 * state.line)} % from the left`);
    const sentence = (name) => {
      const row = state[name];
      const word = name[0].toUpperCase() + name.slice(1);
      return row === names.length - 1 ? `${word}: ${names[row]}.` : `${word}: ${names[row]}, error ` +
        `${errors[row][photo].toFixed(4)} here, ${overall[row].toFixed(4)} over all test photographs.`;
    };
    told.textContent = `${sentence("left")} ${sentence("right")}`;
  }

  return follow(model, NAMES, problem, stage, problemOf, (next) => {
    const before = state ?? {};
    state = next;
    if (["sheet", "names", "errors"].some((name) => next[name] !== before[name])) build();
    draw();
  });
}

const CSS = `
.stage { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; align-items: start; }
.view { position: relative; aspect-ratio: 1; overflow: hidden; border-radius: 0.3rem; cursor: col-resize;
  touch-action: pan-y; user-select: none; }
.tile { background-repeat: no-repeat; image-rendering: pixelated; }
.view .tile { position: absolute; inset: 0; }
.line { position: absolute; top: 0; bottom: 0; width: 28px; margin-left: -14px; }
.line::before { content: ""; position: absolute; inset: 0 13px; background: #fff; box-shadow: 0 0 0 1px #000; }
.thumbs { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.4rem; margin-bottom: 0.6rem; }
.thumb { aspect-ratio: 1; padding: 0; min-width: 0; border-radius: 0.2rem; }
.thumb[aria-pressed="true"] { outline: 3px solid #d55e00; }
@media (max-width: 600px) { .stage { grid-template-columns: 1fr; } .thumbs { grid-template-columns: repeat(8, 1fr); }
  .thumb { min-height: 0; } }
`;

export default { render };
