"""Measure, print the tables and write results.json; results.md and results.svg come from that."""

import argparse
import json
import sys
import time
from pathlib import Path

from . import (
    bridge,
    cold,
    dense,
    live,
    machine,
    memory,
    plot,
    recurrent,
    spectrum,
    sweep,
    table,
    watch,
)

HERE = Path(__file__).parent
SECTIONS = {
    "recurrent": recurrent.section,
    "dense": dense.section,
    "bridge": bridge.section,
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
    parser.add_argument("--update", action="store_true", help="write --only, and keep the others")
    parser.add_argument("--tiny", action="store_true", help="tiny problems; no files written")
    options = parser.parse_args(argv)
    about, sections = machine.about(), {}
    for name in options.only or SECTIONS:
        began = time.perf_counter()
        where = {key: about[key] for key in ("date", "CPU")}
        sections[name] = SECTIONS[name](options.tiny) | {"measured": where}
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    results = {"about": about, "sections": sections}
    print(table.markdown(results))
    if options.update:
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        old = results["sections"] | sections
        results["sections"] = {name: old[name] for name in SECTIONS if name in old}
    if options.update or not (options.tiny or options.only):
        write(results, folder)


def write(results, folder):
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "results.md").write_text(table.markdown(results), encoding="utf-8")
    (folder / "results.svg").write_text(plot.svg(results), encoding="utf-8")


if __name__ == "__main__":
    main()
