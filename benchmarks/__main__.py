"""``python -m benchmarks [--quick] [--size T,n,B]``: measure, print a table, write results.md and results.json."""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np

from . import live, measure, rnn

HERE = Path(__file__).parent
QUARTILES = (25, 50, 75)


def machine():
    """CPU, cores and versions, as a dict of strings."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    about = {"CPU": cpu, "cores": str(os.cpu_count()), "Python": platform.python_version()}
    for package in ("numpy", "torch", "jax"):
        try:
            about[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            about[package] = "missing"
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return about | {"BLAS": f"{blas['name']} {blas['version']}", "threads": "1", "dtype": "float64"}


def compare(problem, rounds):
    """Rows of the table: milliseconds in quartiles, and the ratio ours / peer, paired by round."""
    calls, missing = measure.prepare(rnn.CONTESTANTS, problem)
    measure.check_equal(calls, "ours")
    seconds = measure.in_turns(calls, rounds)
    traced = [name for name in rnn.TRACED if name in seconds]
    if traced:
        seconds["best traced PyTorch"] = seconds[min(traced, key=lambda name: np.median(seconds[name]))]
    goals = rnn.GOALS.get((problem.T, problem.n, problem.B), {})
    table = []
    for name, times in seconds.items():
        ratio = float(np.median(seconds["ours"] / times))
        table.append({"name": name, "ms": [float(np.percentile(times, q)) * 1e3 for q in QUARTILES],
                      "ratio": ratio, "goal": goals.get(name), "met": ratio <= goals[name] if name in goals else None})
    return table, missing


def parts(problem, rounds):
    """What norms cost beside the gradient, of which those of the states are a part: ratios to it."""
    seconds = measure.in_turns(rnn.parts(problem), rounds)
    plain = seconds.pop("gradient")
    return {name: float(np.median(times / plain)) for name, times in seconds.items()}


def markdown(about, command, sizes, figures):
    lines = ["# Side by side: a plain RNN, its gradients and the norms of all of them", "",
             f"`{command}`: " + ", ".join(f"{name} {value}" for name, value in about.items()) + ".", "",
             "Inputs are as wide as the state. All results agree to a relative 1e-10. Milliseconds are medians with"
             " quartiles, in shuffled turns within one process; ratios are ours / peer, the median over the rounds."]
    for size in sizes:
        lines += ["", f"## T, n, B = {size['size']}", "",
                  "| | ms | quartiles | ours / it | goal |", "|---|---|---|---|---|"]
        for row in size["table"]:
            low, middle, high = row["ms"]
            goal = "" if row["goal"] is None else f"≤ {row['goal']:g} {'met' if row['met'] else 'not met'}"
            lines.append(f"| {row['name']} | {middle:.3f} | {low:.3f} – {high:.3f} | {row['ratio']:.3f} | {goal} |")
        lines += ["", "Beside the gradient: " + ", ".join(f"{k} {v:.1%}" for k, v in size["parts"].items()) + "."]
        if size["missing"]:
            lines += ["", f"Not installed: {', '.join(size['missing'])}."]
    if figures:
        lines += ["", "## Live figures: three lines of 100 points", "", "| | | goal |", "|---|---|---|",
                  *(f"| {what} | {value} | {goal} |" for what, value, goal in figures)]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds only, and no files written")
    parser.add_argument("--size", type=lambda text: tuple(map(int, text.split(","))), help="T,n,B instead of all three")
    options = parser.parse_args()
    sizes = []
    for size in [options.size] if options.size else rnn.GOALS:
        problem = rnn.Problem(*size)
        work = problem.T * problem.n * problem.n * problem.B
        rounds = 5 if options.quick else int(np.clip(1e9 / work, 11, 60))
        table, missing = compare(problem, rounds)
        sizes.append({"size": ",".join(map(str, size)), "rounds": rounds, "table": table, "missing": missing,
                      "parts": parts(problem, rounds)})
    about = {"date": datetime.date.today().isoformat()} | machine()
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    figures = [] if options.size else live.measure()
    text = markdown(about, command, sizes, figures)
    print(text)
    if not options.quick:
        (HERE / "results.md").write_text(text, encoding="utf-8")
        results = {"about": about, "command": command, "sizes": sizes, "live": figures}
        (HERE / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
