// Explorer "Predict": a question that takes an answer before it shows one.

/** Text in which what stands between backticks is code. */
const rich = (text) =>
  text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));

function problemOf(s) {
  const choices = Array.isArray(s.choices) && s.choices.every((one) => typeof one === "string");
  if (typeof s.question !== "string" || !s.question)
    return `question: expected a sentence, not ${shown(s.question)}.`;
  if (typeof s.why !== "string") return `why: expected a sentence, not ${shown(s.why)}.`;
  if (!choices) return `choices: expected a list of words, not ${shown(s.choices)}.`;
  if (s.choices.length ? !s.choices.includes(s.answer) : !Number.isFinite(s.answer))
    return `answer: expected ${s.choices.length ? "one of the choices" : "a number"}, not ` +
      `${shown(s.answer)}.`;
  if (s.wrong === null || typeof s.wrong !== "object")
    return `wrong: expected a reason for each wrong answer, not ${shown(s.wrong)}.`;
  return "";
}

/** Whether a given answer holds, and what to say to it. */
function judge(s, given) {
  const text = typeof given === "number" ? written(given) : given;
  const answer = typeof s.answer === "number" ? written(s.answer) : s.answer;
  if (text === answer) return { holds: true, says: s.why };
  const size = given > s.answer ? "That is too large." : "That is too small.";
  return { holds: false, says: s.wrong[text.replace("−", "-")] ?? size };
}

const NAMES = ["question", "answer", "choices", "why", "wrong", "given"];
let groups = 0; // radio buttons of one question share a name

function render({ model, el }) {
  const section = enclose(el, "Predict", CSS);
  const status = make("div", { role: "status" });
  const reveal = make("button", { type: "button", class: "reveal", onclick: show }, "Show the answer");
  let state = {};
  let read = () => null;

  function build() {
    state = Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
    const problem = problemOf(state);
    status.replaceChildren();
    reveal.hidden = false;
    const parts = problem
      ? [make("p", { class: "problem" }, problem)]
      : [make("p", { id: "question" }, ...rich(state.question)), form(), status, reveal];
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

  function submit() {
    const given = read();
    if (given === null)
      return say("", state.choices.length ? "Choose one first." : "A number belongs here, such as 3 or 0.5.");
    model.set("given", given);
    model.save_changes();
    const { holds, says } = judge(state, given);
    const text = typeof given === "number" ? written(given) : given;
    say(holds ? "yes" : "no", holds ? `✓ Your prediction holds: ${text}. ${says}`
      : `✗ “${text}” does not hold. ${says}`);
    if (holds) reveal.hidden = true;
  }
  function show() {
    const answer = typeof state.answer === "number" ? written(state.answer) : state.answer;
    say("", `${answer[0].toUpperCase()}${answer.slice(1)}. ${state.why}`);
    reveal.hidden = true;
  }
  function say(kind, text) {
    status.replaceChildren(make("p", { class: kind }, ...rich(text)));
  }

  const asked = NAMES.filter((name) => name !== "given");
  for (const name of asked) model.on(`change:${name}`, build);
  build();
  return () => asked.forEach((name) => model.off(`change:${name}`, build));
}

const CSS = `
[hidden] { display: none !important; }
.root { padding: 0.1rem 0 0.1rem 0.9rem; margin: 1.2rem 0; font-size: 1rem; border: 0;
  border-left: 3px solid var(--accent); border-radius: 0; }
p { margin: 0 0 0.4rem; }
.name { font-size: 0.75rem; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase;
  color: var(--quiet); }
.form { display: flex; flex-wrap: wrap; gap: 0.5rem 0.8rem; align-items: center; margin-bottom: 0.4rem; }
.form > input { min-height: 2rem; padding: 0 0.5rem; background: none; border: 1px solid var(--line);
  border-radius: 0.4rem; }
.choices { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; }
.choices label { display: flex; gap: 0.4rem; align-items: center; min-height: 2rem; cursor: pointer; }
.choices input { accent-color: var(--accent); width: 1.1rem; height: 1.1rem; margin: 0; flex: none; }
.reveal { border: 0; padding: 0; min-height: 1.8rem; font-size: 0.85rem; color: var(--quiet); }
.reveal::before { content: "▸ " / ""; color: var(--accent); }
code { font-size: 0.9em; }
`;

export { judge };
export default { render };
