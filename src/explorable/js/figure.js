// The live figure: picture, controls, question, cases and numbers, moved by its model's traits.

import { cases } from "./cases.js";
import { controls, tools } from "./controls.js";
import { make } from "./dom.js";
import { dragging } from "./drag.js";
import { unpack } from "./frames.js";
import { manage } from "./manager.js";
import { Numbers } from "./numbers.js";
import { inks, Picture } from "./picture.js";
import { Memory, prediction } from "./predict.js";
import { register } from "./register.js";
import { State } from "./state.js";
import { adopt } from "./style.js";

export const FORMAT = 4; // of the traits; live.py writes the same number

/** Build the view of a model in `el`; its root's `explorable` is what a link may do with it. */
export async function render({ model, el }) {
  if (model.get("spec").format !== FORMAT) {
    throw new Error("it was made by another version of explorable: run it again");
  }
  const frames = await unpack(model.get("spec"), model.get("data"));
  const spec = frames.spec;
  const state = new State(model, spec.params);
  const question = model.get("predict");
  const memory = new Memory(spec.id);
  const locked = () => Boolean(model.get("locked"));

  const name = model.get("title") || model.get("alt");
  const root = make("div", { class: "xp-figure", role: "group", "aria-label": name });
  root.classList.toggle("xp-wide", spec.wide);
  inks(root, spec.styles);
  const remembered = question ? memory.read() : null;
  if (remembered !== null && locked()) open();
  const picture = new Picture(spec, frames, model.get("alt"), locked() && state.is(question.at));

  const parts = []; // everything with an `update(locked)`
  const side = make("div", { class: "xp-side" });
  const asked = question ? prediction(question, memory, reveal) : null;
  if (asked) side.append(asked.element);
  if (model.get("own_controls")) add(side, controls(state));
  const buttons = tools(state, spec);
  add(side, buttons);
  const numbers = new Numbers(frames, name);
  const said = make("div", { class: "xp-said", role: "status" });
  if (model.get("title")) root.append(make("div", { class: "xp-title" }, [model.get("title")]));
  const body = make("div", { class: "xp-body" }, [side, picture.element]);
  root.append(body);
  const out = make("pre", { class: "xp-printed" });
  if (spec.printed.texts.join("")) root.append(out);
  if (spec.register) add(root, register(model, state, spec, frames, picture));
  if (model.get("cases").length) add(root, cases(state, model.get("cases")));
  if (spec.numbers.length) root.append(numbers.element);
  root.append(said);
  if (spec.drag) parts.push(dragging(state, spec, frames, picture, () => !locked()));
  if (remembered !== null) asked.fold(remembered);
  el.append(root);
  adopt(el);

  function add(place, part) {
    place.append(part.element);
    parts.push(part);
  }

  function open() {
    model.set("locked", false);
    model.save_changes();
  }

  /** The question is answered: the figure shows what it was about. */
  function reveal() {
    state.set(question.at);
    if (locked()) open();
  }

  function show() {
    const now = state.number();
    picture.show(now);
    out.textContent = locked() ? "" : frames.text(spec.printed, now);
    if (numbers.element.open) numbers.write(now);
    parts.forEach((part) => part.update(locked()));
  }

  // The first change of a frame is drawn at once, what follows within it with the next frame.
  let waiting = false;
  let late = false;
  function next() {
    waiting = false;
    if (late) {
      late = false;
      move();
    }
  }
  function move() {
    if (waiting) {
      late = true;
      return;
    }
    waiting = true;
    requestAnimationFrame(next);
    show();
  }

  // After a pause, what changed is said: the state, titles that moved, where labelled curves went.
  let announced = state.number();
  let pause = 0;
  function moved() {
    move();
    asked?.rest();
    clearTimeout(pause);
    pause = setTimeout(() => {
      const now = state.number();
      if (now === announced) return;
      const changed = [spec.said, spec.printed]
        .filter((each) => frames.text(each, now) !== frames.text(each, announced))
        .map((each) => frames.text(each, now));
      said.textContent = [state.words(), ...changed, ...numbers.changes(now, announced)].join(". ");
      announced = now;
    }, 500);
  }

  function lock() {
    if (!locked()) {
      picture.hidden = false;
      if (question?.lock && asked.open()) asked.fold(memory.read() ?? "");
    }
    numbers.element.hidden = locked();
    show();
  }

  /** Paper shows what a question hides; the screen does not keep it. */
  function printed() {
    if (!picture.hidden) return;
    picture.hidden = false;
    picture.show(state.number());
    window.addEventListener("afterprint", () => locked() && picture.conceal(), { once: true });
  }

  numbers.element.addEventListener("toggle", () => {
    if (numbers.element.open) numbers.write(state.number());
  });
  const leave = [state.watch(moved), manage(model, root, state)];
  model.on("change:locked", lock);
  model.on("change:registered", show);
  window.addEventListener("beforeprint", printed);
  lock();

  root.explorable = {
    /** A link names the state: it is shown, open. */
    link(query) {
      state.set(state.parse(query));
      if (locked()) open();
    },
    query: () => state.query(),
    play: buttons.play,
    playsUnasked: buttons.playsUnasked,
    watch: (act) => state.watch(act),
  };
  return () => {
    clearTimeout(pause);
    leave.forEach((each) => each());
    model.off("change:locked", lock);
    model.off("change:registered", show);
    window.removeEventListener("beforeprint", printed);
    picture.close();
  };
}
