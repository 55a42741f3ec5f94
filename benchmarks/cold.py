"""How long a fresh process takes to its first answer, imports included: an RNN 50, 32, 1."""

import subprocess
import sys

import numpy as np

from . import measure

GOAL = 150  # ms
ROUNDS = 9
OURS = """
from time import process_time
start = process_time()
import numpy as np
from gradtrace import RNN, forward, init_params, trace, unroll
rng = np.random.default_rng(0)
cell = RNN(32, 32)
path = unroll(cell, init_params(cell, rng), rng.standard_normal((50, 1, 32)))
h, vjps = forward(path, np.zeros((1, 32)))
log = trace(vjps, h[-1])
answer = log.log_h, log.grads.shared()
print(process_time() - start)
"""
THEIRS = """
from time import process_time
start = process_time()
import torch
cell = torch.nn.RNNCell(32, 32, dtype=torch.float64)
h = [torch.zeros(1, 32, dtype=torch.float64, requires_grad=True)]
for x in torch.randn(50, 1, 32, dtype=torch.float64):
    h.append(cell(x, h[-1]))
    h[-1].retain_grad()
(h[-1] ** 2 / 2).sum().backward()
answer = [a.grad.norm().log() for a in h], cell.weight_hh.grad
print(process_time() - start)
"""


def seconds(program):
    """What the program prints as the last thing that it does."""
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(run.stdout)


def section(tiny=False):
    ours, theirs = [], []
    for turn in range(1 + (1 if tiny else ROUNDS)):
        pair = seconds(OURS), seconds(THEIRS)
        if turn > 0:  # at first, files come from disk
            ours.append(pair[0])
            theirs.append(pair[1])
    ours, theirs = np.array(ours), np.array(theirs)
    return {
        "title": "A fresh process",
        "lead": "From the first import to the first answer; Python's own start is not counted.",
        "rows": [
            measure.row("RNN 50, 32, 1", "first answer", ours * 1e3, "ms", GOAL),
            measure.ratio("RNN 50, 32, 1", "PyTorch's first answer", ours, theirs),
        ],
    }
