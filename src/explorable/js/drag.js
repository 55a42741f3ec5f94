// A point that follows the pointer, among the places where its parameters can put it.

import { draw } from "./dom.js";

/** `free()` says whether the reader may move it. */
export function dragging(state, spec, frames, picture, free) {
  const { params } = spec.drag;
  const { slot, svg } = picture.place(spec.drag.slot);
  const [x, y, width, height] = spec.drag.box;
  // The mouse may press anywhere in the axes, a finger on the point alone: elsewhere it scrolls.
  const area = svg.appendChild(draw("rect", { class: "xp-area", x, y, width, height }));
  const r = Math.min(width, height) / 8;
  const grip = svg.appendChild(draw("circle", { class: "xp-grip", r }));
  let places = null; // known while the pointer is down

  /** Every place of the point while the other parameters stay, with the indices of each. */
  function find() {
    const now = state.at();
    const lengths = params.map((i) => state.params[i].labels.length);
    const count = lengths.reduce((a, b) => a * b);
    const found = [];
    for (let n = 0; n < count; n++) {
      const at = [...now];
      let rest = n;
      params.forEach((i, k) => {
        at[i] = rest % lengths[k];
        rest = Math.floor(rest / lengths[k]);
      });
      const centre = frames.centre(slot, state.number(at));
      if (centre) found.push([...centre, at]);
    }
    return found;
  }

  function follow({ clientX, clientY }) {
    const point = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
    let nearest = null;
    let least = Infinity;
    for (const [u, v, at] of places) {
      const far = (u - point.x) ** 2 + (v - point.y) ** 2;
      if (far < least) [least, nearest] = [far, at];
    }
    if (!nearest) return;
    state.set(Object.fromEntries(params.map((i) => [state.params[i].name, nearest[i]])));
  }

  // Chromium ignores `touch-action: none` on a circle, and would scroll: the touch has to be taken.
  const take = (event) => free() && event.preventDefault();
  grip.addEventListener("touchstart", take, { passive: false });
  for (const element of [area, grip]) {
    element.addEventListener("pointerdown", (event) => {
      if (!free() || event.button || (element === area && event.pointerType === "touch")) return;
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      places = find();
      follow(event);
    });
    element.addEventListener("pointermove", (event) => places && follow(event));
    for (const end of ["pointerup", "pointercancel"]) {
      element.addEventListener(end, () => (places = null));
    }
  }
  area.addEventListener("click", (event) => {
    if (!free()) return; // a finger's tap
    places = find();
    follow(event);
    places = null;
  });

  return {
    update() {
      const centre = frames.centre(slot, state.number());
      const show = centre !== null && free();
      area.style.display = free() ? "" : "none";
      grip.style.display = show ? "" : "none";
      if (!centre) return;
      grip.setAttribute("cx", centre[0]);
      grip.setAttribute("cy", centre[1]);
    },
  };
}
