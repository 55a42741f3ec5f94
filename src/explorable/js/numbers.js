// The table of the numbers behind the current state. They come from Python; see numbers.py.

import { make } from "./dom.js";

export class Numbers {
  constructor(frames, figure) {
    this.frames = frames;
    this.series = frames.spec.numbers;
    const name = `numbers of this state: ${figure}`;
    const scrolls = { role: "region", "aria-label": name, tabindex: "0" };
    const summary = make("summary", {}, ["Numbers"]);
    this.table = make("div", { class: "xp-tables", ...scrolls });
    this.element = make("details", { class: "xp-numbers" }, [summary, this.table]);
  }

  /** Series over the same x share a table. */
  write(state) {
    const tables = new Map();
    for (const series of this.series) {
      const [x, y] = this.frames.rows(series, state);
      if (!x.length) continue;
      const key = `${series.panel} ${series.x} ${series.y} ${x}`;
      if (!tables.has(key)) tables.set(key, { names: [series.x, series.y], x, columns: [] });
      tables.get(key).columns.push([series.label || series.y, y]);
    }
    const all = [...tables.values()].map(table);
    if (!all.length) all.push(make("p", {}, ["Nothing is drawn in this state."]));
    this.table.replaceChildren(...all);
  }

  /** What a listener hears of a state after another: labelled series that changed, and how. */
  changes(state, before) {
    const frame = (series, at) => this.frames.frame(series, at);
    const changed = this.series.filter((s) => s.label && frame(s, state) !== frame(s, before));
    return changed.slice(0, 3).map((s) => {
      const [, y] = this.frames.rows(s, state);
      if (!y.length) return `${s.label} is not drawn`;
      return y.length === 1 ? `${s.label}: ${y[0]}` : `${s.label}: from ${y[0]} to ${y.at(-1)}`;
    });
  }
}

function table({ names, x, columns }) {
  const labels = [names[0], ...columns.map(([label]) => label)];
  const head = labels.map((text) => make("th", { scope: "col" }, [text]));
  const rows = x.map((value, i) => {
    const cells = columns.map(([, y]) => make("td", {}, [y[i]]));
    return make("tr", {}, [make("th", { scope: "row" }, [value]), ...cells]);
  });
  return make("table", {}, [
    make("caption", {}, [`${names[1]} against ${names[0]}`]),
    make("thead", {}, [make("tr", {}, head)]),
    make("tbody", {}, rows),
  ]);
}
