// Runs the ipywidgets of a published page: no kernel, no server, no network, from http and from file://.
//
// The page holds one JSON script with the state of its models (written by explorable.sphinx) and a
// <div class="xp-live" data-model="…"> where each figure goes. Models are made on demand; a change of one
// reaches every linked one before `set` returns. The state of the figure moved last stands in the address:
// #fig-1?gain=1.2&activation=tanh
(() => {
  "use strict";

  const { controls, element, textView } = window.explorableLive;
  const saved = JSON.parse(document.querySelector('script[type$="widget-state+json"]').textContent).state;

  // ---------------------------------------------------------------- models

  // What a widget's own code may call of a Backbone model.
  class Model {
    constructor({ model_name, state, buffers = [] }) {
      this.name = model_name;
      this.state = state;
      this.listeners = [];
      for (const { path, data } of buffers) {
        const parent = path.slice(0, -1).reduce((value, key) => value[key], state);
        parent[path.at(-1)] = new DataView(bytes(data));
      }
    }
    get(key) {
      return this.state[key];
    }
    set(key, value) {
      const next = typeof key === "object" ? key : { [key]: value };
      const changed = Object.keys(next).filter((k) => !Object.is(next[k], this.state[k]));
      Object.assign(this.state, next);
      for (const k of changed) this.trigger(`change:${k}`, this.state[k]);
      if (changed.length) this.trigger("change");
    }
    on(events, callback) {
      for (const event of events.split(/\s+/)) this.listeners.push({ event, callback });
    }
    off(events, callback) {
      const names = events?.split(/\s+/);
      const other = (l) => (names && !names.includes(l.event)) || (callback && l.callback !== callback);
      this.listeners = this.listeners.filter(other);
    }
    trigger(event, ...values) {
      for (const l of [...this.listeners]) if (l.event === event) l.callback(this, ...values);
    }
    save_changes() {} // there is no kernel to tell
    send() {}
  }

  function bytes(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64).buffer;
    const text = atob(base64);
    const array = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
    return array.buffer;
  }

  const models = new Map();
  const idOf = (reference) => reference.replace("IPY_MODEL_", "");
  function model(reference) {
    const id = idOf(reference);
    if (!models.has(id)) models.set(id, new Model(saved[id]));
    return models.get(id);
  }

  function link({ model_name, state }) {
    const [[a, from], [b, to]] = [state.source, state.target];
    const [first, second] = [model(a), model(b)];
    const forward = () => second.set(to, first.get(from));
    first.on(`change:${from}`, forward);
    if (model_name === "LinkModel") second.on(`change:${to}`, () => first.set(from, second.get(to)));
    forward();
  }

  // ---------------------------------------------------------------- views

  function view(reference, figure) {
    const m = model(reference);
    const el = build(m, idOf(reference), figure);
    const layout = m.get("layout") ? model(m.get("layout")).state : {};
    for (const [key, value] of Object.entries(layout)) {
      if (typeof value === "string") el.style.setProperty(key.replaceAll("_", "-"), value);
    }
    if (m.get("tooltip")) el.title = m.get("tooltip");
    el.classList.add(...(m.get("_dom_classes") ?? []));
    return el;
  }

  function build(m, id, figure) {
    if (controls[m.name]) return control(m, figure);
    if (m.name === "AnyModel") return anywidget(m, id, figure);
    if (!/BoxModel$/.test(m.name)) return textView(m);
    const className = `xp-box xp-${m.name.replace("Model", "").toLowerCase()}`;
    return element("div", { className }, ...m.get("children").map((child) => view(child, figure)));
  }

  function control(m, figure) {
    const wanted = slug(m.get("description") || m.get("tooltip") || "");
    let key = wanted;
    for (let i = 2; figure.controls.has(key); i++) key = `${wanted}-${i}`;
    figure.controls.set(key, m);
    m.on("change:index change:value", () => remember(figure));
    const el = controls[m.name].view(m);
    el.dataset.key = key;
    return el;
  }

  function anywidget(m, id, figure) {
    const el = element("div", { className: "xp-any" });
    const first = document.querySelector(`noscript[data-model="${id}"]`);
    // The page holds the first frame once, for readers without JavaScript; the model takes it from there.
    if (m.get("svg") === true) m.state.svg = /<svg[^]*<\/svg>/.exec(first.textContent)[0];
    addStyle(m.get("_css"));
    const run = async () => {
      const signal = new AbortController().signal; // a page never takes its figures down
      const widget = await load(window.explorableModules[m.get("_esm")]);
      await widget.initialize?.({ model: m, signal });
      await widget.render?.({ model: m, el, signal });
    };
    const failed = (error) => {
      const notice = "This figure could not start: its controls do nothing.";
      el.replaceChildren(element("p", { role: "alert" }, notice));
      el.insertAdjacentHTML("beforeend", first.textContent);
      figure.state = "failed";
      console.error(error);
    };
    figure.pending.push(run().catch(failed));
    return el;
  }

  const modules = new Map(); // source → promise of what it exports: loaded once however many figures share it
  function load(source) {
    if (!modules.has(source)) {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const definition = ({ default: widget, ...named }) => (typeof widget === "function" ? widget() : widget ?? named);
      modules.set(source, import(url).then(definition));
    }
    return modules.get(source);
  }

  const styles = new Set();
  function addStyle(css) {
    if (css && !styles.has(css)) document.head.append(element("style", {}, css));
    styles.add(css);
  }

  // ---------------------------------------------------------------- address

  const slug = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}._]+/gu, "-").replace(/^-|-$/g, "") || "value";
  const figures = new Map();
  let timer;
  let restoring = true; // only what the reader moves goes into the address

  function remember(figure) {
    if (restoring) return;
    clearTimeout(timer);
    // Browsers refuse more than some hundred changes of the address in half a minute: wait for a pause.
    timer = setTimeout(() => {
      const texts = [...figure.controls].map(([key, m]) => [key, controls[m.name].text(m)]);
      history.replaceState(history.state, "", `#${figure.el.id}?${new URLSearchParams(texts)}`);
    }, 300);
  }

  // Set the figure that the address names; what names no control or no value of it is ignored.
  function restore() {
    const [id, query] = location.hash.slice(1).split(/\?(.*)/s);
    const figure = figures.get(new URLSearchParams(`id=${id}`).get("id")); // unlike decodeURIComponent, takes any %
    if (!figure || query === undefined) return null;
    clearTimeout(timer);
    restoring = true;
    for (const [key, text] of new URLSearchParams(query)) {
      const m = figure.controls.get(key);
      if (m) controls[m.name].take(m, text);
    }
    restoring = false;
    return figure.el;
  }

  const show = (el, block) => el?.scrollIntoView({ block });

  // ---------------------------------------------------------------- start

  async function start() {
    for (const el of document.querySelectorAll(".xp-live[data-model]")) {
      const figure = { el, controls: new Map(), pending: [], state: "live" };
      figures.set(el.id, figure);
      el.append(view(el.dataset.model, figure));
    }
    for (const each of Object.values(saved)) if (/LinkModel$/.test(each.model_name)) link(each);
    restoring = false;
    const named = restore();
    window.addEventListener("hashchange", () => show(restore(), "nearest"));
    document.addEventListener("click", ({ target }) => {
      // A link to the state that the address already names fires no hashchange.
      if (location.hash && target.closest?.("a")?.hash === location.hash) show(restore(), "nearest");
    });
    const ready = [...figures.values()].map(async (figure) => {
      await Promise.all(figure.pending);
      figure.el.dataset.state = figure.state;
    });
    await Promise.all(ready); // figures push the page about as they appear
    show(named, "center");
  }
  start();
})();
