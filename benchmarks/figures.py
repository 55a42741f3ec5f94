"""The same figure as one file, made by explorable and by others that need no kernel either.

A sine with two sliders. `make bench-figures` installs the others in a folder of their own, and
writes figures.json and figures.md.
"""

import argparse
import gzip
import importlib.metadata
import io
import json
import sys
import time
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from explorable import explore

from . import machine, table

HERE = Path(__file__).parent
GRIDS = {168: (8, 21), 2000: (40, 50)}  # states: frequencies, phases
ROUNDS = 5
T = np.linspace(0, 1, 200)
PATIENCE = 60  # seconds for the rounds of one
SIZE = (4.25, 3.0)
LABELS = {"xlabel": "time [s]", "ylabel": "signal"}


def sine(frequency, phase):
    """The values of one state."""
    return np.sin(2 * np.pi * (frequency * T + phase))


def view(ax, frequency, phase):
    """One state by matplotlib."""
    ax.plot(T, sine(frequency, phase))
    ax.set(xlim=(0, 1), ylim=(-1.1, 1.1), **LABELS)


class Ours:
    """explorable."""

    def build(self, frequency, phase):
        return explore(view, alt="a sine", frequency=frequency, phase=phase)

    def save(self, figure, path, alone):
        figure.save(path)


class HoloMap:
    """A HoloMap of curves, drawn by matplotlib or by Bokeh."""

    def __init__(self, backend):
        import holoviews as hv

        hv.extension(backend)
        self.hv, self.backend = hv, backend

    def build(self, frequency, phase):
        curves = {
            (f, p): self.hv.Curve((T, sine(f, p)), LABELS["xlabel"], LABELS["ylabel"])
            for f, p in product(frequency.tolist(), phase.tolist())
        }
        map_ = self.hv.HoloMap(curves, kdims=["frequency", "phase"])
        size = {"fig_inches": SIZE} if self.backend == "matplotlib" else {"width": 306}
        return map_.opts(self.hv.opts.Curve(ylim=(-1.1, 1.1), **size, backend=self.backend))

    def save(self, figure, path, alone):
        resources = "inline" if alone else "cdn"
        self.hv.save(figure, path, backend=self.backend, resources=resources)


class Plotly:
    """Frames of Plotly, and the one slider that they can have."""

    def build(self, frequency, phase):
        import plotly.graph_objects as go

        states = list(product(frequency.tolist(), phase.tolist()))
        names = [f"{f:.3g}, {p:.3g}" for f, p in states]
        frames = [
            go.Frame(data=[go.Scatter(x=T, y=sine(*state))], name=name)
            for state, name in zip(states, names, strict=True)
        ]
        how = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}}
        steps = [
            {"method": "animate", "label": name, "args": [[name], how | {"transition": None}]}
            for name in names
        ]
        layout = go.Layout(
            sliders=[{"steps": steps}],
            yaxis={"range": (-1.1, 1.1), "title": LABELS["ylabel"]},
            xaxis={"title": LABELS["xlabel"]},
        )
        return go.Figure(data=frames[0].data, layout=layout, frames=frames)

    def save(self, figure, path, alone):
        figure.write_html(path, include_plotlyjs=True if alone else "cdn")


class Bokeh:
    """All curves in a Bokeh source, and some JavaScript that picks one."""

    PICK = """const at = f.value * phases + p.value;
    line.data.y = all.data.y[at];
    line.change.emit();"""

    def build(self, frequency, phase):
        from bokeh.layouts import column
        from bokeh.models import ColumnDataSource, CustomJS, Slider
        from bokeh.plotting import figure

        y = np.array([sine(*state) for state in product(frequency, phase)])
        line = ColumnDataSource({"x": T, "y": y[0]})
        every = ColumnDataSource({"y": list(y)})
        shown = figure(width=306, height=216, y_range=(-1.1, 1.1))
        shown.line("x", "y", source=line)
        shown.xaxis.axis_label, shown.yaxis.axis_label = LABELS.values()
        sliders = [
            Slider(start=0, end=len(values) - 1, value=0, step=1, title=name)
            for name, values in (("frequency", frequency), ("phase", phase))
        ]
        given = {"f": sliders[0], "p": sliders[1], "line": line, "all": every}
        pick = CustomJS(args=given | {"phases": len(phase)}, code=self.PICK)
        for slider in sliders:
            slider.js_on_change("value", pick)
        return column(shown, *sliders)

    def save(self, figure, path, alone):
        from bokeh.embed import file_html
        from bokeh.resources import CDN, INLINE

        path.write_text(file_html(figure, INLINE if alone else CDN, "a sine"), encoding="utf-8")


