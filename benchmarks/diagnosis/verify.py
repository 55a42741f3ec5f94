"""Train every case and see: healthy ones learn, broken ones do not, repaired ones do.

``python -m benchmarks.diagnosis.verify`` trains all cases from several seeds and writes what it
measured into verified.json and verified.md of each half; with ``--name`` it only prints.
"""

import argparse
import datetime
import json
import math
import os
import platform
import time
from pathlib import Path

import torch

from .corpus import PARTS, cases
from .training import seen_loss

SEEDS = (0, 1, 2)
LEARNED = 0.5  # of the best constant's error: what learns is below, from every seed
WORSE = 2.0  # times the error of the repaired twin: what is broken is above, from every seed
TIMES = ("before", "after")  # the updates
HERE = Path(__file__).parent


def verified(case, seeds=SEEDS):
    """What was measured of a case, as plain numbers, and whether it is what it claims to be."""
    began = time.process_time()
    runs = [run(case, seed) for seed in seeds]
    return {
        "name": case.name,
        "kind": case.kind,
        "cause": case.cause,
        "updates": [case.trained, case.updates],
        "runs": runs,
        "holds": all(holds(run) for run in runs),
        "seconds": round(time.process_time() - began, 1),
    }


def run(case, seed):
    """Seconds to make a case, then its error and the loss on its batch, before and after training.

    Of a broken case also the error of its repaired twin in the end.
    """
    began = time.process_time()
    setup = case.make(seed)
    numbers = {"made": time.process_time() - began, "loss before": seen_loss(setup)}
    numbers["before"], numbers["after"] = trained(case, setup, seed)
    numbers["loss after"] = seen_loss(setup)
    if case.cause:
        numbers["twin"] = trained(case, case.repaired(seed), seed)[1]
    return {key: short(value) for key, value in numbers.items()}


def trained(case, setup, seed):
    """The error of a setup as it was made, and after the rest of its updates."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        before = setup.error()
        for _ in range(case.updates - case.trained):
            setup.update()
        return before, setup.error()


def holds(run):
    """Whether the errors are those of a healthy case, or with a twin of a broken one."""
    if "twin" not in run:
        return below(run["after"], LEARNED)
    enough = below(run["twin"], LEARNED)
    return enough and not below(run["after"], max(WORSE * run["twin"], LEARNED / 2))


def below(error, limit):
    """Whether an error is finite and small enough."""
    return error is not None and error < limit


def short(value):
    """Three digits, and None for what is not finite, as JSON has no such numbers."""
    return float(f"{value:.3g}") if math.isfinite(value) else None


# --- what is written ---


def about():
    return {
        "command": "python -m benchmarks.diagnosis.verify",
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, 1 thread",
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "seeds": list(SEEDS),
    }


def table(rows):
    """Markdown: every error is the worst of the seeds, or the best where a case should fail."""
    lines = [
        "| case | kind | cause | updates | error | in the end | repaired | loss | holds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        broken = row["cause"] is not None
        entries = (
            row["name"].replace("_", " "),
            row["kind"],
            row["cause"] or "",
            "{} of {}".format(*row["updates"]),
            worst(row, "before", best=broken),
            worst(row, "after", best=broken),
            worst(row, "twin") if broken else "",
            "{} → {}".format(*(number(row["runs"][0][f"loss {time}"]) for time in TIMES)),
            "yes" if row["holds"] else "**no**",
        )
        lines.append("| " + " | ".join(entries) + " |")
    return "\n".join(lines) + "\n"


def number(value):
    return "not finite" if value is None else f"{value:.2g}"


def worst(row, key, best=False):
    """The largest error of the seeds, or the smallest where it should be large."""
    values = [run[key] for run in row["runs"]]
    finite = [value for value in values if value is not None]
    if best:
        return number(min(finite, default=None))
    return number(max(finite) if len(finite) == len(values) else None)


def page(half, rows, facts):
    lines = [f"# What was measured of the half *{half}*", ""]
    lines += [f"- {key}: {value}" for key, value in facts.items()]
    lines += ["", LEAD, "", table(rows)]
    return "\n".join(lines)


LEAD = f"""Errors are divided by that of the best constant prediction: 1 is no better, 0 is without
fault. Of healthy and repaired cases the worst seed is shown, of broken ones the best. What is
healthy or repaired must end below {LEARNED:g}; what is broken must end above {WORSE:g} times its
repaired twin and above {LEARNED / 2:g}, or without a finite number. The loss is that on the batch
of the report, at the report and in the end, from the first seed."""


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis.verify")
    parser.add_argument("--half", choices=PARTS, help="this half alone")
    parser.add_argument("--name", nargs="+", help="these cases alone; no files written")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    for half in [options.half] if options.half else PARTS:
        chosen = cases(half).values()
        if options.name:
            chosen = [case for case in chosen if case.name in options.name]
        rows = []
        for case in chosen:
            rows.append(verified(case))
            print(table(rows[-1:]).splitlines()[-1], f"{rows[-1]['seconds']} s", flush=True)
        if not options.name:
            write(half, rows)


def write(half, rows):
    facts = about()
    text = json.dumps({"about": facts, "cases": rows}, indent=1, ensure_ascii=False)
    (HERE / half / "verified.json").write_text(text + "\n", encoding="utf-8")
    (HERE / half / "verified.md").write_text(page(half, rows, facts), encoding="utf-8")


if __name__ == "__main__":
    main()
