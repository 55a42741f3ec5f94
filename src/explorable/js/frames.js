// The frames that codec.py packed: which shapes an artist shows in a state.

/** Bytes out of base64. */
export const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** The frames of a figure: inflated, bytes and differences put together again; see codec.py. */
export async function unpack(spec, data) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser is too old to unpack it");
  }
  const packed = typeof data === "string" ? bytes(data) : data; // a home that passes JSON alone
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const plain = new Uint8Array(await new Response(stream).arrayBuffer());
  const n = spec.words;
  const words = new Uint16Array(n);
  for (let i = 0; i < n; i++) words[i] = plain[i] + 256 * plain[n + i] + (i > 1 ? words[i - 2] : 0);
  return new Frames(spec, words, plain.subarray(2 * n));
}

export class Frames {
  constructor(spec, words, images) {
    this.spec = spec;
    this.words = words;
    this.pictures = spec.images.map(([at, size]) => images.subarray(at, at + size));
    this.runs = new Map();
  }

  /** The number of the frame that a slot shows in a state. */
  frame(slot, state) {
    if (slot.frames === 1) return 0;
    return slot.index < 0 ? state : this.words[slot.index + state];
  }

  /** The template of a frame and the position of its coordinates. */
  open(slot, frame) {
    const at = slot.table + 3 * frame;
    const w = this.words;
    return { shapes: this.spec.templates[w[at]], at: w[at + 1] + 65536 * w[at + 2] };
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
  text(run) {
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
