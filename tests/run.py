"""Everything that CI runs, stage by stage, with the time of each.

Use: make test, or make test ARGS="lint book" for some of the stages.
"""

import os
import subprocess
import sys
import time

WORKERS = ["-n", "2"]
BROWSER = "tests/browser"
LAB = "tests/browser/test_lab.py"

# A stage is one command or several; it passes if each of them does.
STAGES = {
    "lint": [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
    ],
    "unit": [
        [
            *("pytest", "tests", f"--ignore={BROWSER}"),
            *("--durations=5", *WORKERS, "--dist=worksteal"),
        ],
    ],
    # The notebooks run here once; the book and JupyterLab's tests take the results.
    "notebooks": [
        ["pytest", "-p", "notebook_plugin", "--nbval", "notebooks", *WORKERS, "--dist=loadfile"],
    ],
    "book": [
        ["jupyter-book", "build", ".", "--all", "-W", "-n", "--keep-going", "--quiet"],
    ],
    "site": [
        ["pytest", BROWSER, f"--ignore={LAB}", "--durations=5", *WORKERS],
    ],
    "lab": [
        ["pytest", LAB, "--durations=3", *WORKERS],
    ],
}

# What to do when a stage fails, where its own words do not say it.
ADVICE = {
    "lint": "run `ruff check --fix .` and `ruff format .`, then mend by hand what is still listed",
}


def environment():
    """The variables that the commands run with."""
    folders = ["tests"]  # where notebook_plugin is
    if "PYTHONPATH" in os.environ:
        folders.append(os.environ["PYTHONPATH"])
    return {
        "OMP_NUM_THREADS": "1",  # one a worker: more would wait for one another
        **os.environ,
        "PYTHONPATH": os.pathsep.join(folders),
    }


def run(stage):
    """Run the commands of a stage, each even if one before it failed; return whether all passed."""
    passed = True
    for command in STAGES[stage]:
        print(f"\n=== {stage}: {' '.join(command)}", flush=True)
        if subprocess.run(command, env=environment()).returncode != 0:
            passed = False
    if not passed and stage in ADVICE:
        print(f"\n{stage} failed: {ADVICE[stage]}", flush=True)
    return passed


def main(names):
    unknown = set(names) - STAGES.keys()
    if unknown:
        sys.exit(f"stages: expected some of {', '.join(STAGES)}, got {', '.join(sorted(unknown))}")
    lines = []
    failures = 0
    begun = time.monotonic()
    for name in names or STAGES:
        start = time.monotonic()
        passed = run(name)
        if not passed:
            failures += 1
        lines.append(f"{time.monotonic() - start:7.1f} s  {name}{'' if passed else '  FAILED'}")
    print("\n" + "\n".join(lines))
    print(f"{time.monotonic() - begun:7.1f} s  in all")
    print(f"{len(lines) - failures} passed, {failures} failed")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
