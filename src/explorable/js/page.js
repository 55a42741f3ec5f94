// Runs the figures of a page without kernel, server or network, from http and from file://.
//
// The page holds a <div class="xp-live" id="powers" data-figure="…"> with the first frame for each
// figure, and the bytes of a figure come by a script of its own that calls `explorable.put`.
// Figures near the reader start first, the others when nothing else is to be done. The state of the
// figure moved last stands in the address: #powers?gain=1.2&activation=tanh

import { render } from "./figure.js";
import { bytes } from "./frames.js";

/** What `render` calls of a model. */
class Model {
  constructor(traits) {
    this.traits = traits;
    this.listeners = [];
  }
  get(key) {
    return this.traits[key];
  }
  set(key, value) {
    if (Object.is(this.traits[key], value)) return;
    this.traits[key] = value;
    for (const { event, act } of [...this.listeners]) if (event === `change:${key}`) act();
  }
  on(event, act) {
    this.listeners.push({ event, act });
  }
  off(event, act) {
    this.listeners = this.listeners.filter((l) => l.event !== event || l.act !== act);
  }
  save_changes() {} // there is no kernel to tell
}

const arrived = new Map(); // digest → the traits of a figure and its bytes
const waiting = new Map(); // digest → what to do once they are there

/** A figure's own script brings it. */
export function put(digest, traits, data) {
  arrived.set(digest, [traits, data]);
  waiting.get(digest)?.();
}

function fetched(digest, src) {
  return new Promise((done, failed) => {
    if (arrived.has(digest)) return done();
    waiting.set(digest, done);
    const script = Object.assign(document.createElement("script"), { src });
    script.onerror = () => failed(new Error("its file is missing"));
    script.onload = () => arrived.has(digest) || failed(new Error("its file is damaged"));
    document.head.append(script);
    script.remove(); // it runs all the same, and a saved page does not hold it twice
  });
}

class Live {
  constructor(el) {
    this.el = el;
    // A page that was saved while it lived holds a picture of that.
    el.querySelectorAll(".xp-figure").forEach((copy) => copy.remove());
    this.first = [...el.children];
    this.first.forEach((each) => (each.hidden = false));
    this.notice = el.querySelector(".xp-notice");
    if (this.notice) this.notice.hidden = true;
    el.dataset.state = "waiting";
    this.started = null;
  }

  /** Start once; resolves when the figure lives or has failed. */
  start() {
    this.started ??= this.run().then(
      () => (this.el.dataset.state = "live"),
      (error) => this.fail(error),
    );
    return this.started;
  }

  async run() {
    const { figure, src } = this.el.dataset;
    await fetched(figure, src);
    const [traits, data] = arrived.get(figure);
    this.model = new Model({ ...traits, data: bytes(data), own_controls: true });
    await render({ model: this.model, el: this.el });
    this.first.forEach((each) => (each.hidden = true));
    this.root = this.el.querySelector(".xp-figure");
    this.root.explorable.watch(() => remember(this));
    const alone = this.el.hasAttribute("data-play") || this.model.get("spec").autoplay;
    if (alone && !stillness.matches && !location.hash) this.playWhenSeen();
  }

  /** Once, unless the reader has moved a figure before. */
  playWhenSeen() {
    const half = 0.5;
    const seen = new IntersectionObserver(
      (entries) => {
        if (entries.at(-1).intersectionRatio < half) return;
        seen.disconnect();
        if (!location.hash) this.root.explorable.play();
      },
      { threshold: half },
    );
    seen.observe(this.root);
  }

  fail(error) {
    this.el.dataset.state = "failed";
    this.el.querySelector(".xp-figure")?.remove();
    if (this.notice) {
      this.notice.hidden = false;
      const why = `This figure could not start: ${error.message}.`;
      this.notice.textContent = `${why} This is its first state.`;
    }
    console.error(error);
  }
}

const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");
const figures = new Map();
let timer = 0;
let restoring = false; // only what the reader moves goes into the address

function remember({ el, root }) {
  if (restoring || root.explorable.playsUnasked()) return;
  clearTimeout(timer);
  // Browsers refuse some hundred changes of the address in half a minute: wait for a pause.
  timer = setTimeout(() => {
    history.replaceState(history.state, "", `#${el.id}?${root.explorable.query()}`);
  }, 300);
}

/** Set the figure that the address names; what names no parameter or no value of it is ignored. */
async function restore(block) {
  const [id, query] = location.hash.slice(1).split(/\?(.*)/s);
  const name = new URLSearchParams(`id=${id}`).get("id"); // unlike decodeURIComponent, takes any %
  const figure = figures.get(name);
  if (!figure || query === undefined) return;
  clearTimeout(timer);
  await figure.start();
  if (!figure.root) return;
  restoring = true;
  figure.root.explorable.link(query);
  restoring = false;
  figure.el.scrollIntoView({ block });
}

const idle = window.requestIdleCallback ?? ((act) => setTimeout(act, 200));

/** Start the figures that have not, one after the other, when the page has nothing else to do. */
function startRest() {
  const next = [...figures.values()].find((figure) => !figure.started);
  if (next) idle(() => next.start().then(startRest));
}

/** A frame that may be asked, such as one with `srcdoc`, takes the height of what is in it. */
export function fit() {
  let frame = null;
  try {
    frame = window.frameElement;
  } catch {
    // of another origin
  }
  if (!frame) return;
  const height = () => (frame.style.height = `${document.documentElement.offsetHeight + 4}px`);
  new ResizeObserver(height).observe(document.documentElement);
}

/** Resolves when every figure of the page lives or has failed. */
export const all = () => Promise.all([...figures.values()].map((figure) => figure.start()));

function start() {
  for (const el of document.querySelectorAll(".xp-live[data-figure]")) {
    if (!figures.has(el.id)) figures.set(el.id, new Live(el));
  }
  const near = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        figures.get(target.id).start();
      }
    },
    { rootMargin: "800px" },
  );
  figures.forEach(({ el }) => near.observe(el));
  restore("center");
  window.addEventListener("hashchange", () => restore("nearest"));
  document.addEventListener("click", ({ target }) => {
    // A link to the state that the address already names fires no hashchange.
    if (location.hash && target.closest?.("a")?.hash === location.hash) restore("nearest");
  });
  idle(startRest);
}

start(); // this script stands below the figures
