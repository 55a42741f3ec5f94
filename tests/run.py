"""Everything that CI runs, stage by stage, with the time of each. Use: make test"""

import subprocess
import sys
import time

WORKERS = ["-n", "2"]
STAGES = {
    "lint": ["ruff", "check", "."],
    "unit, property and oracle tests": ["pytest", "tests", "--ignore=tests/browser", "--durations=5", *WORKERS,
                                        "--dist=worksteal"],
    "notebooks, strictly": ["pytest", "--nbval", "--nbval-current-env", "notebooks", *WORKERS, "--dist=loadfile"],
    "book": ["jupyter-book", "build", ".", "--all", "-W", "-n", "--keep-going", "--quiet"],
    "browser: the built site": ["pytest", "tests/browser", "--ignore=tests/browser/test_lab.py", *WORKERS],
    "browser: JupyterLab": ["pytest", "tests/browser/test_lab.py", "--durations=3", *WORKERS],
}


def main():
    times, failed = {}, []
    for name, command in STAGES.items():
        print(f"\n=== {name}: {' '.join(command)}", flush=True)
        start = time.monotonic()
        if subprocess.run(command).returncode:
            failed.append(name)
        times[name] = time.monotonic() - start
    print("\n" + "\n".join(f"{t:7.1f} s  {name}{'  FAILED' if name in failed else ''}" for name, t in times.items()))
    print(f"{sum(times.values()):7.1f} s  in all\n{len(STAGES) - len(failed)} passed, {len(failed)} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
