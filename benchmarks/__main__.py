"""Measure side by side, print a table, and write results.json, and results.md and results.svg from it."""

import argparse
import datetime
import json
import sys
import time
from pathlib import Path

from . import machine, plot, table
from .sections import SECTIONS

HERE = Path(__file__).parent


def names(text):
    chosen = [name.strip().lower() for name in text.split(",")]
    if unknown := set(chosen) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return chosen


def size(text):
    T, n, B = map(int, text.split(","))
    return T, n, B


def main(argv=None, folder=HERE):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", type=names, default=list(SECTIONS), metavar="rnn,lstm,…",
                        help=f"some of {', '.join(SECTIONS)}; the others keep their earlier results")
    parser.add_argument("--quick", action="store_true", help="a few rounds, long problems smaller, no files written")
    parser.add_argument("--size", type=size, metavar="T,n,B", help="one size in place of all; no files written")
    argv = sys.argv[1:] if argv is None else argv
    options = parser.parse_args(argv)
    sections, about = {}, {"date": datetime.date.today().isoformat()} | machine.about()
    for name in options.only:
        began = time.perf_counter()
        sections[name] = SECTIONS[name](options.quick, options.size) | {
            "command": " ".join(["python -m benchmarks", *argv]), "about": about}
        json.dumps(sections[name])                              # fails here, not at the end
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    if options.quick or options.size:
        print(table.markdown({"sections": sections}))
    else:
        print(table.markdown(write(sections, folder)))


def write(sections, folder):
    """Replace these sections in ``results.json``; table and plot are made from what then stands in it."""
    path = folder / "results.json"
    earlier = json.loads(path.read_text(encoding="utf-8"))["sections"] if path.exists() else {}
    both = earlier | sections
    results = {"sections": {name: both[name] for name in SECTIONS if name in both}}
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return render(folder)


def render(folder):
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (folder / "results.md").write_text(table.markdown(results), encoding="utf-8")
    (folder / "results.svg").write_text(plot.svg(results), encoding="utf-8")
    return results


if __name__ == "__main__":
    main()
