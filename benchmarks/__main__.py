"""Measure, print the tables and write results.json; results.md and results.svg come from that."""

import argparse
import json
import sys
import time
from pathlib import Path

from . import cold, dense, live, machine, memory, plot, recurrent, spectrum, sweep, table, watch

HERE = Path(__file__).parent
SECTIONS = {
    "recurrent": recurrent.section,
    "dense": dense.section,
    "sweep": sweep.section,
    "memory": memory.section,
    "spectrum": spectrum.section,
    "cold": cold.section,
    "live": live.section,
    "watch": watch.section,
}


def main(argv=None, folder=HERE):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these alone; no files written")
    parser.add_argument("--tiny", action="store_true", help="tiny problems; no files written")
    options = parser.parse_args(argv)
    sections = {}
    for name in options.only or SECTIONS:
        began = time.perf_counter()
        sections[name] = SECTIONS[name](options.tiny)
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    results = {"about": machine.about(), "sections": sections}
    print(table.markdown(results))
    if not options.tiny and not options.only:
        write(results, folder)


def write(results, folder):
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "results.md").write_text(table.markdown(results), encoding="utf-8")
    (folder / "results.svg").write_text(plot.svg(results), encoding="utf-8")


if __name__ == "__main__":
    main()
