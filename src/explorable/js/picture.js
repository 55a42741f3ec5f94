// The picture of a figure: one drawing for each column of panels, side by side where there is
// room, else stacked.

import { draw, make } from "./dom.js";
import { Painter } from "./painter.js";

const LEAST = 1.12; // pixels to the point while columns can be stacked: a text of 10 pt has 11 px
let serial = 0;

export class Picture {
  /** `hidden`: leave out the data until `reveal`. */
  constructor(spec, frames, alt, hidden) {
    const uid = `${spec.id}-${++serial}`; // two views of a figure need ids of their own
    this.spec = spec;
    this.frames = frames;
    this.hidden = hidden;
    this.painter = new Painter(frames, uid);
    this.shown = new Map();
    this.drawings = spec.tiles.map((tile) => drawing(tile));
    this.drawings[0].prepend(definitions(spec, uid));
    this.groups = spec.slots.map((slot) => {
      const group = draw("g", { "data-slot": slot.slot, class: `xp-${slot.role}` });
      this.drawings[slot.tile].append(group);
      return [slot, group];
    });
    const described = { class: "xp-picture", role: "img", "aria-label": alt };
    this.element = make("div", described, this.drawings);
    const least = spec.tiles.reduce((sum, { points }) => sum + LEAST * points, 0);
    this.element.style.flexBasis = `${least.toFixed(1)}px`;
  }

  /** Draw a state; only what differs from the last one is touched. */
  show(state) {
    for (const [slot, group] of this.groups) {
      if (this.hidden && slot.role === "data") continue;
      const frame = this.frames.frame(slot, state);
      if (this.shown.get(slot) === frame) continue;
      this.painter.paint(group, this.frames.open(slot, frame));
      this.shown.set(slot, frame);
    }
  }

  /** Take the data out again, as before an answer. */
  conceal() {
    this.hidden = true;
    for (const [slot, group] of this.groups) {
      if (slot.role !== "data") continue;
      group.replaceChildren();
      this.shown.delete(slot);
    }
  }

  /** The group and the drawing of one artist. */
  place(number) {
    const [slot, group] = this.groups.find(([each]) => each.slot === number);
    return { slot, group, svg: this.drawings[slot.tile] };
  }

  close() {
    this.painter.close();
  }
}

function drawing({ box: [x, y, width, height], points }) {
  const svg = draw("svg", {
    viewBox: `${x} ${y} ${width} ${height}`,
    "stroke-linejoin": "round",
    "stroke-linecap": "butt",
    "aria-hidden": "true",
  });
  svg.style.flex = `${points} 1 ${(LEAST * points).toFixed(1)}px`;
  svg.style.maxWidth = `calc(${points}px * var(--xp-grow, 1.5))`;
  svg.style.aspectRatio = `${width} / ${height}`;
  return svg;
}

function definitions(spec, uid) {
  const path = (d) => draw("path", { d });
  const clips = spec.clips.map((d, i) => draw("clipPath", { id: `${uid}-c${i}` }, [path(d)]));
  const symbols = spec.symbols.map((d, i) => draw("path", { id: `${uid}-s${i}`, d }));
  return draw("defs", {}, [...clips, ...symbols]);
}

/** Colours that follow the page, which may be dark; hues stay.

    A colour is so much white, so much black, and the rest a pure hue: the model HWB. Its black is
    the page's text. The white of greys, and of what is nearly white, is the page's paper. */
export function inks(root, styles) {
  const found = styles.join(" ").matchAll(/--xp-([0-9a-f]{6}|[0-9a-f]{2}),/g);
  for (const code of new Set([...found].map((match) => match[1]))) {
    root.style.setProperty(`--xp-${code}`, ink(code));
  }
}

const NEARLY = 0.8; // of white, as in a pale background

function ink(code) {
  const rgb = (code.length === 2 ? code.repeat(3) : code)
    .match(/../g)
    .map((part) => parseInt(part, 16) / 255);
  const white = Math.min(...rgb);
  const black = 1 - Math.max(...rgb);
  const hue = 1 - white - black;
  const pure = rgb.map((part) => (hue ? Math.round((255 * (part - white)) / hue) : 0));
  if (!white && !black) return `rgb(${pure})`;
  const share = (100 * black) / (white + black);
  const paper = !hue || white > NEARLY ? "var(--xp-paper)" : "white";
  const grey = `color-mix(in srgb, currentColor ${share.toFixed(1)}%, ${paper})`;
  return hue ? `color-mix(in srgb, rgb(${pure}) ${(100 * hue).toFixed(1)}%, ${grey})` : grey;
}
