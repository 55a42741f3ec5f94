"""What is measured: each section returns its tables, its goals with what came of them, and who is missing.

A section takes ``quick`` (few rounds, small where it would be long) and ``size`` (``T, n, B`` in place of its own).
"""

from pathlib import Path

import numpy as np

from . import accuracy, cold, depth, gated, kernels, live, measure, memory, memory_peers, rnn, spectrum, sweep
from .compare import compare, ratio_goal, rounds, row

SHARES = {"norms of the states": 0.02, "norms of each step's share": 0.10}
SWEEP_MS = 2.7
SMALL_BATCHES = {"norms of each step's share": 0.25}            # where n < 256 and B > 1


def _cell(name, cell):
    def section(quick, size):
        made = _Section(f"{name}, its gradients and the norms of all of them")
        for T, n, B in [size] if size else cell.GOALS:
            title, problem, goals = f"{name} {T}, {n}, {B}", cell.Problem(T, n, B), cell.GOALS.get((T, n, B), {})
            made.add(title, *compare(title, cell.CONTESTANTS, problem, goals, cell.TRACED, quick))
            calls = cell.parts(problem)
            seconds = measure.in_turns(calls, rounds(calls, quick))
            shares = {part: float(np.median(times / seconds["gradient"])) for part, times in seconds.items()}
            limits = (SHARES | (SMALL_BATCHES if n < 256 and B > 1 else {})) if goals else {}
            made.say("Beside the gradient: " + ", ".join(f"{k} {v:.1%}" for k, v in shares.items() if k != "gradient"))
            made.goals += [{"group": title, "what": f"{part} beside the gradient", "value": shares[part], "goal": limit,
                            "unit": "%"} for part, limit in limits.items()]
        return made.done("T, n, B; inputs are as wide as the state.")
    return section


def _depth(quick, size):
    made = _Section("Deep nets, plain and residual")
    for residual in (False, True):
        for T, n, B in [size] if size else depth.GOALS:
            title = f"{'Residual' if residual else 'Dense'} {T}, {n}, {B}"
            made.add(title, *compare(title, depth.CONTESTANTS, depth.Problem(T, n, B, residual),
                                     depth.GOALS.get((T, n, B), {}), depth.TRACED, quick))
    return made.done("Depth, n, B; each layer has weights of its own.")


def _sweep(quick, size):
    made = _Section("A curve for each of many gains")
    for T, n, B, gains in [(*size, 3)] if size else sweep.GOALS:
        title, goals = f"Sweep {T}, {n}, {B}, {gains} gains", sweep.GOALS.get((T, n, B, gains), {})
        made.add(title, *compare(title, sweep.CONTESTANTS, sweep.Problem(T, n, B, gains), goals, (), quick))
        made.absolute(title, "ours", made.tables[-1]["rows"][0][1], "ms", SWEEP_MS if goals else None)
    return made.done("T, n, B; the norms of the states at every gain, no gradients of weights.")


def _spectrum(quick, size):
    made = _Section("All singular values of every product of Jacobians")
    problem = spectrum.Problem(*size[:2]) if size else spectrum.Problem(40, 16) if quick else spectrum.Problem()
    title = f"Spectrum {problem.T}, {problem.n}"
    calls, missing = measure.prepare(spectrum.CONTESTANTS, problem)
    np.testing.assert_allclose(calls["Jacobians in bulk"](), calls["Jacobians by pullbacks"](), rtol=1e-12, atol=1e-14)
    seconds = measure.in_turns(calls, rounds(calls, quick))
    made.add(title, {"title": title, "columns": ["", "ms", "quartiles", "exact / it"],
                     "rows": [row(name, times, seconds["exact"]) for name, times in seconds.items()]}, [], missing)
    made.absolute(title, "exact", float(np.median(seconds["exact"])) * 1e3, "ms",
                  spectrum.GOAL * 1e3 if spectrum.Problem() == problem else None)
    try:
        error, ts = accuracy.error(problem.J)
        made.absolute(title, f"largest relative error, t = {', '.join(map(str, ts))}", error, "", accuracy.GOAL)
    except ImportError:
        made.missing.append("mpmath")
    return made.done("T, n. The growth of a QR frame and the SVD of the multiplied-out product are other quantities, or"
                     " right to fewer digits; they are here for their time. The error is that of ln σ against integers"
                     f" of {accuracy.DIGITS} digits, at the products named, relative to |ln σ| or to 1.")


