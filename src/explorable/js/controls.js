// The controls of a figure where no widget manager brings them: native inputs, so that keyboard,
// touch and screen reader need nothing more.

import { button, make } from "./dom.js";
import { spoken } from "./state.js";

let serial = 0;

/** One row for each parameter. `update(locked)` shows the state. */
export function controls(state) {
  const rows = state.params.map((param) => row(state, param));
  return {
    element: make("div", { class: "xp-controls" }, rows.map((r) => r.element)),
    update: (locked) => state.at().forEach((index, i) => rows[i].update(index, locked)),
  };
}

const INPUTS = { slider, choice, check };

function row(state, param) {
  const { input, output, take, show } = INPUTS[param.kind](param);
  input.id = `xp-control-${++serial}`;
  const event = param.kind === "slider" ? "input" : "change";
  input.addEventListener(event, () => state.set({ [param.name]: take() }));
  const label = make("label", { for: input.id }, [spoken(param.name)]);
  const parts = output ? [label, input, output] : [label, input];
  return {
    element: make("div", { class: "xp-row", "data-key": param.name }, parts),
    update(index, locked) {
      show(index);
      input.disabled = locked;
    },
  };
}

function slider({ labels }) {
  const input = make("input", { type: "range", min: 0, max: labels.length - 1, step: 1 });
  // Hidden from screen readers: the slider itself says its value.
  const output = make("span", { class: "xp-value", "aria-hidden": "true" });
  return {
    input,
    output,
    take: () => Number(input.value),
    show(index) {
      input.value = index;
      input.setAttribute("aria-valuetext", labels[index]);
      output.textContent = labels[index];
    },
  };
}

function choice({ labels }) {
  const input = make("select", {}, labels.map((text) => make("option", {}, [text])));
  return {
    input,
    take: () => input.selectedIndex,
    show(index) {
      input.selectedIndex = index;
    },
  };
}

function check() {
  const input = make("input", { type: "checkbox" });
  return {
    input,
    take: () => Number(input.checked),
    show(index) {
      input.checked = Boolean(index);
    },
  };
}

/** Play and reset; `play()` plays from the first value although nobody has pressed the button. */
export function tools(state, spec) {
  const parts = [];
  const updates = [];
  let player = null;
  if (spec.play !== null) {
    player = play(state, state.params[spec.play]);
    parts.push(player.element);
    updates.push(player.update);
  }
  const opening = Object.fromEntries(state.params.map((p, i) => [p.name, spec.start[i]]));
  const reset = button("Reset", () => state.set(opening), { class: "xp-reset" });
  parts.push(reset);
  updates.push((locked) => {
    reset.disabled = locked || state.is(opening);
  });
  return {
    element: make("div", { class: "xp-tools" }, parts),
    update: (locked) => updates.forEach((each) => each(locked)),
    play: () => player?.unasked(),
    playsUnasked: () => Boolean(player?.runsUnasked()),
  };
}

const RUN = 5000; // milliseconds from the first value to the last

/** A button that lets one parameter run through its values, and stops it. */
function play(state, { name, labels }) {
  const wait = Math.min(600, Math.max(40, RUN / labels.length));
  const index = () => state.at()[state.params.findIndex((p) => p.name === name)];
  let running = null; // the index that it has set last
  let due = 0;
  let alone = false; // nobody pressed the button
  const element = button("", () => (running === null ? press() : stop()), { class: "xp-play" });
  const write = () => {
    element.textContent = running === null ? `▶ Play ${spoken(name)}` : `❚❚ Pause ${spoken(name)}`;
  };
  function press() {
    begin(index() === labels.length - 1 ? -1 : index()); // at the end: from the start
  }
  function begin(from) {
    running = from;
    due = 0;
    write();
    requestAnimationFrame(step);
  }
  function stop() {
    running = null;
    alone = false;
    write();
  }
  function step(now) {
    if (running === null || !element.isConnected) return;
    if (running >= 0 && index() !== running) return stop(); // the reader has taken it
    if (now >= due) {
      due = now + wait;
      running++;
      state.set({ [name]: running });
      if (running === labels.length - 1) return stop();
    }
    requestAnimationFrame(step);
  }
  write();
  return {
    element,
    update(locked) {
      element.disabled = locked;
    },
    unasked() {
      if (running !== null || element.disabled) return;
      alone = true;
      begin(-1);
    },
    runsUnasked: () => alone && index() === running, // else the reader has just taken it
  };
}
