"""Plain and residual nets of 4 to 100 layers: the loss against the epochs.

The nets and the images are those of skip-connections.ipynb, with more rates,
more starts and more epochs. All runs take about ten minutes of one core.
"""

from functools import cache

import numpy as np

from gradtrace import (
    Adam,
    Dense,
    Residual,
    Seq,
    backward,
    cross_entropy,
    deep,
    digits,
    flatten_params,
    forward,
    init,
    init_params,
    tile_params,
    train,
    unflatten_params,
)

SEED = 0
BUDGET = {
    "epochs": 60,
    "batch": 225,  # of 1347 images: six updates an epoch
    "units": 32,
    "optimiser": "Adam",
    "marks": [1, 2, 4, 8, 15, 30, 60],  # epochs whose mean loss is kept
}
QUICK = BUDGET | {"epochs": 2, "units": 4, "marks": [1, 2]}
RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03]
SLOWER = [0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003]
KINDS = {  # what the block is, its weights, and those of its second matrix
    "plain, Xavier": ("plain", init.xavier, init.xavier),
    "plain, orthogonal": ("plain", init.orthogonal, init.orthogonal),
    "residual": ("residual", init.xavier, init.zeros),
}


def plan(quick=False):
    """The points in their order; each holds all rates."""
    if quick:
        return points([4], range(1))
    return points([4, 10, 20, 50, 100], range(3))


def points(depths, seeds):
    """Every kind of net at every depth, from every start."""
    return [
        {"depth": depth, "kind": kind, "seed": seed}
        for seed in seeds
        for depth in depths
        for kind in KINDS
    ]


def steady(depth, kind, seed):
    """Whether another CPU gives the stored digits again.

    Rounding differs from one BLAS kernel to the next, and training amplifies
    it, the more the deeper the net and the larger the rate.
    """
    return depth == 4


def compute(depth, kind, seed, budget):
    """Train at all rates.

    Returns the rates, and ``"loss"``, of each rate the mean loss of the
    epochs kept.
    """
    rates = SLOWER if (depth, kind) == (100, "plain, Xavier") else RATES
    shape, first, second = KINDS[kind]
    n = budget["units"]
    steps = layers(shape, depth, n)
    rng = np.random.default_rng(seed)
    p = start(steps, first, second, rng)
    x, y = images()

    def gradient(p, rows, rng):
        h, vjps = forward(deep(steps, unflatten_params(p)), x[rows])
        loss, g = cross_entropy(h[-1], y[rows])
        return loss, flatten_params(backward(vjps, g).p)

    run = train(
        tile_params(p, (len(rates),)),
        gradient,
        Adam(np.array(rates)),
        rng,
        n=len(x),
        size=budget["batch"],
        epochs=budget["epochs"],
    )
    by_epoch = run.loss.reshape(budget["epochs"], -1, len(rates))
    means = by_epoch.mean(axis=1)
    kept = means[np.array(budget["marks"]) - 1]
    return {"rates": rates, "loss": kept.T.round(4).tolist()}


def layers(shape, depth, n):
    """The steps of a net; each block between the ends has two matrices."""
    curved = Dense(n, n, "tanh")
    block = Seq(curved, curved)
    if shape == "residual":
        block = Residual(Seq(curved, Dense(n, n, "identity")))
    last = Dense(n, 10, "identity")
    return [Dense(64, n, "tanh"), *[block] * (depth // 2 - 1), last]


def start(steps, first, second, rng):
    """Weights of all layers; the second matrix of a block has its own."""
    head, *blocks, last = steps
    params = [init_params(head, rng, first)]
    for block in blocks:
        params.append(init_params(block, rng, first, **{"1.W": second}))
    params.append(init_params(last, rng, first))
    return flatten_params(params)


@cache
def images():
    """The digits to learn from, with mean 0 and spread 1; and the classes."""
    x, y, _, _ = digits(np.random.default_rng(SEED))
    x = (x - x.mean()) / x.std()
    return x.reshape(len(x), 64), y
