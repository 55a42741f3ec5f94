// What anywidget asks for: bundle.py makes `widget` the default export.

import { make } from "./dom.js";
import { render as figure } from "./figure.js";

async function render({ model, el }) {
  try {
    return await figure({ model, el });
  } catch (error) {
    el.replaceChildren(...fallback(model, error));
    console.error(error);
  }
}

/** The first frame stands where the figure cannot live. */
function fallback(model, error) {
  const first = model.get("first");
  const src = URL.createObjectURL(new Blob([first], { type: "image/png" }));
  const notice = `This figure could not start: ${error.message}. This is its first state.`;
  const image = make("img", { src, alt: model.get("alt"), class: "xp-first" });
  return [image, make("p", { role: "alert" }, [notice])];
}

export const widget = { render };
