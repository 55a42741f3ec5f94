"""Which depths learn to read digits by plain gradient descent, at which rates.

Read by one-step-of-learning.ipynb; all runs take about a quarter of an hour of
one core.
"""

from functools import partial
from itertools import pairwise

import numpy as np

from gradtrace import (
    Dense,
    GradientDescent,
    argmax,
    backward,
    cross_entropy,
    deep,
    digits,
    flatten_params,
    forward,
    init,
    init_params,
    train,
    unflatten_params,
)

SEED = 0
BUDGET = {
    "epochs": 200,
    "batch": 32,
    "units": 32,
    "activation": "tanh",
    "start": "U(-1/√n, 1/√n), biases too",
    "optimiser": "GradientDescent",
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
    begin = flatten_params(starts(layers, budget["seeds"]))

    def gradient(p, rows, rng):
        h, vjps = forward(deep(layers, unflatten_params(p)), x[rows])
        loss, g = cross_entropy(h[-1], y[rows])
        return loss, flatten_params(backward(vjps, g).p)

    accuracy, guesses = [], []
    first_of_each = [np.flatnonzero(test_y == digit)[0] for digit in range(10)]

    def validate(p):
        h, _ = forward(deep(layers, unflatten_params(p)), test_x)
        guess = argmax(h[-1])  # (seeds, images)
        accuracy.append(np.mean(guess == test_y, axis=-1))
        guesses.append(guess[0, first_of_each])
        return 1 - accuracy[-1]

    validate(begin)
    run = train(
        begin,
        gradient,
        GradientDescent(rate),
        np.random.default_rng(SEED),
        n=len(x),
        size=budget["batch"],
        epochs=budget["epochs"],
        validate=validate,
    )
    change = run.p["0.W"] - begin["0.W"]
    moved = norm(change) / norm(begin["0.W"])
    stored = budget["stored"]
    of_epoch = run.loss.reshape(budget["epochs"], -1, budget["seeds"])
    return {
        "accuracy": np.array(accuracy)[stored].round(4).tolist(),
        "loss": of_epoch[-1].mean(axis=0).round(3).tolist(),
        "moved": [float(f"{share:.2g}") for share in moved],
        "guesses": np.array(guesses)[stored].tolist(),
    }


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
