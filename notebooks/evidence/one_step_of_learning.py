"""Which depths learn to read digits by plain gradient descent, at which rates.

Read by one-step-of-learning.ipynb; all runs take about ten minutes of one
core.
"""

from functools import partial
from itertools import pairwise

import numpy as np

from gradtrace import (
    Dense,
    argmax,
    cross_entropy,
    deep,
    digits,
    forward,
    init,
    init_params,
    minibatches,
)

SEED = 0
BUDGET = {
    "epochs": 200,
    "batch": 32,
    "units": 32,
    "activation": "tanh",
    "start": "U(-1/√n, 1/√n), biases too",
    "optimiser": "gradient descent",
    "seeds": 5,
    # the accuracy after each of these epochs is stored
    "stored": [*range(21), *range(30, 201, 10)],
}
QUICK = BUDGET | {"epochs": 2, "seeds": 2, "units": 3, "stored": [0, 1, 2]}


def plan(quick=False):
    """The points in their order."""
    depths = (2, 3) if quick else (2, 3, 5, 10, 20, 50)
    rates = (0.1,) if quick else (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    return [{"depth": d, "rate": rate} for d in depths for rate in rates]


def steady(depth, rate):
    """Whether another CPU gives the stored digits again.

    Rounding differs from one BLAS kernel to the next, and training amplifies
    it: only shallow nets at small rates stay together.
    """
    return depth == 2 and rate <= 0.1


def compute(depth, rate, budget):
    """Train one depth at one rate, from several starts at once."""
    x, y, test_x, test_y = digits(np.random.default_rng(SEED))
    x, test_x = x.reshape(-1, 64), test_x.reshape(-1, 64)
    sizes = [64, *(depth - 1) * [budget["units"]], 10]
    layers = [Dense(n, m, budget["activation"]) for n, m in pairwise(sizes)]
    layers[-1] = Dense(*sizes[-2:], "identity")
    params = starts(layers, budget["seeds"])
    began = params[0]["W"].copy()
    first_of_each = [np.flatnonzero(test_y == digit)[0] for digit in range(10)]

    accuracy, guesses, loss = [], [], []
    rng = np.random.default_rng(SEED)
    for epoch in range(budget["epochs"] + 1):
        if epoch > 0:
            batches = minibatches(rng, len(x), budget["batch"])
            of_batches = [
                update(layers, params, x[rows], y[rows], rate)
                for rows in batches
            ]
            loss.append(np.mean(of_batches, axis=0))
        h, _ = forward(deep(layers, params), test_x)
        guess = argmax(h[-1])  # (seeds, images)
        accuracy.append(np.mean(guess == test_y, axis=-1))
        guesses.append(guess[0, first_of_each])
    moved = norm(params[0]["W"] - began) / norm(began)
    stored = budget["stored"]
    return {
        "accuracy": np.array(accuracy)[stored].round(4).tolist(),
        "loss": loss[-1].round(3).tolist(),
        "moved": [float(f"{share:.2g}") for share in moved],
        "guesses": np.array(guesses)[stored].tolist(),
    }


def update(layers, params, x, y, rate):
    """The losses of a batch, after which all parameters have moved.

    `backward` would check every layer at every update, which takes longer
    than the arithmetic of layers this small.
    """
    h, vjps = x, []
    for layer, p in zip(layers, params, strict=True):
        h, vjp = layer.step(p, h)
        vjps.append(vjp)
    loss, g = cross_entropy(h, y)
    for p, vjp in zip(reversed(params), reversed(vjps), strict=True):
        grads = vjp(g)
        g = grads.h
        for name, grad in grads.p.items():
            p[name] = p[name] - rate * np.asarray(grad)
    return loss


def starts(layers, seeds):
    """Parameters of every layer, the seeds along a leading axis."""
    nets = []
    for seed in range(seeds):
        rng, net = np.random.default_rng(seed), []
        for layer in layers:
            draw = partial(init.uniform, r=1 / np.sqrt(layer.n_in))
            net.append(init_params(layer, rng, draw, b=draw))
        nets.append(net)
    return [
        {name: np.stack([p[name] for p in same]) for name in ("W", "b")}
        for same in zip(*nets, strict=True)
    ]


def norm(W):
    return np.sqrt(np.sum(W**2, axis=(-2, -1)))
