// Elements, in HTML and in SVG.

export const NS = "http://www.w3.org/2000/svg";

/** An element with attributes (null or false: left out, true: empty) and children. */
export function make(tag, attributes = {}, children = []) {
  return dress(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function draw(tag, attributes = {}, children = []) {
  return dress(document.createElementNS(NS, tag), attributes, children);
}

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A button that does one thing. */
export function button(words, act, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, [words]);
  element.addEventListener("click", act);
  return element;
}
