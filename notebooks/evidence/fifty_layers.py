"""The 50-layer digit net with a remedy each: starts, skips and norms.

Read by initialisation.ipynb, skip-connections.ipynb and normalisation.ipynb;
all runs take about a quarter of an hour of one core.
"""

from functools import partial

import numpy as np

from gradtrace import (
    BatchNorm,
    LayerNorm,
    Residual,
    Seq,
    argmax,
    batch_statistics,
    deep,
    flatten_params,
    forward,
    init,
    init_params,
    unflatten_params,
)

from digit_net import (
    BATCH,
    digit_layers,
    gradient_by_layer,
    images,
    learn,
    start,
)

from . import stored

SEED = 0
BUDGET = {
    "layers": 50,
    "batch": BATCH,
    "optimiser": "GradientDescent",
    "starts": 5,
    "marks": [1, 2, 4, 7, 10, 15, 20],
}
QUICK = BUDGET | {"layers": 3, "starts": 1, "marks": [1, 2]}
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def plain(depth, rng):
    """The layers of Depth and their start, PyTorch's."""
    layers = digit_layers(depth)
    return layers, start(layers, rng)


def level(depth, rng):
    """The layers of Depth from gain 1.2."""
    layers = digit_layers(depth)
    return layers, start(layers, rng, gain=1.2)


def by_recipe(recipe, depth, rng):
    """The layers of Depth; a recipe draws every W, and biases are zero."""
    layers = digit_layers(depth)
    params = [init_params(layer, rng, recipe) for layer in layers]
    return layers, params


def residual(depth, rng):
    """Each layer between the first and the last adds to its state."""
    first, *hidden, last = digit_layers(depth)
    params = start([first, *hidden, last], rng)  # as in Depth, bit for bit
    blocks = [Residual(layer) for layer in hidden]
    return [first, *blocks, last], params


def normed(norm, depth, rng):
    """A norm behind every layer but the last."""
    *curved, last = digit_layers(depth)
    params = start([*curved, last], rng)  # as in Depth, bit for bit
    layers = []
    for l, layer in enumerate(curved):
        n = layer.n_out
        layers.append(Seq(layer, norm(n)))
        params[l] = {
            "0.W": params[l]["W"],
            "0.b": params[l]["b"],
            "1.gamma": np.ones(n),
            "1.beta": np.zeros(n),
        }
    return [*layers, last], params


WHOLE = "batch norm, no batch of 3"
NETS = {
    "PyTorch's start, gain 0.58": plain,
    "gain 1.2, nearly level": level,
    "Xavier, biases 0": partial(by_recipe, init.xavier),
    "orthogonal, biases 0": partial(by_recipe, init.orthogonal),
    "residual, gain 0.58": residual,
    "layer norm, gain 0.58": partial(normed, LayerNorm),
    "batch norm, gain 0.58": partial(normed, BatchNorm),
    WHOLE: partial(normed, BatchNorm),
}


def plan(quick=False):
    """The points in their order; each holds all starts."""
    rates = (0.01,) if quick else RATES
    return [{"net": net, "rate": rate} for net in NETS for rate in rates]


def steady(net, rate):
    """Whether another CPU gives the stored digits again.

    Training amplifies rounding; a net that does not learn has little of it.
    """
    return NETS[net] is plain


def compute(net, rate, budget):
    """Train from all starts in one pass.

    Returns, for each start, ``"gradient"``, the decades from layer 1 to the
    last but one before learning, ``"loss"``, the mean over each epoch in
    ``"marks"``, ``(marks, starts)``, and ``"accuracy"``, at the end, on images
    that were held out.
    """
    depth = budget["layers"]
    starts = []
    gradient = []
    for seed in range(budget["starts"]):
        layers, params = NETS[net](depth, np.random.default_rng(seed))
        line = gradient_by_layer(layers, params)
        gradient.append(line[1] - line[depth - 1])
        starts.append(flatten_params(params))
    p = {}
    for name in starts[0]:
        p[name] = np.array([one[name] for one in starts])
    rng = np.random.default_rng(100)  # all see the same batches
    epochs = budget["marks"][-1]
    x, _, _, _ = images()
    # 42 whole batches leave the last three images out
    first = len(x) // BATCH * BATCH if net == WHOLE else None
    run = learn(p, layers, rate, rng, epochs, first)
    loss = np.mean(np.split(run.loss, epochs), axis=1)
    loss = loss[np.array(budget["marks"]) - 1]
    _, _, x, y = images()
    params = unflatten_params(run.p)
    h, _ = forward(deep(for_prediction(layers, params), params), x)
    accuracy = np.mean(argmax(h[-1]) == y, axis=-1)
    return {
        "gradient": np.round(gradient, 2).tolist(),
        "loss": loss.round(3).tolist(),
        "accuracy": accuracy.round(3).tolist(),
    }


def for_prediction(layers, params):
    """The layers, batch norms with statistics of all images to learn from."""
    h, _, _, _ = images()
    fixed = []
    for layer, p in zip(layers, params, strict=True):
        if isinstance(layer, Seq) and isinstance(layer.steps[1], BatchNorm):
            curved, norm = layer.steps
            state, _ = curved({"W": p["0.W"], "b": p["0.b"]}, h)
            whole = batch_statistics(state)
            layer = Seq(curved, norm.inference(whole.mean, whole.var))
        h, _ = layer(p, h)
        fixed.append(layer)
    return fixed


# The running table of the chapters


def best(net):
    """The run at the rate of the least loss at the end, in the median."""
    runs = [run for run in stored("fifty_layers")["runs"] if run["net"] == net]
    return min(runs, key=lambda run: np.median(run["loss"][-1]))


def row(net):
    """A line of the table: medians of the starts; the loss with its range."""
    run = best(net)
    gradient = f"10^{np.median(run['gradient']):.1f}"
    low, middle, high = np.quantile(run["loss"][-1], [0, 0.5, 1])
    loss = f"{middle:.2f} ({low:.2f} to {high:.2f})"
    right = np.median(run["accuracy"])
    return f"{net:27}{gradient:12}{loss:21}{run['rate']:<7}{right:4.0%}"


HEAD = (
    f"{'':27}{'gradient':12}{'loss after':28}read\n"
    f"{'the 50-layer net':27}{'at layer 1':12}{'20 epochs':21}rate   rightly"
)
