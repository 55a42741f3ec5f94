// Where a widget manager brings the controls (JupyterLab, Notebook, Voila): what its own leave out.

/** Name the sliders, keep their keys, let links set the figure; returns what ends it. */
export function manage(model, root) {
  if (model.get("own_controls")) {
    keepKeys(root);
    return () => {};
  }
  listen();
  const box = () => root.closest(".xp-explore");
  const observer = new MutationObserver(() => name(box()));
  const start = setTimeout(() => {
    const around = box();
    if (!around) return;
    around.dataset.figure = model.get("name");
    keepKeys(around);
    name(around);
    observer.observe(around, { subtree: true, childList: true, characterData: true });
  });
  return () => {
    clearTimeout(start);
    observer.disconnect();
  };
}

const KEEP = "data-lm-suppress-shortcuts";

/** JupyterLab takes arrow keys on their way up, Notebook 7 before the control hears of them. */
function keepKeys(box) {
  box.setAttribute(KEEP, "true");
  box.addEventListener("focusin", ({ target }) => target.setAttribute(KEEP, "true"));
}

/** A slider of ipywidgets says an index, and has no name. */
function name(box) {
  for (const row of box.querySelectorAll(".widget-hslider, .jupyter-widget-hslider")) {
    const handle = row.querySelector("[role=slider]");
    const label = row.querySelector("label, .widget-label")?.textContent ?? "";
    const value = row.querySelector(".widget-readout")?.textContent ?? "";
    if (!handle) continue;
    put(handle, "aria-label", label);
    put(handle, "aria-valuetext", value);
  }
}

/** Set an attribute; one that stands is left alone, as the observer would hear of it. */
function put(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

let listening = false;

/** A link such as `#powers?gain=1.2` in a text cell sets the figure of that name. */
function listen() {
  if (listening) return;
  listening = true;
  const follow = (event) => {
    const link = event.target.closest?.("a[href*='#']");
    const [, id, query] = /#([^?]+)\?(.*)$/.exec(link?.getAttribute("href") ?? "") ?? [];
    if (id === undefined) return;
    const around = link.closest(".jp-NotebookPanel, .jp-Notebook") ?? document;
    const boxes = [...around.querySelectorAll(".xp-explore")];
    const numbered = /^fig-(\d+)$/.exec(id);
    const named = boxes.find((each) => each.dataset.figure === id);
    const box = named ?? (numbered && boxes[numbered[1] - 1]);
    const figure = box?.querySelector(".xp-figure");
    if (!figure) return;
    event.preventDefault();
    event.stopPropagation();
    figure.explorable.link(query);
    box.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("click", follow, { capture: true });
}
