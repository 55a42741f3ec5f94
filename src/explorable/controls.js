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
    text: (m) => labels(m)[m.get("index")] ?? "",
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

  function radios(m) {
    const name = `xp-group-${++serial}`;
    const legend = element("legend");
    const inputs = labels(m).map((_, i) => element("input", { type: "radio", name, onchange: () => m.set("index", i) }));
    const choices = inputs.map((input, i) => element("label", {}, input, labels(m)[i]));
    const group = element("fieldset", { className: "xp-radios" }, legend, ...choices);
    follow(m, () => {
      writeText(legend, m.get("description"));
      group.disabled = Boolean(m.get("disabled"));
      inputs.forEach((input, i) => (input.checked = i === m.get("index")));
    });
    return group;
  }

  // ---------------------------------------------------------------- sliders

  function slider(m, { read, move, limits, step, text }) {
    const input = element("input", { type: "range" });
    const output = element("output", { ariaLive: "off" }); // the slider itself announces its value
    input.addEventListener(m.get("continuous_update") === false ? "change" : "input", () => move(Number(input.value)));
    follow(m, () => {
      [input.min, input.max] = limits;
      input.step = step;
      input.value = read(); // after the limits, which would clip it
      output.textContent = m.get("readout") === false ? "" : text(m);
      input.setAttribute("aria-valuetext", text(m));
    });
    return row(m, input, output);
  }

  function selectionSlider(m) {
    const read = () => m.get("index");
    const move = (index) => m.set("index", index);
    return slider(m, { read, move, limits: [0, labels(m).length - 1], step: 1, text: choice.text });
  }

  function numberSlider(m) {
    const limits = [m.get("min"), m.get("max")];
    const read = () => m.get("value");
    const move = (value) => m.set("value", value);
    return slider(m, { read, move, limits, step: m.get("step") ?? "any", text: readout });
  }

  function logSlider(m) {
    const base = m.get("base");
    const limits = [m.get("min"), m.get("max")];
    const read = () => Math.log(m.get("value")) / Math.log(base);
    const move = (exponent) => m.set("value", base ** exponent);
    return slider(m, { read, move, limits, step: m.get("step"), text: readout });
  }

  // Python's format of the readout, as far as sliders use it: .2f, .3g, .1e, d.
  function readout(m) {
    const value = m.get("value");
    const [, digits, kind] = /\.(\d+)([efg])$/.exec(m.get("readout_format") ?? "") ?? [];
    if (kind === "f") return value.toFixed(digits);
    if (kind === "e") return value.toExponential(digits);
    if (kind === "g") return String(Number(value.toPrecision(Math.max(1, digits))));
    return String(value);
  }

  const number = {
    text: (m) => String(m.get("value")),
    take(m, text) {
      const scale = m.name === "FloatLogSliderModel" ? (edge) => m.get("base") ** edge : (edge) => edge;
      const value = text.trim() ? Number(text) : NaN;
      const inside = value >= scale(m.get("min")) && value <= scale(m.get("max"));
      if (inside && (m.name !== "IntSliderModel" || Number.isInteger(value))) m.set("value", value);
    },
  };

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
    SelectionSliderModel: { view: selectionSlider, ...choice },
    DropdownModel: { view: dropdown, ...choice },
    RadioButtonsModel: { view: radios, ...choice },
    ToggleButtonsModel: { view: radios, ...choice },
    IntSliderModel: { view: numberSlider, ...number },
    FloatSliderModel: { view: numberSlider, ...number },
    FloatLogSliderModel: { view: logSlider, ...number },
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
