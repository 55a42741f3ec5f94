"""How many layers of LSTM learn, with and without residual connections.

Read by the-grid.ipynb; all runs take about half an hour of one core.
"""

import numpy as np

from gradtrace import (
    LSTM,
    Adam,
    Dense,
    Diverged,
    argmax,
    backward,
    cross_entropy,
    deep,
    flatten_params,
    forward,
    init_params,
    stack,
    stream,
    train,
    unflatten_params,
)

SEED = 0
BUDGET = {
    "updates": 3000,
    "batch": 32,
    "steps": 12,
    "units": 16,
    "symbols": 4,
    "forget bias": 1.0,
    "optimiser": "Adam",
    "every": 30,  # updates that share one accuracy
    "learned": 0.99,  # the accuracy at which a run ends
}
QUICK = BUDGET | {"updates": 2, "batch": 3, "units": 3, "every": 1}


def plan(quick=False):
    """The points in their order."""
    depths = (1, 2) if quick else (1, 2, 3, 4, 6, 8)
    seeds = 1 if quick else 5
    made = []
    for seed in range(seeds):
        for depth in depths:
            for residual in (False, True):
                for rate in (0.03, 0.01, 0.003, 0.001, 0.0003):
                    if residual and depth == 1:
                        continue  # one layer has nothing to pass
                    made.append(
                        {
                            "depth": depth,
                            "residual": residual,
                            "rate": rate,
                            "seed": seed,
                        }
                    )
    return made


def steady(depth, residual, rate, seed):
    """Whether another CPU gives the stored digits again.

    Rounding differs from one BLAS kernel to the next, and training amplifies
    it: only short runs of small rates stay together.
    """
    return depth == 2 and residual and rate == 0.003


def compute(depth, residual, rate, seed, budget):
    """Train one stack to name the first symbol of a sequence, at its end."""
    n, symbols = budget["units"], budget["symbols"]
    cells = [LSTM(symbols if l == 0 else n, n) for l in range(depth)]
    last = Dense(n, symbols, "identity")
    rng = stream(SEED, seed=seed, depth=depth, what="start")
    params = [
        init_params(cell, rng) | {"b": cell.bias(f=budget["forget bias"])}
        for cell in cells
    ]
    params.append(init_params(last, rng))
    hits = []  # of every batch

    def gradient(p, rows, rng):
        own = unflatten_params(p)
        x, first = sequences(rng, len(rows), budget)
        zeros = np.zeros((len(rows), 2 * n))
        h, vjps = forward(stack(cells, own[:-1], x, residual), zeros)
        u, of_last = forward(deep([last], own[-1:]), h[-1][-1])
        loss, g = cross_entropy(u[-1], first)
        hits.append(np.mean(argmax(u[-1]) == first))
        back = backward(of_last, g)
        of_stack = backward(vjps, back.h[0]).shared()
        return loss, flatten_params([*of_stack, back.p[0]])

    run, rng = flatten_params(params), stream(SEED, seed=seed, what="data")
    every, accuracy = budget["every"], []
    for block in range(1, budget["updates"] // every + 1):
        try:
            run = train(  # goes on where the last block ended
                run,
                gradient,
                Adam(rate),
                rng,
                n=every * budget["batch"],
                size=budget["batch"],
                epochs=block,
            )
        except Diverged:
            break
        rng = None  # the run has it now
        accuracy.append(round(float(np.mean(hits[-every:])), 4))
        if accuracy[-1] >= budget["learned"]:
            break
    learned = bool(accuracy) and accuracy[-1] >= budget["learned"]
    return {
        "accuracy": accuracy,
        "updates": len(accuracy) * every if learned else None,
    }


def sequences(rng, count, budget):
    """Random symbols as unit vectors ``(steps, count, symbols)``; the first.

    All later symbols are noise.
    """
    drawn = rng.integers(budget["symbols"], size=(budget["steps"], count))
    return np.eye(budget["symbols"])[drawn], drawn[0]
