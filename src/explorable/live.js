// The live figure: picture, question, cases and table, moved by the traits of its model.
// widget.py joins painter.js, numbers.js, acts.js and this file into one module: no bundler, and no second request.

const CSS = `
.xp-figure { --xp-paper: var(--jp-layout-color0, var(--pst-color-background, Canvas)); max-width: var(--xp-width);
  color: var(--jp-content-font-color1, var(--pst-color-text-base, inherit)); margin: 0.4em 0; position: relative; }
.xp-figure svg { display: block; width: 100%; height: auto; max-width: var(--xp-width); background: none; overflow: hidden; }
.xp-locked .xp-data { visibility: hidden; }
.xp-title { font-weight: 600; margin: 0.2em 0; }
.xp-cases { display: flex; flex-wrap: wrap; gap: 0.4em; margin: 0.4em 0; padding: 0; list-style: none; }
.xp-figure button { font: inherit; color: inherit; background: none; border: 1px solid currentColor; border-radius: 0.3em;
  padding: 0.2em 0.6em; cursor: pointer; opacity: 0.85; }
.xp-figure button:hover:enabled, .xp-figure button[aria-pressed="true"] { opacity: 1;
  background: color-mix(in srgb, currentColor 14%, transparent); }
.xp-figure button:disabled { opacity: 0.4; cursor: default; }
.xp-figure button:focus-visible, .xp-figure summary:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.xp-predict { border: 1px solid currentColor; border-radius: 0.4em; margin: 0.4em 0; padding: 0.4em 0.8em; min-width: 0; }
.xp-predict label { display: block; padding: 0.15em 0; cursor: pointer; }
.xp-predict button { margin: 0.3em 0.5em 0 0; }
.xp-verdict { margin: 0.4em 0; }
.xp-numbers { font-size: 0.9em; }
.xp-numbers > div { overflow-x: auto; }
.xp-numbers table { border-collapse: collapse; margin: 0.4em 0; width: auto; color: inherit; background: none; }
.xp-numbers caption { text-align: left; white-space: nowrap; caption-side: top; }
.xp-numbers th, .xp-numbers td { text-align: right; padding: 0.1em 0.7em; font-variant-numeric: tabular-nums;
  border: 0; background: none; color: inherit; }
.xp-said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.xp-area { fill: transparent; cursor: crosshair; }
.xp-grip { fill: transparent; cursor: grab; touch-action: none; }
.xp-locked :is(.xp-area, .xp-grip) { display: none; }
.xp-register { margin: 0.4em 0; }
.xp-registered { margin: 0.3em 0; min-height: 1.5em; }
@media print { .xp-figure { color: black; --xp-paper: white; break-inside: avoid; } .xp-cases, .xp-numbers, .xp-register { display: none; } }
`;
let views = 0;

/** An element with attributes (null: left out) and children. */
function make(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** JupyterLab's commands would take the arrow keys from a slider; a focused control keeps them with this attribute. */
function keepKeys() {
  if (document.gtKeeps) return;
  document.gtKeeps = true;
  document.addEventListener("focusin", (event) => {
    event.target.closest?.(".xp-explore")?.setAttribute("data-lm-suppress-shortcuts", "true");
  });
}

/** Black, white and greys of matplotlib as shades between the page's text and its paper. */
function greys(root, text) {
  for (const code of new Set([...text.matchAll(/--xp-([0-9a-f]{2}),/g)].map((m) => m[1]))) {
    const share = (100 * (1 - parseInt(code, 16) / 255)).toFixed(1);
    root.style.setProperty(`--xp-${code}`, `color-mix(in srgb, currentColor ${share}%, var(--xp-paper))`);
  }
}

function render({ model, el }) {
  const spec = model.get("spec"), uid = `${spec.id}-${++views}`;
  if (!document.getElementById("xp-style")) document.head.append(make("style", { id: "xp-style" }, [CSS]));
  keepKeys();
  const frames = new Frames(spec, model.get("data")), painter = new Painter(frames, uid);
  const root = make("div", { class: "xp-figure", role: "group", "aria-label": model.get("title") || "live figure" });
  root.style.setProperty("--xp-width", `${(spec.width * 96 / 72).toFixed(1)}px`);
  greys(root, model.get("svg") + spec.styles.join(" "));
  const box = make("div", { class: "xp-picture" });
  box.innerHTML = model.get("svg").replaceAll(`${spec.id}-`, `${uid}-`);            // a second view of the figure needs its own ids
  const svg = box.firstChild, said = make("div", { class: "xp-said", "aria-live": "polite" });
  const table = make("div"), details = make("details", { class: "xp-numbers" }, [make("summary", {}, ["numbers"]), table]);
  const numbers = new Numbers(spec, svg), buttons = cases(model, spec);
  const question = model.get("predict") ? prediction(model, uid) : null;
  if (model.get("title")) root.append(make("div", { class: "xp-title" }, [model.get("title")]));
  if (question) root.append(question.element);
  root.append(box, said);
  if (model.get("cases").length) root.append(buttons.element);
  if (spec.tables.some((t) => spec.axes[t.axes])) root.append(details);
  el.append(root);

  const game = spec.register ? register(model, spec, frames, painter, svg) : null;
  const handle = spec.drag ? dragging(model, spec, frames, svg) : null;
  if (game) box.after(game.element);
  const groups = spec.slots.map((slot) => [slot, svg.querySelector(`[data-slot="${slot.slot}"]`)]);
  const shown = new Map();
  groups.forEach(([, group]) => group.replaceChildren());                           // from here on every child knows its kind
  function draw() {
    const state = stateOf(spec, indices(model, spec));
    for (const [slot, group] of groups) {
      const frame = frames.frame(slot, state);
      if (shown.get(slot) === frame) continue;
      painter.paint(group, frames.open(slot, frame));
      shown.set(slot, frame);
    }
    if (details.open) numbers.write(table);
    buttons.update();
    handle?.update();
  }

  // The first change of a frame is drawn at once, whatever follows within it is drawn with the next frame.
  let waiting = false, late = false, settle = 0;
  function next() {
    waiting = false;
    if (late) { late = false; move(); }
  }
  function move() {
    if (waiting) { late = true; return; }
    waiting = true;
    requestAnimationFrame(next);
    draw();
  }
  function moved() {
    move();
    clearTimeout(settle);
    settle = setTimeout(() => {
      said.textContent = spec.params.map((p) => `${p.name.replaceAll("_", " ")} ${p.labels[Number(model.get(p.trait))]}`).join(", ");
    }, 500);
  }
  function lock() {
    const locked = model.get("locked");
    root.classList.toggle("xp-locked", locked);
    svg.setAttribute("aria-label", locked ? "The figure shows itself once you have predicted." : model.get("alt"));
    details.hidden = locked;
    question?.update();
    buttons.update();
    game?.update();
  }

  details.addEventListener("toggle", () => { if (details.open) numbers.write(table); });
  spec.params.forEach((p) => model.on(`change:${p.trait}`, moved));
  model.on("change:locked", lock);
  if (game) model.on("change:registered", game.update);
  draw();
  lock();
  return () => {
    clearTimeout(settle);
    spec.params.forEach((p) => model.off(`change:${p.trait}`, moved));
    model.off("change:locked", lock);
    if (game) model.off("change:registered", game.update);
    painter.close();
  };
}

export default { render };
