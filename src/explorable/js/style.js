// The style goes where the figure stands: a page, or the shadow root that a home puts it in.

import sheet from "./style.css" with { type: "css" };

const homes = new WeakSet();

export function adopt(el) {
  put(document);
  requestAnimationFrame(() => {
    const home = el.getRootNode(); // known once the element stands in its page
    if (home instanceof ShadowRoot) put(home);
  });
}

function put(home) {
  if (homes.has(home)) return;
  home.adoptedStyleSheets = [...home.adoptedStyleSheets, sheet];
  homes.add(home);
}
