"""He and Xavier in 22 and 30 layers of ReLU: who begins to learn.

The nets and the images are those of initialisation.ipynb, with more rates,
more starts and Adam besides plain descent. In square layers LeCun is Xavier.
All runs take about ten minutes of one core.
"""

import numpy as np

from gradtrace import (
    Adam,
    Dense,
    GradientDescent,
    backward,
    cross_entropy,
    deep,
    flatten_params,
    forward,
    init,
    init_params,
    tile_params,
    train,
    unflatten_params,
)

from .plain_depth import images

SEED = 0
BUDGET = {
    "epochs": 30,
    "batch": 64,  # of 1347 images: 22 updates an epoch
    "units": 64,
    "marks": [1, 2, 5, 10, 15, 30],  # epochs whose mean loss is kept
    "exploded": 100.0,  # a larger loss ends the training at that rate
}
QUICK = BUDGET | {"epochs": 2, "units": 4, "marks": [1, 2]}
STARTS = {"He": init.he, "Xavier": init.xavier}
RULES = {"GradientDescent": GradientDescent, "Adam": Adam}
RATES = {
    ("He", "GradientDescent"): [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
    ("Xavier", "GradientDescent"): [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
    ("He", "Adam"): [0.0001, 0.0003, 0.001, 0.003, 0.01],
    ("Xavier", "Adam"): [0.0001, 0.0003, 0.001, 0.003, 0.01],
}


def plan(quick=False):
    """The points in their order; each holds all rates of a rule."""
    if quick:
        return points([22], RULES, range(1))
    return [
        *points([30], ["GradientDescent"], range(8)),
        *points([30], ["Adam"], range(4)),
        *points([22], ["GradientDescent"], range(2)),
    ]


def points(depths, rules, seeds):
    """Both starts with every rule, from every seed."""
    return [
        {"layers": layers, "start": start, "rule": rule, "seed": seed}
        for seed in seeds
        for layers in depths
        for start in STARTS
        for rule in rules
    ]


def steady(layers, start, rule, seed):
    """Whether another CPU gives the stored digits again.

    Rounding differs from one BLAS kernel to the next, and training amplifies
    it; a net that does not begin to learn has little to amplify.
    """
    return layers == 30 and start == "Xavier" and rule == "GradientDescent"


def compute(layers, start, rule, seed, budget):
    """Train at all rates of the rule.

    Returns the rates, and ``"loss"``, of each rate the mean loss of the
    epochs kept, ``None`` where it had exploded.
    """
    rates = np.array(RATES[start, rule])
    n = budget["units"]
    net = [Dense(64, n, "relu"), *[Dense(n, n, "relu")] * (layers - 2)]
    net.append(Dense(n, 10, "identity"))
    rng = np.random.default_rng(seed)
    p = flatten_params([init_params(one, rng, STARTS[start]) for one in net])
    x, y = images()
    exploded = np.zeros(len(rates), bool)

    def gradient(p, rows, rng):
        h, vjps = forward(deep(net, unflatten_params(p)), x[rows])
        loss, g = cross_entropy(h[-1], y[rows])
        exploded[loss > budget["exploded"]] = True
        g[exploded] = 0.0  # these stay where they are
        return loss, flatten_params(backward(vjps, g).p)

    run = train(
        tile_params(p, (len(rates),)),
        gradient,
        RULES[rule](rates),
        rng,
        n=len(x),
        size=budget["batch"],
        epochs=budget["epochs"],
    )
    return {"rates": RATES[start, rule], "loss": kept(run.loss, budget)}


def kept(losses, budget):
    """Means of the epochs kept, of losses ``(updates, rates)``."""
    by_epoch = losses.reshape(budget["epochs"], -1, losses.shape[1])
    means = by_epoch.mean(axis=1)
    ever = np.maximum.accumulate(by_epoch.max(axis=1), axis=0)
    means[ever > budget["exploded"]] = np.nan
    made = means[np.array(budget["marks"]) - 1].T
    return [
        [round(float(v), 4) if np.isfinite(v) else None for v in row]
        for row in made
    ]
