"""The 50-layer digit net from starts of seven gains: does it learn?

Read by depth.ipynb; all runs take about a quarter of an hour of one core.
"""

import numpy as np

from gradtrace import (
    argmax,
    deep,
    flatten_params,
    forward,
    tile_params,
    unflatten_params,
)

from digit_net import (
    BATCH,
    PYTORCH,
    digit_layers,
    images,
    learn,
    loss_by_epoch,
    start,
)

SEED = 0
BUDGET = {
    "layers": 50,
    "batch": BATCH,  # of 1347 images: 43 updates an epoch
    "optimiser": "GradientDescent",
    "rates": [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03],
    "starts": 5,
    "marks": [1, 2, 4, 7, 10, 15, 20, 30, 50, 100, 150, 200],
}
QUICK = BUDGET | {"layers": 3, "starts": 1, "marks": [1, 2]}
GAINS = (round(PYTORCH, 4), 0.8, 1.0, 1.2, 1.4, 1.7, 2.0)


# A few seconds of it, which the tests compute again.
AGAIN = {"gain": GAINS[0], "epochs": 2}


def plan(quick=False):
    """The points in their order; each holds all starts and all rates."""
    if quick:
        return [{"gain": 1.2, "epochs": 2}]
    short = [{"gain": gain, "epochs": 20} for gain in GAINS]
    long = [{"gain": gain, "epochs": 200} for gain in (2.0, 1.2)]
    return [*short, *long, AGAIN]


def steady(gain, epochs):
    """Whether another CPU gives the stored digits again.

    Rounding differs from one BLAS kernel to the next, and training amplifies
    it; a net that does not learn has little to amplify.
    """
    return {"gain": gain, "epochs": epochs} == AGAIN


def compute(gain, epochs, budget):
    """Train from all starts at all rates, in one pass.

    Returns ``"loss"``, the mean over each epoch in ``"marks"``, ``(marks,
    rates, starts)``, and ``"accuracy"``, at the end, on images that were held
    out, ``(rates, starts)``.
    """
    steps = digit_layers(budget["layers"])
    rates = np.array(budget["rates"])
    starts = []
    for seed in range(budget["starts"]):
        params = start(steps, np.random.default_rng(seed), gain)
        starts.append(flatten_params(params))
    p = {}
    for name in starts[0]:
        p[name] = np.array([one[name] for one in starts])
    p = tile_params(p, (len(rates),))
    rate = np.repeat(rates[:, None], len(starts), axis=1)
    rng = np.random.default_rng(100)  # all see the same batches
    run = learn(p, steps, rate, rng, epochs)
    marks = [mark for mark in budget["marks"] if mark <= epochs]
    loss = loss_by_epoch(run)[np.array(marks) - 1]
    _, _, x, y = images()
    h, _ = forward(deep(steps, unflatten_params(run.p)), x)
    accuracy = np.mean(argmax(h[-1]) == y, axis=-1)
    return {
        "marks": marks,
        "loss": loss.round(3).tolist(),
        "accuracy": accuracy.round(3).tolist(),
    }


def at_best_rate(found):
    """Of the stored result, each run at the rate whose median loss is least.

    By gain (1/√3 is called 0.58) and number of epochs, a dict: ``"gain"``;
    ``"rate"``, the best; at this rate, ``"loss"``, ``(marks, starts)``, after
    the epochs in ``"marks"``, and ``"accuracy"``, ``(starts,)``; and
    ``"at_all_rates"``, by rate the loss at the end, ``(starts,)``.
    """
    rates = found["budget"]["rates"]
    runs = {}
    for run in found["runs"]:
        loss = np.array(run["loss"])  # (marks, rates, starts)
        best = np.argmin(np.median(loss[-1], axis=1))
        runs[round(run["gain"], 2), run["epochs"]] = {
            "gain": run["gain"],
            "rate": rates[best],
            "marks": run["marks"],
            "loss": loss[:, best],
            "accuracy": np.array(run["accuracy"][best]),
            "at_all_rates": dict(zip(rates, loss[-1], strict=True)),
        }
    return runs
