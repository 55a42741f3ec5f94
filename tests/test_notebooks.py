"""The notebooks as a reader finds them: executed, tidy, and right at every slider's ends and middle."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest

import explorable
import gradtrace.tracing.path
from gradtrace import gradient_errors

matplotlib.use("Agg")
import matplotlib.pyplot as plt

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
MOST = 30
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells(path, kind="code"):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def test_there_are_notebooks_and_the_book_holds_each():
    toc = (Path(__file__).parents[1] / "_toc.yml").read_text()
    assert NOTEBOOKS and all(f"notebooks/{path.stem}\n" in toc for path in NOTEBOOKS)


@every_notebook
def test_every_code_cell_was_executed_in_order(path):
    assert [cell.execution_count for cell in cells(path)] == list(range(1, len(cells(path)) + 1))


@every_notebook
def test_outputs_hold_no_traceback_no_warning_and_nothing_that_changes_from_run_to_run(path):
    text = path.read_text()
    assert "widget-state" not in text and "widget-view" not in text and "Traceback" not in text
    for output in (output for cell in cells(path) for output in cell.outputs):
        assert output.output_type != "error" and output.get("name") != "stderr"
        said = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain"))
        assert not re.search(r"0x[0-9a-f]{6,}", said)


@every_notebook
def test_every_static_picture_has_alternative_text(path):
    for cell in cells(path):
        if any("image/png" in output.get("data", {}) for output in cell.outputs) and "explore(" not in cell.source:
            assert cell.metadata["mystnb"]["image"]["alt"]


def play(path):
    """Run a notebook's code and draw its views at their corners; keep what was drawn, and ``MOST`` nets of a kind."""
    figures, passes = [], {}
    forward = gradtrace.tracing.path.forward

    def keep_figure(view, *, panels=(1, 1), size=(6.4, 3.6), alt=None, anchor=None, start=None, title=None, cases=None,
                    predict=None, drag=None, register=None, **grid):
        assert alt and predict is not None, f"{view.__name__}: a figure needs alternative text and a prediction"
        figures.append((view, panels, grid, cases or {}))

    def keep_pass(path, h0):
        h, vjps = forward(path, h0)
        kind = (repr(path), len(path), *({name: value.shape for name, value in path[0].p.items()}.items()))
        alike = passes.setdefault(kind, [])
        most = MOST if sum(value.size for value in path[0].p.values()) < 50_000 else 3       # wide nets take seconds
        alike[min(len(alike), most):] = [(path, h)]
        return h, vjps

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explorable, "explore", keep_figure)
        patch.setattr(gradtrace.tracing.path, "forward", keep_pass)
        patch.setattr(plt, "show", lambda: plt.close("all"))
        namespace = {"__name__": "notebook"}
        for cell in cells(path):
            exec(compile(cell.source, path.name, "exec"), namespace)
        faults = [fault for view, panels, grid, _ in figures for state in corners(grid)
                  for fault in drawn(view, panels, state)]          # a view may run nets of its own
    return figures, passes, faults


def corners(grid):
    """States at the first, middle and last values: every value of every pair of sliders, in 9 states up to four."""
    ends = [(v[0], v[len(v) // 2], v[-1]) for v in grid.values()]
    size = next(k for k in itertools.count(1) if (3**k - 1) // 2 >= len(ends))
    points = [*itertools.product(range(3), repeat=size)]
    columns = [c for c in points if next(filter(None, c), 0) == 1]          # lines through 0 over the field of three
    rows = [[sum(map(int.__mul__, point, c)) % 3 for c in columns] for point in points]
    return [{name: v[k] for name, v, k in zip(grid, ends, row, strict=False)} for row in rows]


def test_corners_meet_every_pair_of_values():
    for sliders in range(1, 8):
        states = corners({f"s{i}": [0, 1, 2] for i in range(sliders)})
        assert len(states) == (3 if sliders == 1 else 9 if sliders <= 4 else 27)
        for a, b in itertools.combinations(range(sliders), 2):
            assert len({(state[f"s{a}"], state[f"s{b}"]) for state in states}) == 9


def drawn(view, panels, state):
    """Draw one state; return what a reader would miss in it."""
    figure, axes = plt.subplots(*panels)
    view(axes.ravel() if panels != (1, 1) else axes, **state)
    figure.canvas.draw()
    nameless = [ax for ax in figure.axes if not (ax.get_xlabel() and ax.get_ylabel())]
    empty = [ax for ax in figure.axes if not ax.has_data()]
    plt.close(figure)
    return [f"{view.__name__} at {state}: {what}" for some, what in (
        (nameless, "an axis without a name"), (empty, "nothing drawn")) if some]


@every_notebook
def test_views_draw_at_their_sliders_ends_and_all_nets_have_right_gradients(path):
    """Nets at the very states and parameters of the sliders, sweep axes included; of a training, some and its last."""
    figures, passes, faults = play(path)
    assert figures and not faults, faults
    for view, _, grid, cases in figures:
        inside = lambda name, value, grid=grid: np.any(np.asarray(grid[name]) == value)
        assert all(inside(*item) for state in cases.values() for item in state.items()), f"{view.__name__}: {cases}"
    rng = np.random.default_rng(0)
    assert passes
    for net, h in (run for alike in passes.values() for run in alike):
        for t in {0, len(net) // 2, len(net) - 1}:
            step, p, x = net[t]
            calm = 1e-3 / (1 + max((np.abs(p[name]).max() for name in p), default=0))
            for width in (1e-7,) if "relu" in str(step) else (calm, 1e-5, 1e-6):    # small batches bend batch norm much
                errors = gradient_errors(step, p, np.asarray(h[t]), x, rng=rng, width=width)
                if max(errors.values()) < 1e-5:
                    break
            assert max(errors.values()) < 1e-5, (str(step), t, errors)


def test_without_pytorch_the_last_notebook_says_what_to_install_and_no_more():
    notebook = next(path for path in NOTEBOOKS if path.stem == "your-own-network")
    code = ("import sys; from IPython.core.interactiveshell import InteractiveShell; sys.modules['torch'] = None; "
            f"InteractiveShell.instance().run_cell({cells(notebook)[0].source!r})")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said.startswith("This notebook stops here.") and "pip install torch" in said, said
    assert "Traceback" not in said
    assert "make lab PEERS=torch" in cells(notebook, "markdown")[0].source
