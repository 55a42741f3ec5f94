// Part of the module that widget.py joins: the frames that codec.py packed, and the hand that draws them.
// The SVG's own unit is the frames' unit, so vertices go from the buffer into a path unchanged.

const NS = "http://www.w3.org/2000/svg";

/** Frames of one figure: which shapes an artist shows in a state. */
class Frames {
  constructor(spec, data) {
    const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    this.spec = spec;
    this.words = new Uint16Array(bytes, 0, spec.words);
    this.pictures = spec.images.map(([at, size]) => new Uint8Array(bytes, 2 * spec.words + at, size));
    this.slots = new Map(spec.slots.map((slot) => [slot.slot, slot]));
    this.runs = new Map();
  }
  frame(slot, state) {
    return slot.index < 0 ? state : this.words[slot.index + state];
  }
  /** The template of a frame and the position of its coordinates. */
  open(slot, frame) {
    const at = slot.table + 3 * frame, w = this.words;
    return { shapes: this.spec.templates[w[at]], at: w[at + 1] + 65536 * w[at + 2] };
  }
  /** The middle of what an artist draws in a state; null if it draws nothing. */
  centre(slot, state) {
    const { shapes, at } = this.open(slot, this.frame(slot, state)), w = this.words;
    const steps = { p: (shape) => shape[3], u: (shape) => shape[2], t: () => [[1]], i: () => [] };
    const n = shapes.flatMap((shape) => steps[shape[0]](shape)).reduce((sum, step) => sum + step.at(-1), 0);
    const mean = (k) => { let sum = 0; for (let i = 0; i < n; i++) sum += w[at + 2 * i + k]; return sum / n; };
    return n ? [mean(0), mean(1)] : null;
  }
  /** A laid-out string as the `d` of a path. */
  text(run) {
    if (!this.runs.has(run)) {
      const r = this.spec.runs[run];
      let d = "";
      for (let i = 0; i < r.length; i += 3) d += `M${r[i + 1]} ${r[i + 2]}${this.spec.glyphs[r[i]]}`;
      this.runs.set(run, d);
    }
    return this.runs.get(run);
  }
}

/** Draws shapes into the group of one artist, touching only what differs from what stands there. */
class Painter {
  constructor(frames, uid) {
    this.frames = frames;
    this.uid = uid;
    this.urls = new Map();
  }
  paint(group, { shapes, at }) {
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i];
      let element = group.children[i];
      if (!element || element.gtKind !== shape[0]) {
        const made = this.make(shape[0]);
        if (element) element.replaceWith(made); else group.append(made);
        element = made;
      }
      at = this[shape[0]](element, shape, at);
    }
    while (group.children.length > shapes.length) group.lastChild.remove();
  }
  make(kind) {
    const element = document.createElementNS(NS, kind === "p" ? "path" : "g");
    if (kind === "t") element.append(document.createElementNS(NS, "path"));
    element.gtKind = kind;
    return element;
  }
  set(element, name, value) {
    if (value === null) { if (element.hasAttribute(name)) element.removeAttribute(name); }
    else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
  style(element, number) {
    if (element.gtStyle !== number) element.setAttribute("style", this.frames.spec.styles[number]);
    element.gtStyle = number;
  }
  clip(element, number) {
    this.set(element, "clip-path", number < 0 ? null : `url(#${this.uid}-c${number})`);
  }
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
  u(element, [, clip, uses], at) {
    this.clip(element, clip);
    let i = 0;
    for (const [symbol, style, n] of uses) {
      for (const end = at + 2 * n; at < end; at += 2) {
        const use = element.children[i] || element.appendChild(document.createElementNS(NS, "use"));
        if (use.gtSymbol !== symbol) use.setAttribute("href", `#${this.uid}-s${symbol}`);
        use.gtSymbol = symbol;
        this.style(use, style);
        use.setAttribute("x", this.frames.words[at]);
        use.setAttribute("y", this.frames.words[at + 1]);
        i++;
      }
    }
    while (element.children.length > i) element.lastChild.remove();
    return at;
  }
  t(element, [, style, clip, run, matrix], at) {
    this.clip(element, clip);
    const path = element.firstChild, w = this.frames.words;
    this.style(path, style);
    if (path.gtRun !== run) path.setAttribute("d", this.frames.text(run));
    path.gtRun = run;
    path.setAttribute("transform", `matrix(${matrix.join(" ")} ${w[at]} ${w[at + 1]})`);
    return at + 2;
  }
  /** Images stay in the page once loaded, and swap when the new one has loaded: a changed address would flicker. */
  i(element, [, style, clip, picture, width, height, matrix], at) {
    this.clip(element, clip);
    element.gtImages ||= new Map();
    const key = `${picture} ${matrix}`;
    element.gtWanted = key;
    const show = () => {
      if (element.gtWanted === key) for (const [k, other] of element.gtImages) other.setAttribute("visibility", k === key ? "inherit" : "hidden");
    };
    let image = element.gtImages.get(key);
    if (!image) {
      image = document.createElementNS(NS, "image");
      image.setAttribute("style", this.frames.spec.styles[style]);
      image.setAttribute("visibility", "hidden");
      image.setAttribute("width", width);
      image.setAttribute("height", height);
      image.setAttribute("preserveAspectRatio", "none");
      image.setAttribute("transform", `matrix(${matrix.join(" ")})`);
      image.addEventListener("load", () => { image.gtReady = true; show(); });
      image.setAttribute("href", this.url(picture));
      element.gtImages.set(key, image);
      element.append(image);
    }
    if (image.gtReady) show();
    return at;
  }
  url(picture) {
    if (!this.urls.has(picture)) {
      this.urls.set(picture, URL.createObjectURL(new Blob([this.frames.pictures[picture]], { type: "image/png" })));
    }
    return this.urls.get(picture);
  }
  close() {
    this.urls.forEach((url) => URL.revokeObjectURL(url));
  }
}