def _kernels(quick, size):
    made = _Section("A hundred products in a row")
    for B, n in [size[:0:-1]] if size else kernels.SIZES:
        calls, missing = measure.prepare(kernels.CONTESTANTS, kernels.Problem(B, n))
        measure.check_equal(calls, "numpy")
        seconds = measure.in_turns(calls, rounds(calls, quick))
        made.add(f"{B}, {n}", {"title": f"Products {B}, {n}", "columns": ["", "ms", "quartiles", "numpy / it"],
                               "rows": [row(name, t, seconds["numpy"]) for name, t in seconds.items()]}, [], missing)
    return made.done("B, n: a state times an orthogonal matrix, again and again. No goals; it tells what the ratios"
                     " above owe to the libraries' products, and at 1, 1 to the mere calls.")


def _memory(quick, size):
    made = _Section("Backpropagation with less memory")
    T, n, B = size or ((300, 32, 8) if quick else (10_000, 256, 32))
    title = f"Memory {T}, {n}, {B}"
    table = memory.measure(T, n, B, 1 if quick else 3)
    rows = [[r[k] for k in ("name", "seconds", "ratio", "MB", "evaluations", "states")] for r in table]
    made.add(title, {"title": title, "columns": ["", "s", "of full", "MB at the peak", "evaluations", "states"],
                     "rows": rows}, [], [])
    for r in table if (T, n, B) == (10_000, 256, 32) else ():
        ratio, megabytes = r["goal"]
        if r["name"] != "full":
            made.absolute(title, f"{r['name']}, time", r["ratio"], "of full", ratio)
        made.absolute(title, f"{r['name']}, peak", r["MB"], "MB", megabytes)
    if Path("/proc/self/clear_refs").exists():
        runs, missing = memory_peers.measure(T, n, B, 1 if quick else 3)
        seconds = {name: values[:, 0] for name, values in runs.items()}
        rows = [[name, *map(float, np.median(values, axis=0)), float(np.median(seconds["ours, √T"] / seconds[name]))]
                for name, values in runs.items()]
        made.add(title, {"title": f"{title}, fresh processes", "columns": ["", "s", "MB grown", "ours, √T / it"],
                         "rows": rows}, [], missing)
    return made.done("T, n, B of a plain RNN; inputs 8 wide. The peak is what numpy held beyond the problem, in 2²⁰"
                     " bytes. The gradients of all plans agree to 1e-12. A process grows also by what its allocator"
                     " does not give back; the peers are not asked for the norms.")


def _cold(quick, size):
    made = _Section("A fresh process")
    seconds = {name: np.array(times) for name, times in cold.seconds(
        [*cold.IMPORTS, *cold.ANSWERS], 2 if quick else 11).items()}
    rows = [row(name, times, None if name in cold.IMPORTS else seconds["ours"]) for name, times in seconds.items()]
    made.add("Cold", {"title": "Imports, and a first answer of the RNN 50, 32, 1",
                      "columns": ["", "ms", "quartiles", "ours / it"], "rows": rows},
             [ratio_goal("First answer", peer, goal, seconds) for peer, goal in cold.GOALS.items() if peer in seconds],
             [name for name in cold.ANSWERS if name not in seconds])
    for name in cold.IMPORTS:
        if "gradtrace" in name:
            made.absolute("Fresh process", name, float(np.median(seconds[name])) * 1e3, "ms", cold.IMPORT_MS)
    return made.done("Each time a new Python, whose own start is not counted; compilation is.")


def _live(quick, size):
    made = _Section("Live figures")
    few = quick or size                                         # too few to share what the first state costs
    figures = live.measure(20, 20) if few else live.measure()
    made.add("Live", {"title": "Three lines of 100 points", "columns": ["", "", "unit"],
                      "rows": [[f["what"], f["value"], f["unit"]] for f in figures]}, [], [])
    for f in figures:
        made.absolute("Live figure", f["what"], f["value"], f["unit"], None if few else f["goal"])
    return made.done("A state is harvested once, when the book is built; a slider is moved in a browser.")


class _Section:
    """What a section collects."""

    def __init__(self, title):
        self.title, self.tables, self.goals, self.missing = title, [], [], []

    def add(self, title, table, goals, missing):
        self.tables.append(table)
        self.goals += goals
        self.missing += missing

    def say(self, text):
        self.tables[-1]["note"] = text + "."

    def absolute(self, group, what, value, unit, goal):
        if goal is not None:
            self.goals.append({"group": group, "what": what, "value": value, "goal": goal, "unit": unit})

    def done(self, lead):
        return {"title": self.title, "lead": lead, "tables": self.tables, "goals": self.goals,
                "missing": sorted(set(self.missing))}


SECTIONS = {"rnn": _cell("RNN", rnn), "lstm": _cell("LSTM", gated.of("LSTM")), "gru": _cell("GRU", gated.of("GRU")),
            "depth": _depth, "sweep": _sweep, "spectrum": _spectrum, "memory": _memory,
            "cold": _cold, "live": _live, "kernels": _kernels}
