"""What a report says of the cases of one half: right, symptom only, missed, false alarm.

Run it as python -m benchmarks.diagnosis --half tuned; --repaired asks of broken cases their
repaired twins, which are healthy, --only takes a word in the names.
"""

import argparse
import json
import platform
import statistics
import sys
import time
import warnings
from collections import Counter
from datetime import date
from pathlib import Path

import torch

import gradtrace.torch

from .corpus import PARTS, cases

HERE = Path(__file__).parent
ORDER = ("right", "wrong module", "symptom only", "miss", "healthy", "false alarm", "error")


def outcome(case, findings, broken):
    """What a report's findings are worth.

    ``right``: one of the first two has the cause, or one that would do, and names a right module;
    ``wrong module``: the cause is right, not the module; ``symptom only``: other causes alone.
    """
    if not broken:
        return "false alarm" if findings else "healthy"
    if not findings:
        return "miss"
    named = [finding for finding in findings[:2] if finding.cause in (case.cause, *case.also)]
    if not named:
        return "symptom only"
    placed = not case.where or any(within(finding.module, case.where) for finding in named)
    return "right" if placed else "wrong module"


def within(module, where):
    """Whether a module is one of these or lies in it; it may have the number of a call."""
    name = module.partition("[")[0]
    return any(name == place or name.startswith(f"{place}.") for place in where)


def judged(case, seed, repaired=False):
    """One report on one case."""
    broken = case.cause is not None and not repaired
    setup = case.repaired(seed) if repaired else case.make(seed)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            told = gradtrace.torch.report(
                setup.model, setup.batch, setup.loss, setup.optimizer, path=None
            )
            findings, ended = told.findings, outcome(case, told.findings, broken)
        except Exception as error:  # what a reader would see in the place of a verdict
            print(f"{case.name}: {type(error).__name__}: {error}", file=sys.stderr)
            findings, ended = (), "error"
    seconds = time.perf_counter() - start
    return {
        "case": case.name + (", repaired" if repaired else ""),
        "kind": case.kind,
        "seed": seed,
        "cause": case.cause if broken else None,
        "outcome": ended,
        "findings": [[finding.cause, finding.module] for finding in findings],
        "seconds": round(seconds, 2),
    }


def table(half, rows):
    """The results as a page."""
    lines = [
        f"# What a report says of the half *{half}*",
        "",
        "<!-- results -->",
        "",
        f"- command: python -m benchmarks.diagnosis --half {half}",
        f"- date: {date.today()}",
        f"- machine: {platform.machine()}, {torch.get_num_threads()} thread",
        f"- Python: {platform.python_version()}",
        f"- torch: {torch.__version__}",
        f"- seconds a report: {statistics.median(row['seconds'] for row in rows):.2g} in the"
        f" median, {max(row['seconds'] for row in rows):.2g} at most",
        "",
        "| | broken | healthy |",
        "| --- | --- | --- |",
    ]
    broken = Counter(row["outcome"] for row in rows if row["cause"])
    healthy = Counter(row["outcome"] for row in rows if not row["cause"])
    for word in ORDER:
        if broken[word] or healthy[word]:
            lines.append(f"| {word} | {broken[word] or ''} | {healthy[word] or ''} |")
    lines += [
        "",
        "<!-- cases -->",
        "",
        "| case | cause | seed | outcome | findings |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        said = "; ".join(f"{cause} in {at}" if at else cause for cause, at in row["findings"])
        name = row["case"].replace("_", " ")
        lines.append(
            f"| {name} | {row['cause'] or ''} | {row['seed']} | {row['outcome']} | {said} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=PARTS, required=True)
    parser.add_argument("--only", default="", help="a word in the names of the cases")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--repaired", action="store_true", help="the twins of broken cases")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for case in cases(options.half).values():
        if options.only not in case.name or (options.repaired and case.cause is None):
            continue
        for seed in options.seeds:
            rows.append(judged(case, seed, options.repaired))
            row = rows[-1]
            print(f"{row['outcome']:>12}  {row['case']}  {row['findings']}", file=sys.stderr)
    if not (options.only or options.repaired):
        (HERE / f"{options.half}.json").write_text(json.dumps(rows, indent=1) + "\n")
        (HERE / f"{options.half}.md").write_text(table(options.half, rows))
    print(table(options.half, rows))


if __name__ == "__main__":
    main()
