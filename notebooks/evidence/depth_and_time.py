"""Seven rules, two nets: how many starts learn, after how many updates.

The nets and the task are those of optimisers.ipynb. A chain of tanh layers
reads a number a step and is to say the sign of the first; its steps have
weights of their own, or share one. Gradients fade by the gain at every step.
All runs take about ten minutes of one core.
"""

import numpy as np

from gradtrace import (
    RNN,
    AdaDelta,
    AdaGrad,
    Adam,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
    backward,
    deep,
    forward,
    init,
    tile_params,
    unroll,
)

SEED = 0
BUDGET = {
    "updates": 3000,
    "batch": 32,
    "units": 8,
    "starts": 4,  # of a group, which reads the same sequences
    "every": 20,  # updates that share one mean of the loss
    "marks": [40, 100, 160, 300, 700, 1500, 3000],  # where the mean is kept
    "goal": 0.6,  # times the loss of a net that always answers 0
}
QUICK = BUDGET | {"updates": 4, "every": 2, "marks": [2, 4]}
RULES = {
    "GradientDescent": GradientDescent,
    "Momentum": Momentum,
    "Nesterov": Nesterov,
    "AdaGrad": AdaGrad,
    "RMSProp": RMSProp,
    "AdaDelta": AdaDelta,
    "Adam": Adam,
}
HALF_DECADES = [
    *(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
    *(0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
]
RATES = {
    "GradientDescent": HALF_DECADES[3:11],
    "Momentum": HALF_DECADES[3:11],
    "Nesterov": HALF_DECADES[3:11],
    "AdaGrad": HALF_DECADES[2:10],
    "RMSProp": HALF_DECADES[0:8],
    "AdaDelta": HALF_DECADES[5:13],
    "Adam": HALF_DECADES[0:8],
}


def plan(quick=False):
    """The points in their order; each holds all rates of a rule."""
    if quick:
        return points([(5, 0.5)], RULES, group=0)
    hardest = [(20, 0.5)]
    others = [(12, 0.5), (20, 0.7), (5, 0.5), (2, 0.5)]
    few = ("GradientDescent", "AdaGrad", "RMSProp", "Adam")
    return [
        *points(hardest, RULES, group=0),
        *points(hardest, RULES, group=1),
        *points(others, few, group=0),
    ]


def points(settings, rules, group):
    """Both nets with every rule, for one group of starts."""
    return [
        {
            "steps": steps,
            "gain": gain,
            "net": net,
            "rule": rule,
            "group": group,
        }
        for steps, gain in settings
        for rule in rules
        for net in ("shared weight", "own weights")
    ]


def steady(steps, gain, net, rule, group):
    """Whether another CPU gives the stored digits again.

    Rounding differs from one BLAS kernel to the next, and training amplifies
    it, most of all at the large rates, which every point includes. These came
    out the same with OpenBLAS for SkylakeX and Haswell, with and without
    numpy's code for AVX-512.
    """
    return steps == 2 and rule in ("GradientDescent", "AdaGrad")


def compute(steps, gain, net, rule, group, budget):
    """Train from the starts of a group, at all rates.

    Returns the rates; ``"loss"``, of each rate a list for each mark, of the
    mean loss of each start over the updates before; and ``"reached"``, of
    each rate and start the updates after which such a mean first came below
    the goal, ``None`` where none did.
    """
    rates = np.array(RATES[rule])
    own = net == "own weights"
    p = tile_params(starts(gain, group, budget), (len(rates),))
    if own:
        p = tile_params(p, (steps,))
        rates = np.tile(rates, (steps, 1))
    chain = apart if own else together
    descend = RULES[rule](rates)
    state = descend.start(p)
    rng = np.random.default_rng(2 * group + 1)
    seen = []
    for _ in range(budget["updates"]):
        loss, slopes = chain(p, sequences(rng, steps, budget["batch"]))
        seen.append(loss)
        p, state = descend.step(p, slopes, state)
    return {"rates": RATES[rule]} | told(np.array(seen), budget)


def starts(gain, group, budget):
    """Orthogonal starts, one axis for them all in front.

    Group 0, and the sequences that it reads, are those of optimisers.ipynb.
    """
    n, count = budget["units"], budget["starts"]
    rng = np.random.default_rng(2 * group)
    W = gain * np.stack([init.orthogonal(rng, (n, n)) for _ in range(count)])
    U = rng.standard_normal((count, 1, n))
    return {"W": W, "U": U, "b": np.zeros((count, n))}


def sequences(rng, steps, batch):
    """Numbers to read, the first of them a sign: (steps, batch, 1)."""
    x = rng.uniform(-1.5, 1.5, (steps, batch, 1))
    x[0] = np.sign(x[0])
    return x


def together(p, x):
    """Loss and gradient of the net that has one weight for all steps."""
    h, vjps = forward(unroll(cell_of(p), p, x), zeros(p, x))
    loss, g = loss_of(h[-1], x)
    return loss, backward(vjps, g).shared()


def apart(p, x):
    """Loss and gradient of the net whose steps have weights of their own."""
    own = [{name: w[t] for name, w in p.items()} for t in range(len(x))]
    h, vjps = forward(deep(cell_of(p), own, x), zeros(p, x))
    loss, g = loss_of(h[-1], x)
    by_step = backward(vjps, g).p
    return loss, {name: np.stack([s[name] for s in by_step]) for name in p}


def cell_of(p):
    return RNN(1, p["b"].shape[-1])


def zeros(p, x):
    return np.zeros((x.shape[1], p["b"].shape[-1]))


def loss_of(h, x):
    """The loss, in units of what always answering 0 costs; and ∂L/∂h.

    The gradient is that of the loss itself.
    """
    miss = h[..., :1] - 0.8 * x[0]
    g = np.zeros_like(h)
    g[..., :1] = 2 * miss / x.shape[-2]
    return (miss**2).mean(axis=(-2, -1)) / 0.64, g


def told(loss, budget):
    """What is kept of losses ``(updates, rates, starts)``."""
    every = budget["every"]
    blocks = loss.reshape(-1, every, *loss.shape[1:])
    means = blocks.mean(axis=1)
    kept = means[[mark // every - 1 for mark in budget["marks"]]]
    low = means < budget["goal"]
    first = np.where(low.any(axis=0), (low.argmax(axis=0) + 1) * every, 0)
    return {
        "loss": np.moveaxis(kept, 1, 0).round(3).tolist(),
        "reached": [[int(t) or None for t in row] for row in first],
    }
