// The frames that codec.py packed: which shapes an artist shows in a state.

/** Bytes out of base64. */
export const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** The frames of a figure and all that is said of them, inflated; see codec.py. */
export async function unpack(spec, data) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser is too old to unpack it");
  }
  const packed = typeof data === "string" ? bytes(data) : data; // a home that passes JSON alone
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const plain = new Uint8Array(await new Response(stream).arrayBuffer());
  const images = plain.slice(2 * spec.words, 2 * spec.words + spec.images); // plain is let go
  const rest = plain.subarray(2 * spec.words + spec.images);
  const whole = { ...spec, ...JSON.parse(new TextDecoder().decode(rest)) };
  whole.params = spec.params.map((param, i) => ({ ...param, labels: whole.labels[i] }));
  return new Frames(whole, joined(whole.blocks, plain), images);
}

/** The words of all blocks: columns, bytes and differences put together again. */
function joined(blocks, plain) {
  const words = new Uint16Array(blocks.reduce((sum, [length]) => sum + length, 0));
  let start = 0;
  for (const [length, columns, lags] of blocks) {
    const end = start + length;
    let low = 2 * start;
    for (let column = 0; column < columns; column++) {
      for (let at = start + column; at < end; at += columns, low++) {
        const word = plain[low] | (plain[low + length] << 8);
        words[at] = (word >>> 1) ^ -(word & 1); // the sign stands in the lowest bit
      }
    }
    for (const lag of lags) {
      for (let at = start + lag; at < end; at++) words[at] += words[at - lag];
    }
    start = end;
  }
  return words;
}

export class Frames {
  constructor(spec, words, images) {
    this.spec = spec;
    this.words = words;
    this.pictures = spec.pictures.map(([at, size]) => images.subarray(at, at + size));
    this.runs = new Map();
  }

  /** A number of two words. */
  long(at) {
    return this.words[at] + 65536 * this.words[at + 1];
  }

  /** The number of the frame that a slot, or a series of numbers, shows in a state. */
  frame(slot, state) {
    if (slot.frames === 1) return 0;
    return slot.index < 0 ? state : this.long(slot.index + 2 * state);
  }

  /** What the table says of a frame, and where its words start. */
  entry(slot, frame) {
    const at = this.spec.table + 4 * (slot.first + frame);
    return [this.long(at), this.long(at + 2)];
  }

  /** The template of a frame and the position of its coordinates. */
  open(slot, frame) {
    const [template, at] = this.entry(slot, frame);
    return { shapes: this.spec.templates[template], at };
  }

  /** The rows of a series of numbers in a state: all x and all y. */
  rows(series, state) {
    const [count, at] = this.entry(series, this.frame(series, state));
    const column = (first) =>
      Array.from({ length: count }, (_, i) => this.spec.cells[this.long(at + 4 * i + first)]);
    return [column(0), column(2)];
  }

  /** Of texts that are kept once each, that of a state. */
  text({ texts, index }, state) {
    return texts[index < 0 ? 0 : this.long(index + 2 * state)];
  }

  /** The middle of what an artist draws in a state; null if it draws nothing. */
  centre(slot, state) {
    const { shapes, at } = this.open(slot, this.frame(slot, state));
    const n = shapes.reduce((sum, shape) => sum + points(shape), 0);
    if (!n) return null;
    let x = 0;
    let y = 0;
    for (let i = 0; i < n; i++) {
      x += this.words[at + 2 * i];
      y += this.words[at + 2 * i + 1];
    }
    return [x / n, y / n];
  }

  /** A laid-out string as the `d` of a path. */
  outline(run) {
    if (!this.runs.has(run)) {
      const r = this.spec.runs[run];
      let d = "";
      for (let i = 0; i < r.length; i += 3) {
        d += `M${r[i + 1]} ${r[i + 2]}${this.spec.glyphs[r[i]]}`;
      }
      this.runs.set(run, d);
    }
    return this.runs.get(run);
  }
}

/** How many points a shape has. */
function points(shape) {
  if (shape[0] === "p") return shape[3].reduce((sum, [, n]) => sum + n, 0);
  if (shape[0] === "u") return shape[2].reduce((sum, [, , n]) => sum + n, 0);
  return shape[0] === "t" ? 1 : 0;
}
