"""What a fresh process waits for: ``python -m benchmarks.cold NAME`` prints the seconds of an import or a first answer.

The first answer is that of ``rnn.py``, with imports and compilation. Making the data is off the clock, and so is
importing our package when it is a peer's turn.
"""

import importlib
import random
import subprocess
import sys
import time
from pathlib import Path

IMPORTS = {"import numpy": (), "import gradtrace": (), "import gradtrace, with the names of a first answer": (
    "RNN", "forward", "trace", "unroll")}
ANSWERS = ("ours", "PyTorch RNNCell, retained gradients", "PyTorch, by hand and in place", "JAX, jit")
GOALS = {"JAX, jit": 0.25}                                      # ours / peer
IMPORT_MS = 100


def seconds(names, rounds):
    """A list for each name that can run here, one fresh process for each entry, in shuffled turns."""
    names, times, rng = list(names), {name: [] for name in names}, random.Random(0)
    for turn in range(rounds + 1):
        rng.shuffle(names)
        for name in list(names):
            run = subprocess.run([sys.executable, "-m", "benchmarks.cold", name], capture_output=True, text=True,
                                 cwd=Path(__file__).parent.parent)
            if "ModuleNotFoundError" in run.stderr:
                names.remove(name)
                del times[name]
                continue
            run.check_returncode()
            if turn:                                            # in the first, files come from the disk
                times[name].append(float(run.stdout))
    return times


def clock(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def imports(name):
    def call():
        module = importlib.import_module(name.split(",")[0].split()[1])
        for attribute in IMPORTS[name]:
            getattr(module, attribute)
    return clock(call)


def first_answer(name):
    numpy = clock(lambda: importlib.import_module("numpy"))
    package = clock(lambda: importlib.import_module("benchmarks.rnn"))
    rnn = sys.modules["benchmarks.rnn"]
    problem = rnn.Problem(50, 32, 1)
    problem.data  # noqa: B018 - made here, once
    return numpy + (package if name == "ours" else 0) + clock(lambda: rnn.CONTESTANTS[name](problem)())


if __name__ == "__main__":
    print((imports if sys.argv[1] in IMPORTS else first_answer)(sys.argv[1]))
