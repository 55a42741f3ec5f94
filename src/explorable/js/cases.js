// Numbered buttons: each sets the parameters that it names.

import { button, make } from "./dom.js";

export function cases(state, list) {
  const buttons = list.map(({ label, at }) => button(label, () => state.set(at)));
  return {
    element: make("div", { class: "xp-cases", role: "group", "aria-label": "cases" }, buttons),
    update(locked) {
      buttons.forEach((each, i) => {
        each.disabled = locked;
        each.setAttribute("aria-pressed", String(state.is(list[i].at)));
      });
    },
  };
}
