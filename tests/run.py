"""Everything that CI runs, stage by stage, with the time of each. Use: make test [ARGS="lint book
…"]
"""

import os
import subprocess
import sys
import time

PARALLEL = ["-n", "2"]
UNIT = ["pytest", "tests", "--ignore=tests/browser", "--durations=5", *PARALLEL, "--dist=worksteal"]
NOTEBOOKS = [
    "pytest",
    "-p",
    "notebook_plugin",
    "--nbval",
    "notebooks",
    *PARALLEL,
    "--dist=loadfile",
]
SITE = ["pytest", "tests/browser", "--ignore=tests/browser/test_lab.py", "--durations=5", *PARALLEL]
STAGES = {
    "lint": ["ruff", "check", "."],
    "unit": UNIT,
    "notebooks": NOTEBOOKS,  # once; the book and JupyterLab take them from there
    "book": ["jupyter-book", "build", ".", "--all", "-W", "-n", "--keep-going", "--quiet"],
    "site": SITE,
    "lab": ["pytest", "tests/browser/test_lab.py", "--durations=3", *PARALLEL],
}


def environment():
    """One thread a worker, as threads of two workers would wait for one another; and where our
    plugin lies.
    """
    path = os.pathsep.join(filter(None, ["tests", os.environ.get("PYTHONPATH")]))
    return {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": path}


def main(names):
    unknown = set(names) - STAGES.keys()
    if unknown:
        sys.exit(f"stages: expected some of {', '.join(STAGES)}, got {', '.join(sorted(unknown))}")
    begun, lines, bad = time.monotonic(), [], 0
    for name in names or STAGES:
        command = STAGES[name]
        print(f"\n=== {name}: {' '.join(command)}", flush=True)
        start = time.monotonic()
        failed = subprocess.run(command, env=environment()).returncode != 0
        bad += failed
        lines.append(f"{time.monotonic() - start:7.1f} s  {name}{'  FAILED' if failed else ''}")
    print("\n" + "\n".join(lines))
    print(f"{time.monotonic() - begun:7.1f} s  in all\n{len(lines) - bad} passed, {bad} failed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
