// Draws shapes into the group of one artist, touching only what differs from what stands there.
// The SVG's own unit is the frames' unit, so vertices go from the buffer into a path unchanged.

import { draw } from "./dom.js";

export class Painter {
  constructor(frames, uid) {
    this.frames = frames;
    this.uid = uid;
    this.urls = new Map();
  }

  paint(group, { shapes, at }) {
    shapes.forEach((shape, i) => {
      let element = group.children[i];
      if (element?.xpKind !== shape[0]) {
        const made = this.make(shape[0]);
        if (element) element.replaceWith(made);
        else group.append(made);
        element = made;
      }
      at = this[shape[0]](element, shape, at);
    });
    while (group.children.length > shapes.length) group.lastChild.remove();
  }

  make(kind) {
    const element = draw(kind === "p" ? "path" : "g");
    if (kind === "t") element.append(draw("path"));
    element.xpKind = kind;
    return element;
  }

  /** By the style object: a page's policy may forbid style attributes. */
  style(element, number) {
    if (element.xpStyle !== number) element.style.cssText = this.frames.spec.styles[number];
    element.xpStyle = number;
  }

  clip(element, number) {
    if (element.xpClip === number) return;
    element.xpClip = number;
    if (number < 0) element.removeAttribute("clip-path");
    else element.setAttribute("clip-path", `url(#${this.uid}-c${number})`);
  }

  /** A path. */
  p(element, [, style, clip, steps], at) {
    this.style(element, style);
    this.clip(element, clip);
    let d = "";
    for (const [letter, n] of steps) {
      d += letter + this.frames.words.subarray(at, at + 2 * n).join(" ");
      at += 2 * n;
    }
    element.setAttribute("d", d);
    return at;
  }

  /** Uses of symbols. */
  u(element, [, clip, uses], at) {
    this.clip(element, clip);
    let i = 0;
    for (const [symbol, style, n] of uses) {
      for (const end = at + 2 * n; at < end; at += 2) {
        const use = element.children[i] || element.appendChild(draw("use"));
        if (use.xpSymbol !== symbol) use.setAttribute("href", `#${this.uid}-s${symbol}`);
        use.xpSymbol = symbol;
        this.style(use, style);
        use.setAttribute("x", this.frames.words[at]);
        use.setAttribute("y", this.frames.words[at + 1]);
        i++;
      }
    }
    while (element.children.length > i) element.lastChild.remove();
    return at;
  }

  /** A laid-out string. */
  t(element, [, style, clip, run, matrix], at) {
    this.clip(element, clip);
    const path = element.firstChild;
    const w = this.frames.words;
    this.style(path, style);
    if (path.xpRun !== run) path.setAttribute("d", this.frames.outline(run));
    path.xpRun = run;
    path.setAttribute("transform", `matrix(${matrix.join(" ")} ${w[at]} ${w[at + 1]})`);
    return at + 2;
  }

  /** Images stay once loaded, and swap when the new one has loaded: a new address would flicker. */
  i(element, [, style, clip, picture, width, height, matrix], at) {
    this.clip(element, clip);
    element.xpImages ||= new Map();
    const key = `${picture} ${matrix}`;
    element.xpWanted = key;
    const show = () => {
      if (element.xpWanted !== key) return;
      for (const [k, other] of element.xpImages) {
        other.setAttribute("visibility", k === key ? "inherit" : "hidden");
      }
    };
    let image = element.xpImages.get(key);
    if (!image) {
      image = draw("image", {
        visibility: "hidden",
        width,
        height,
        preserveAspectRatio: "none",
        transform: `matrix(${matrix.join(" ")})`,
      });
      image.style.cssText = this.frames.spec.styles[style];
      image.addEventListener("load", () => {
        image.xpReady = true;
        show();
      });
      image.setAttribute("href", this.url(picture));
      element.xpImages.set(key, image);
      element.append(image);
    }
    if (image.xpReady) show();
    return at;
  }

  url(picture) {
    if (!this.urls.has(picture)) {
      const blob = new Blob([this.frames.pictures[picture]], { type: "image/png" });
      this.urls.set(picture, URL.createObjectURL(blob));
    }
    return this.urls.get(picture);
  }

  close() {
    this.urls.forEach((url) => URL.revokeObjectURL(url));
  }
}
