// Part of the module that widget.py joins: the table of the numbers behind the current state.

/** Values behind the vertices inside the axes, as precise as the drawing is. */
class Numbers {
  constructor(spec, svg) {
    this.spec = spec;
    this.svg = svg;
  }
  axis(scale, margin, unit, top) {
    let [lo, hi, kind, a, b] = scale;
    const log = kind === "log";
    if (log) [lo, hi] = [Math.log10(lo), Math.log10(hi)];
    const place = (p) => top === null ? (p + margin) * unit : (top - p + margin) * unit;
    const [u, v] = [place(a), place(b)];
    const step = Math.abs((hi - lo) / (v - u));
    return {
      zero: log ? 2 * u - v : u - (v - u) * lo / (hi - lo),                         // where bars begin
      inside: (w) => w >= Math.min(u, v) - 1 && w <= Math.max(u, v) + 1,
      write: (w) => {
        const value = lo + (hi - lo) * (w - u) / (v - u);
        if (log) return String(Number((10 ** value).toPrecision(Math.max(1, Math.min(4, Math.floor(-Math.log10(2.3 * step)))))));
        const decimals = Math.max(0, Math.min(12, Math.floor(-Math.log10(step))));
        return String(Number(Number(value.toPrecision(4)).toFixed(decimals)));
      },
    };
  }
  /** The vertices of an artist as it stands in the page. */
  points(slot) {
    const group = this.svg.querySelector(`[data-slot="${slot}"]`);
    const path = group.querySelector(":scope > path");
    if (!path) return [...group.querySelectorAll("use")].map((use) => [+use.getAttribute("x"), +use.getAttribute("y")]);
    const flat = path.getAttribute("d").match(/\d+/g)?.map(Number) || [];
    return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
  }
  rows(table) {
    const { x, y } = this.spec.axes[table.axes];
    const [left, top, width, height] = this.spec.view;
    const unit = width / this.spec.width, margin = left / unit;
    const across = this.axis(x, margin, unit, null), up = this.axis(y, margin, unit, height / unit);
    let points;
    if (table.kind === "line") points = this.points(table.slots[0]);
    else {
      points = table.slots.map((slot) => this.points(slot)).filter((p) => p.length).map((p) => {
        const xs = p.map((q) => q[0]), ys = p.map((q) => q[1]);
        const ends = (vs, zero) => [Math.min(...vs), Math.max(...vs)].sort((a, b) => Math.abs(b - zero) - Math.abs(a - zero));
        const [x, y] = [ends(xs, across.zero), ends(ys, up.zero)];
        return table.kind === "vertical" ? [(x[0] + x[1]) / 2, y[0]] : [x[0], (y[0] + y[1]) / 2];
      });
    }
    points = points.filter(([a, b]) => across.inside(a) && up.inside(b));
    const n = Math.min(12, points.length);
    const thin = Array.from({ length: n }, (_, i) => points[Math.round(i * (points.length - 1) / Math.max(1, n - 1))]);
    return thin.map(([a, b]) => [across.write(a), up.write(b)]);
  }
  /** Tables for all labelled artists; those with the same x share one. */
  write(box) {
    const groups = new Map();
    for (const table of this.spec.tables) {
      if (!this.spec.axes[table.axes]) continue;
      const rows = this.rows(table), key = `${table.axes} ${rows.map((row) => row[0])}`;
      if (!groups.has(key)) groups.set(key, { names: this.spec.axes[table.axes].names, x: rows.map((r) => r[0]), columns: [] });
      groups.get(key).columns.push([table.label, rows.map((r) => r[1])]);
    }
    box.replaceChildren(...[...groups.values()].map(({ names, x, columns }) => {
      const row = (cells, head) => make("tr", {}, cells.map((c, i) => make(head || !i ? "th" : "td", { scope: head ? "col" : i ? null : "row" }, [c])));
      return make("table", {}, [
        make("caption", {}, [`${names[1]} against ${names[0]}, read off the drawing`]),
        make("thead", {}, [row([names[0], ...columns.map((c) => c[0])], true)]),
        make("tbody", {}, x.map((value, i) => row([value, ...columns.map((c) => c[1][i])]))),
      ]);
    }));
  }
}
