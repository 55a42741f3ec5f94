// The controls of a published page: native inputs, so keyboard, touch and screen reader need nothing more.
//
// explorableLive.controls maps the name of an ipywidgets model to
//   view(m)        the element that shows and moves the model
//   text(m)        its value as the reader sees it
//   take(m, text)  sets the value that a text names, and ignores any other text
// The last two serve the address of a figure's state; see page.js.
(() => {
  "use strict";

  let serial = 0;

  function element(tag, properties = {}, ...children) {
    const el = Object.assign(document.createElement(tag), properties);
    el.append(...children);
    return el;
  }

  function follow(m, refresh) {
    m.on("change", refresh);
    refresh();
  }

  // ipywidgets sets $…$ as mathematics; MathJax looks only inside elements of class "math".
  function write(el, html) {
    if (el.dataset.html === html) return;
    el.dataset.html = html;
    el.innerHTML = html.replace(/\$([^$]+)\$/g, '<span class="math">\\($1\\)</span>');
    if (el.querySelector(".math")) window.MathJax?.typesetPromise?.([el]);
  }

  const escaped = (text) => String(text ?? "").replace(/[&<]/g, (c) => (c === "&" ? "&amp;" : "&lt;"));
  const writeText = (el, text) => write(el, escaped(text));

  function row(m, input, output = "") {
    input.id = `xp-control-${++serial}`;
    const label = element("label", { htmlFor: input.id });
    label.style.minWidth = m.get("description_width") ?? "";
    follow(m, () => {
      writeText(label, m.get("description"));
      if (!m.get("description")) input.setAttribute("aria-label", m.get("tooltip") || "value");
      input.disabled = Boolean(m.get("disabled"));
    });
    return element("div", { className: "xp-row" }, label, input, output);
  }

  // ---------------------------------------------------------------- a choice from a list

  const labels = (m) => m.get("_options_labels") || [];
  const choice = {
    text: (m) => labels(m)[Number(m.get("index") ?? -1)] ?? "", // a linked figure that takes yes or no sets true or false
    take(m, text) {
      const same = (label) => label === text || (text.trim() && Number(label) === Number(text));
      const index = labels(m).findIndex(same);
      if (index >= 0) m.set("index", index);
    },
  };

  function dropdown(m) {
    const input = element("select");
    input.addEventListener("change", () => m.set("index", input.selectedIndex));
    follow(m, () => {
      if (input.length !== labels(m).length) input.replaceChildren(...labels(m).map((text) => new Option(text)));
      input.selectedIndex = m.get("index") ?? -1;
    });
    return row(m, input);
  }

  // ---------------------------------------------------------------- a slider

  function slider(m) {
    const input = element("input", { type: "range", min: 0, step: 1 });
    const output = element("output", { ariaLive: "off" }); // the slider itself announces its value
    const event = m.get("continuous_update") === false ? "change" : "input";
    input.addEventListener(event, () => m.set("index", Number(input.value)));
    follow(m, () => {
      input.max = labels(m).length - 1;
      input.value = m.get("index"); // after the limit, which would clip it
      output.textContent = m.get("readout") === false ? "" : choice.text(m);
      input.setAttribute("aria-valuetext", choice.text(m));
    });
    return row(m, input, output);
  }

  // ---------------------------------------------------------------- yes or no

  function checkbox(m) {
    const input = element("input", { type: "checkbox" });
    input.addEventListener("change", () => m.set("value", input.checked));
    follow(m, () => (input.checked = m.get("value")));
    return row(m, input);
  }

  const truth = {
    text: (m) => String(Boolean(m.get("value"))),
    take: (m, text) => ["true", "false"].includes(text) && m.set("value", text === "true"),
  };

  const controls = {
    SelectionSliderModel: { view: slider, ...choice },
    DropdownModel: { view: dropdown, ...choice },
    CheckboxModel: { view: checkbox, ...truth },
  };

  // ---------------------------------------------------------------- text

  function textView(m) {
    const el = element("div", { className: "xp-text" });
    const put = { LabelModel: writeText, HTMLMathModel: write }[m.name] ?? ((el, html) => (el.innerHTML = html));
    follow(m, () => put(el, m.get("value")));
    return el;
  }

  window.explorableLive = { controls, element, textView };
})();
