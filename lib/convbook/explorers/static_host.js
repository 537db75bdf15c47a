// Runs an anywidget module on a page without a kernel. It stands inside the explorer's element.
(async (host) => {
  const { esm, kept, state } = JSON.parse(host.querySelector("script").textContent);
  const first = structuredClone(state);
  const heard = new Map(); // the name of an event: those who listen
  const tell = (name) => [...(heard.get(name) ?? [])].forEach((call) => call());
  const model = {
    first, // what stood before the address was read, for a button that resets
    get: (key) => state[key],
    set(key, value) {
      const changed = JSON.stringify(state[key]) !== JSON.stringify(value);
      state[key] = value;
      if (changed) [`change:${key}`, "change"].forEach(tell);
    },
    on: (name, call) => heard.set(name, (heard.get(name) ?? new Set()).add(call)),
    off: (name, call) => heard.get(name)?.delete(call),
    save_changes: () => keep(), // there is no kernel to tell, but the page's address
    send() {},
  };

  // The address: #Operator1.stride=3&Operator1.padding=1 holds what differs from the first state.
  const name = host.dataset.explorer;
  const twins = [...document.querySelectorAll(`[data-explorer="${name}"]`)];
  const place = (key) => `${name}${twins.indexOf(host) + 1}.${key}`;
  const inJupyter = document.body.hasAttribute("data-jp-theme-name"); // whose address is its own
  const address = () => new URLSearchParams(location.hash.slice(1));
  const parse = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return text; // the module says that it expected something else
    }
  };
  function readAddress() {
    const given = address();
    for (const key of kept)
      model.set(key, given.has(place(key)) ? parse(given.get(place(key))) : first[key]);
    return kept.some((key) => given.has(place(key)));
  }
  let waiting = 0;
  function keep() {
    clearTimeout(waiting); // browsers refuse an address that changes too often
    if (kept.length && !inJupyter) waiting = setTimeout(writeAddress, 300);
  }
  function writeAddress() {
    const given = address();
    for (const key of kept) {
      const text = JSON.stringify(state[key]);
      if (text === JSON.stringify(first[key])) given.delete(place(key));
      else given.set(place(key), text);
    }
    const hash = given.toString();
    const now = hash ? `#${hash}` : location.pathname + location.search;
    if (hash !== location.hash.slice(1)) history.replaceState(history.state, "", now);
  }

  const found = !inJupyter && readAddress();
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const el = document.createElement("div");
  host.style.visibility = "hidden"; // for a moment, so that nothing flickers
  try {
    const { default: widget } = await import(url);
    await widget.render({ model, el });
    host.replaceChildren(el);
  } finally {
    URL.revokeObjectURL(url);
    host.style.visibility = ""; // if that failed, the static figure stands
  }
  if (kept.length && !inJupyter) addEventListener("hashchange", readAddress);
  if (found) host.scrollIntoView({ block: "center" });
})(document.currentScript.parentElement);
