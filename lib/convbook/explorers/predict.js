// Explorer "Predict": a question that takes an answer before it shows one.

/** Text in which what stands between backticks is code. */
const rich = (text) =>
  text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));

/** An answer in words: a number, one of the choices, or the row and column of a cell. */
const named = (answer) =>
  typeof answer === "number" ? written(answer)
    : Array.isArray(answer) ? `row ${answer[0]}, column ${answer[1]}` : answer;

function problemOf(s) {
  const choices = Array.isArray(s.choices) && s.choices.every((one) => typeof one === "string");
  const grid = Array.isArray(s.grid) && s.grid.every((row) => Array.isArray(row) && row.every(Number.isFinite));
  for (const name of ["question", "why", "hint"])
    if (typeof s[name] !== "string" || (name === "question" && !s[name]))
      return `${name}: expected a sentence, not ${shown(s[name])}.`;
  if (!choices) return `choices: expected a list of words, not ${shown(s.choices)}.`;
  if (!grid) return `grid: expected rows of numbers, not ${shown(s.grid)}.`;
  const [expected, fits] = s.choices.length ? ["one of the choices", s.choices.includes(s.answer)]
    : s.grid.length ? ["a cell of the grid", Number.isFinite(s.grid[s.answer?.[0]]?.[s.answer?.[1]])]
    : ["a number", Number.isFinite(s.answer)];
  if (!fits) return `answer: expected ${expected}, not ${shown(s.answer)}.`;
  if (s.wrong === null || typeof s.wrong !== "object")
    return `wrong: expected a reason for each wrong answer, not ${shown(s.wrong)}.`;
  return "";
}

/** Whether a given answer holds, and what to say to it. */
function judge(s, given) {
  const text = named(given);
  if (text === named(s.answer)) return { holds: true, says: s.why };
  const size = typeof given !== "number" ? "" : given > s.answer ? "That is too large." : "That is too small.";
  return { holds: false, says: s.wrong[text.replace("−", "-")] ?? `${size} ${s.hint}`.trim() };
}

// A verdict is told by its mark, the mark's shape and colour, and its word.
const VERDICTS = { yes: ["✓", "Right"], no: ["✗", "Wrong"], answer: ["→", "The answer"] };
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const NAMES = ["question", "answer", "choices", "grid", "why", "wrong", "hint", "given"];
let groups = 0; // radio buttons of one question share a name

function render({ model, el }) {
  const section = enclose(el, "Predict", CSS);
  const status = make("div", { role: "status" });
  // A button that stays, so that the key Tab goes on from where it was.
  const reveal = make("button", { type: "button", class: "reveal", onclick: () => show(!reveal.dataset.open) });
  let state = {};
  let read = () => null;
  let mark = () => {}; // shows the verdict on a cell of the grid

  function build() {
    state = Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
    const problem = problemOf(state);
    show(false);
    reveal.hidden = false;
    mark = () => {};
    const parts = problem
      ? [make("p", { class: "problem" }, problem)]
      : [make("p", { id: "question" }, ...rich(state.question)),
        state.grid.length ? cells() : form(), status, reveal];
    section.replaceChildren(make("p", { class: "name", "aria-hidden": "true" }, "Predict"), ...parts);
  }

  function form() {
    const check = make("button", { type: "button", onclick: submit }, "Check");
    const fields = state.choices.length ? radios() : number();
    // No form: JupyterLab keeps the key Enter from submitting one.
    for (const field of fields)
      field.addEventListener("keydown", (event) => event.key === "Enter" && submit());
    return make("div", { class: "form" }, ...fields, check);
  }
  function number() {
    const field = make("input", { inputmode: "text", autocomplete: "off", size: 8,
      "aria-labelledby": "question" });
    read = () => {
      const text = field.value.trim().replace("−", "-").replace(",", ".");
      const value = text === "" ? NaN : Number(text);
      return Number.isFinite(value) ? value : null;
    };
    return [field];
  }
  function radios() {
    const name = `predict${(groups += 1)}`;
    const fields = state.choices.map((value) => make("input", { type: "radio", name, value }));
    read = () => fields.find((field) => field.checked)?.value ?? null;
    return [make("div", { class: "choices", role: "radiogroup", "aria-labelledby": "question" },
      ...fields.map((field) => make("label", {}, field, make("span", {}, ...rich(field.value)))))];
  }

  /** A grid of cells: a click answers, and so does Enter after the arrow keys. */
  function cells() {
    const all = state.grid.map((row, r) => row.map((value, c) => make("td", {
      tabindex: r || c ? -1 : 0, "aria-label": `${named([r, c])}: ${written(value)}`,
      onclick: () => pick(r, c), onkeydown: (event) => press(event, r, c) }, written(value))));
    function pick(r, c) {
      read = () => [r, c];
      submit();
      go(r, c);
    }
    function press(event, r, c) {
      const [down, right] = ARROWS[event.key] ?? [0, 0];
      if (event.key === "Enter" || event.key === " ") pick(r, c);
      else if (all[r + down]?.[c + right] && (down || right)) go(r + down, c + right);
      else return;
      event.preventDefault();
    }
    function go(r, c) {
      for (const cell of all.flat()) cell.tabIndex = -1;
      all[r][c].tabIndex = 0;
      all[r][c].focus();
    }
    mark = (kind, [r, c]) => {
      for (const cell of all.flat()) {
        cell.className = cell === all[r]?.[c] ? kind : "";
        cell.ariaSelected = cell === all[r]?.[c];
      }
    };
    return make("table", { role: "grid", "aria-labelledby": "question" },
      ...all.map((row) => make("tr", {}, ...row)));
  }

  function submit() {
    const given = read();
    if (given === null) {
      const words = state.choices.length ? "Choose one first." : "A number belongs here, such as 3 or 0.5.";
      return status.replaceChildren(make("p", {}, words));
    }
    model.set("given", given);
    model.save_changes();
    const { holds, says } = judge(state, given);
    show(false);
    say(holds ? "yes" : "no", given, says);
    reveal.hidden = holds;
  }
  function show(open) {
    reveal.textContent = `${open ? "Hide" : "Show"} the answer`;
    if (open) reveal.dataset.open = "true";
    else delete reveal.dataset.open;
    status.replaceChildren();
    mark("", []);
    if (open) say("answer", state.answer, state.why);
  }
  function say(kind, answer, words) {
    const [sign, word] = VERDICTS[kind];
    const verdict = make("strong", {}, `${word}: `, ...rich(named(answer)), ".");
    status.replaceChildren(make("div", { class: `verdict ${kind}` },
      make("span", { class: "mark", "aria-hidden": "true" }, sign),
      make("p", {}, verdict, " ", ...rich(words))));
    mark(kind, answer);
  }

  const asked = NAMES.filter((name) => name !== "given");
  for (const name of asked) model.on(`change:${name}`, build);
  build();
  return () => asked.forEach((name) => model.off(`change:${name}`, build));
}