class Panel:
    """Panel's embed: every state as a picture of matplotlib."""

    def build(self, frequency, phase):
        import panel as pn
        from matplotlib.figure import Figure

        def draw(frequency, phase):
            fig = Figure(figsize=SIZE)
            view(fig.subplots(), frequency, phase)
            return pn.pane.Matplotlib(fig, dpi=144, tight=True)

        sliders = {
            name: pn.widgets.DiscreteSlider(name=name, options=values.tolist())
            for name, values in (("frequency", frequency), ("phase", phase))
        }
        return pn.Column(*sliders.values(), pn.bind(draw, **sliders))

    def save(self, figure, path, alone):
        states = max(GRIDS)
        figure.save(
            path,
            embed=True,
            max_states=states,
            max_opts=states,
            resources="inline" if alone else "cdn",
            progress=False,
        )


MAKERS = {
    "explorable": Ours,
    "HoloMap, matplotlib": lambda: HoloMap("matplotlib"),
    "HoloMap, Bokeh": lambda: HoloMap("bokeh"),
    "Plotly, frames": Plotly,
    "Bokeh, CustomJS": Bokeh,
    "Panel, embed": Panel,
}
VERSIONS = ("matplotlib", "holoviews", "plotly", "bokeh", "panel")


def measured(makers, states, rounds=ROUNDS):
    """A row for each maker: seconds of the processor, and bytes."""
    frequencies, phases = GRIDS.get(states, (2, states // 2))
    grid = np.linspace(1, 8, frequencies), np.linspace(0, 1, phases)
    seconds, rows = {name: [] for name in makers}, {}
    order = list(makers)
    with TemporaryDirectory() as folder:
        path = Path(folder, "figure.html")
        for _ in range(rounds):
            for name in order:
                if sum(seconds[name]) > PATIENCE / 2:
                    continue
                maker = makers[name]
                began = time.process_time()
                figure = maker.build(*grid)
                maker.save(figure, path, True)
                seconds[name].append(time.process_time() - began)
                if name not in rows:
                    rows[name] = {"maker": name, "states": states, "alone": size(path)}
                    if seconds[name][0] < PATIENCE / 2:
                        maker.save(figure, path, False)
                        rows[name]["linked"] = size(path)
                print(states, name, f"{seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
            order.reverse()
    for name, times in seconds.items():
        rows[name]["rounds"] = len(times)
        rows[name]["seconds"] = [float(q) for q in np.percentile(times, (25, 50, 75))]
    return [rows[name] for name in makers]


def size(path):
    """Bytes of a file, as it is and as a server sends it."""
    plain = path.read_bytes()
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as out:
        out.write(plain)
    return {"bytes": len(plain), "gzip": len(packed.getvalue())}


def markdown(results):
    """The text of ``figures.md``, from nothing but ``figures.json``."""
    facts = ", ".join(f"{name} {value}" for name, value in results["about"].items())
    head = ["states", "made by", "seconds", "quartiles", "one file", "gzip", "with a CDN", "gzip"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in results["rows"]:
        if row["seconds"] is None:
            about = f"about {row['expected'] / 60:.0f} min, not run"
            lines.append(f"| {row['states']} | {row['maker']} | {about} |  |  |  |  |  |")
            continue
        low, middle, high = row["seconds"]
        several = row["rounds"] > 1
        files = [row[how] for how in ("alone", "linked") if how in row]
        sizes = [kilobytes(count) for file in files for count in file.values()]
        cells = [
            str(row["states"]),
            row["maker"],
            f"{table.digits(middle)}\xa0s",
            f"{table.digits(low)} – {table.digits(high)}" if several else "",
            *[*sizes, "", ""][:4],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return f"{facts}.\n\n" + "\n".join(lines) + "\n"


def kilobytes(count):
    """Bytes as they are read."""
    return f"{count / 1e3:.0f}\xa0kB" if count < 1e6 else f"{count / 1e6:.3g}\xa0MB"


def write(results, folder):
    """The figures and their table."""
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / "figures.json").write_text(text + "\n", encoding="utf-8")
    (folder / "figures.md").write_text(markdown(results), encoding="utf-8")


def main(argv=None, folder=HERE):
    """Measure all, in turns, and write what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MAKERS, help="these alone; no files written")
    options = parser.parse_args(argv)
    names = options.only or MAKERS
    makers = {name: MAKERS[name]() for name in names}
    measured(makers, 4, 1)  # fonts are found, modules imported
    rows = []
    for states in GRIDS:
        known = {row["maker"]: row["seconds"][1] / row["states"] for row in rows if row["seconds"]}
        quick = {
            name: each for name, each in makers.items() if known.get(name, 0) * states < PATIENCE
        }
        rows += measured(quick, states)
        rows += [
            {"maker": name, "states": states, "seconds": None, "expected": known[name] * states}
            for name in makers
            if name not in quick
        ]
    about = {"CPU": machine.cpu(), "Python": sys.version.split()[0]}
    results = {
        "about": about | {name: importlib.metadata.version(name) for name in VERSIONS},
        "rows": rows,
    }
    print(markdown(results))
    if not options.only:
        write(results, folder)


if __name__ == "__main__":
    main()
