"""Everything that CI runs, stage by stage, with the time of each. Use: make test"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

WORKERS = ["-n", "2"]
os.environ.setdefault("OMP_NUM_THREADS", "1")       # two workers share the cores: threads would wait for one another
STAGES = {
    "lint": ["ruff", "check", "."],
    "unit, property and oracle tests": ["pytest", "tests", "--ignore=tests/browser", "--durations=5", *WORKERS,
                                        "--dist=worksteal"],
    "notebooks, strictly": ["pytest", "--nbval", "--nbval-current-env", "notebooks", *WORKERS, "--dist=loadfile"],
    "book": ["jupyter-book", "build", ".", "--all", "-W", "-n", "--keep-going", "--quiet"],
    "browser: the built site": ["pytest", "tests/browser", "--ignore=tests/browser/test_lab.py", *WORKERS],
    "browser: JupyterLab": ["pytest", "tests/browser/test_lab.py", "--durations=3", *WORKERS],
}


# It takes one core for minutes: it starts with the first stage, and is waited for where it stands above.
ASIDE = "book"


def run(command, out=None):
    """Whether a command succeeds, and how many seconds it takes."""
    start = time.monotonic()
    failed = bool(subprocess.run(command, stdout=out, stderr=out and subprocess.STDOUT).returncode)
    return failed, time.monotonic() - start


def main():
    begun, results = time.monotonic(), {}
    with ThreadPoolExecutor(1) as pool, tempfile.TemporaryFile("w+", errors="replace") as out:
        aside = pool.submit(run, STAGES[ASIDE], out)
        for name, command in STAGES.items():
            print(f"\n=== {name}: {' '.join(command)}", flush=True)
            results[name] = aside.result() if name == ASIDE else run(command)
            if name == ASIDE:
                out.seek(0)
                print(out.read(), flush=True)
    print("\n" + "\n".join(f"{t:7.1f} s  {name}{'  (aside)' * (name == ASIDE)}{'  FAILED' * failed}"
                           for name, (failed, t) in results.items()))
    bad = sum(failed for failed, _ in results.values())
    print(f"{time.monotonic() - begun:7.1f} s  in all\n{len(STAGES) - bad} passed, {bad} failed")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