const CSS = `
[hidden] { display: none !important; }
.root { padding: 0.1rem 0 0.1rem 0.9rem; margin: 1.2rem 0; font-size: 1rem; border: 0;
  border-left: 3px solid var(--accent); border-radius: 0;
  --yes: #007a5a; --no: #b34700; --answer: #5a5f66; }
p { margin: 0 0 0.4rem; }
.name { font-size: 0.75rem; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase;
  color: var(--quiet); }
.form { display: flex; flex-wrap: wrap; gap: 0.5rem 0.8rem; align-items: center; margin-bottom: 0.4rem; }
.form > input { min-height: 2rem; padding: 0 0.5rem; background: none; border: 1px solid var(--line);
  border-radius: 0.4rem; }
.choices { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; }
.choices label { display: flex; gap: 0.4rem; align-items: center; min-height: 2rem; cursor: pointer; }
.choices input { accent-color: var(--accent); width: 1.1rem; height: 1.1rem; margin: 0; flex: none; }
table { border-collapse: collapse; margin-bottom: 0.5rem; }
td { width: 2.4rem; height: 2.4rem; padding: 0; text-align: center; border: 1px solid var(--line);
  cursor: pointer; }
td:hover { background: color-mix(in srgb, var(--accent) 18%, transparent); }
td:focus-visible { outline-offset: -2px; }
td:is(.yes, .no, .answer) { color: #fff; background: var(--hue); }
.yes { --hue: var(--yes); --round: 50%; --edge: solid; }
.no { --hue: var(--no); --round: 0.15rem; --edge: dashed; }
.answer { --hue: var(--answer); --round: 0.7rem; --edge: dotted; }
.verdict { display: flex; gap: 0.7rem; align-items: start; padding: 0.5rem 0.7rem; margin-bottom: 0.4rem;
  border: 2px var(--edge) var(--hue); border-radius: 0.4rem;
  background: color-mix(in srgb, var(--hue) 10%, transparent); }
.verdict p { margin: 0; }
.mark { flex: none; display: grid; place-items: center; width: 1.5rem; height: 1.5rem; color: #fff;
  background: var(--hue); border-radius: var(--round); font-weight: 700; line-height: 1; }
.reveal { border: 0; padding: 0; min-height: 1.8rem; font-size: 0.85rem; color: var(--quiet); }
.reveal::before { content: "▸ " / ""; color: var(--accent); }
.reveal[data-open]::before { content: "▾ " / ""; }
code { font-size: 0.9em; }
`;

export { judge };
export default { render };
