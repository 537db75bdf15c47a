// What all explorers share: how an element is made, and how it looks.
const SVG = new Set(["svg", "path", "rect", "text"]);
// The book's pages hold no address, not even a namespace: the browser knows it.
const NAMESPACE = new DOMParser().parseFromString("<svg></svg>", "text/html").body.firstChild
  .namespaceURI;

/** An element: attributes by name, listeners as on…, text and elements as children. */
function make(tag, attributes = {}, ...children) {
  const node = SVG.has(tag) ? document.createElementNS(NAMESPACE, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** A root of its own within `el`, so that the looks of a page and of an explorer stay apart. */
function enclose(el, label, css) {
  el.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes keys from what is in here
  const root = el.attachShadow({ mode: "open" });
  const section = make("div", { class: "root", role: "group", "aria-label": label });
  root.append(make("style", {}, LOOK + css), section);
  return section;
}

/** Buttons of which one is chosen: [[value, name], …]. */
function choice(label, options, choose) {
  const buttons = options.map(([value, name]) =>
    make("button", { type: "button", value, onclick: () => choose(value) }, name),
  );
  const group = make("div", { class: "choice", role: "group", "aria-label": label }, ...buttons);
  const show = (value) =>
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.value === value));
  return { group, show, buttons };
}

/** A whole number with two large buttons; what is typed is handed on as it is. */
function whole(name, change) {
  const input = make("input", { type: "number", step: 1, inputmode: "numeric" });
  const tell = () => change(input.value === "" ? null : Number(input.value));
  const step = (by) => () => {
    const next = Number(input.value) + by;
    if ((input.min && next < input.min) || (input.max && next > input.max)) return;
    input.value = next;
    tell();
  };
  input.addEventListener("input", tell);
  const button = (sign, word, by) =>
    make("button", { type: "button", "aria-label": `${name}: ${word}`, onclick: step(by) }, sign);
  const label = make("span", {}, name);
  const field = make("div", { class: "whole" }, make("label", {}, label, input));
  const more = button("+", "one more", 1);
  field.append(button("−", "one less", -1), more);
  const show = (value) => {
    if (input.value === "" || Number(input.value) !== value)
      input.value = Number.isFinite(value) ? value : "";
  };
  return { field, input, label, more, show };
}

/** Sets traits, and tells a kernel at once: the changes by name. */
const setter = (model) => (changes) => {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  model.save_changes();
};

/** Draw what the model's traits say, now and after each change. What `problemOf` finds wrong with
 *  them stands in `problem`, in place of the stage; if it finds nothing, `show` gets the traits. */
function follow(model, names, problem, stage, problemOf, show) {
  function update() {
    const next = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    const words = problemOf(next);
    problem.textContent = words;
    problem.hidden = !words;
    stage.hidden = Boolean(words);
    if (!words) show(next);
  }
  for (const name of names) model.on(`change:${name}`, update);
  update();
  return () => names.forEach((name) => model.off(`change:${name}`, update));
}

/** Where in `box` the pointer is: shares of its width from the left and of its height from the top. */
function within(box, { clientX, clientY }) {
  const { left, top, width, height } = box.getBoundingClientRect();
  return [(clientX - left) / width, (clientY - top) / height];
}

/** Let a mark in a picture be moved. While mouse or finger hold it, `drag` gets the place within the
 *  picture; when a key is pressed that `keys` has a step for, `nudge` gets that step. */
function movable(mark, drag, keys, nudge) {
  mark.tabIndex = 0;
  mark.addEventListener("pointerdown", (event) => {
    mark.setPointerCapture(event.pointerId);
    event.preventDefault();
    mark.focus();
  });
  mark.addEventListener("pointermove", (event) => {
    if (mark.hasPointerCapture(event.pointerId)) drag(within(mark.ownerSVGElement, event));
  });
  mark.addEventListener("keydown", (event) => {
    if (keys[event.key] === undefined) return;
    event.preventDefault();
    nudge(keys[event.key]);
  });
  return mark;
}

const isWhole = (value, smallest) => Number.isInteger(value) && value >= smallest;
const shown = (value) => (value == null ? "nothing" : JSON.stringify(value));

/** A number as a reader would write it: at most three decimals, and a true minus sign. */
const written = (value) => String(Number(value.toFixed(3))).replace("-", "−");

// The course's hues, as in convbook.palette.
const HUES = ["#0072b2", "#d55e00", "#009e73", "#aa4a87", "#c98a00", "#4fa3d9"];
const tint = (hue, percent) => `color-mix(in srgb, ${hue} ${percent}%, transparent)`;

const LOOK = `
:host { display: block; color: var(--pst-color-text-base, var(--jp-content-font-color1, inherit));
  --accent: var(--pst-color-primary, var(--jp-brand-color1, #1769e0));
  --paper: var(--pst-color-background, var(--jp-layout-color0, #fff));
  --quiet: color-mix(in srgb, currentColor 78%, transparent);
  --line: color-mix(in srgb, currentColor 28%, transparent); }
* { box-sizing: border-box; }
.root { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.8rem 1rem;
  margin: 0.5rem 0 1rem; font-size: 0.95rem; line-height: 1.45;
  font-variant-numeric: tabular-nums; }
p { margin: 0.4rem 0 0; }
button, input { font: inherit; color: inherit; }
button { cursor: pointer; background: none; border: 1px solid var(--line); border-radius: 0.4rem;
  padding: 0.2rem 0.7rem; min-height: 2rem; }
button:hover:enabled { border-color: currentColor; }
button[aria-pressed="true"] { color: var(--paper); background: var(--accent);
  border-color: var(--accent); }
:is(button, input, [tabindex]):focus-visible { outline: 2px solid var(--accent);
  outline-offset: 1px; }
.choice { display: flex; flex-wrap: wrap; }
.choice button { border-radius: 0; margin-left: -1px; }
.choice button:first-child { border-radius: 0.4rem 0 0 0.4rem; margin-left: 0; }
.choice button:last-child { border-radius: 0 0.4rem 0.4rem 0; }
.whole { display: grid; grid-template-columns: 1fr 2rem 2rem; font-size: 0.85rem; }
.whole label { display: contents; }
.whole span { grid-column: 1 / -1; color: var(--quiet); white-space: nowrap; }
.whole input { width: 100%; min-width: 0; height: 2rem; text-align: center; background: none;
  border: 1px solid var(--line); border-radius: 0.4rem 0 0 0.4rem; appearance: textfield; }
.whole input::-webkit-inner-spin-button { display: none; }
.whole button { padding: 0; border-radius: 0; margin-left: -1px; }
.whole button:last-child { border-radius: 0 0.4rem 0.4rem 0; }
.whole :disabled { opacity: 0.45; cursor: default; }
.problem { border-left: 3px solid #d55e00; padding-left: 0.7rem; }
@media (max-width: 600px) { .root { padding: 0.7rem; } }
@media (pointer: coarse) { button, .whole input { min-height: 2.4rem; } }
`;
