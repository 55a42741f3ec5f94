// A game: a button keeps the best state of each kind in the picture.

import { button, draw, make } from "./dom.js";

export function register(model, state, spec, frames, picture) {
  const { each, scores, unit, refusal } = spec.register;
  const said = make("p", { class: "xp-registered", role: "status" });
  const enter = button(spec.register.button, note);
  const again = button("Start again", () => {
    keep([]);
    said.textContent = "";
    enter.focus(); // the button goes away
  });
  const layers = spec.register.slots.map((number) => {
    const { slot, group } = picture.place(number);
    const layer = draw("g", { class: "xp-kept" });
    group.before(layer);
    return [slot, layer];
  });
  const kind = (number) => {
    const at = state.split(number);
    return String(each.map((i) => at[i]));
  };
  const kinds = each.reduce((n, i) => n * state.params[i].labels.length, 1);
  const write = (score) => `${Number(score.toPrecision(4))} ${unit}`.trim();

  function keep(states) {
    model.set("registered", states);
    model.save_changes();
  }

  function note() {
    const now = state.number();
    const kept = model.get("registered");
    const score = scores[now];
    const rival = kept.find((other) => kind(other) === kind(now));
    if (score === null) {
      said.textContent = `Not registered (${state.words()}): ${refusal}.`;
    } else if (rival === now) {
      said.textContent = `Registered already: ${state.words()}, ${write(score)}.`;
    } else if (rival !== undefined && scores[rival] <= score) {
      const best = `the best so far has ${write(scores[rival])}`;
      said.textContent = `Not registered: ${state.words()}, ${write(score)}; ${best}.`;
    } else {
      keep([...kept.filter((other) => other !== rival), now]);
      const before = rival === undefined ? "" : `, before ${write(scores[rival])}`;
      const count = `${model.get("registered").length} of ${kinds}`;
      said.textContent = `Registered: ${state.words()}, ${write(score)}${before}. ${count}.`;
    }
  }

  function update(locked) {
    const kept = model.get("registered");
    enter.disabled = locked;
    again.hidden = !kept.length;
    for (const [slot, layer] of layers) {
      while (layer.children.length > kept.length) layer.lastChild.remove();
      kept.forEach((number, i) => {
        const group = layer.children[i] || layer.appendChild(draw("g"));
        if (group.xpState === number) return;
        picture.painter.paint(group, frames.open(slot, frames.frame(slot, number)));
        group.xpState = number;
      });
    }
  }
  return { element: make("div", { class: "xp-register" }, [enter, " ", again, said]), update };
}
