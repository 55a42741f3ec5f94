"""The deep net of the chapter on depth: 8 by 8 digits, plain gradient descent,
batches of 32. One-step-of-learning builds the same one by hand."""

from functools import cache

import numpy as np

from gradtrace import (
    Dense,
    GradientDescent,
    backward,
    cross_entropy,
    deep,
    digits,
    flatten_params,
    forward,
    init,
    init_params,
    trace,
    train,
    unflatten_params,
)

BATCH = 32
PYTORCH = 1 / np.sqrt(3)  # the gain of U(-1/√n, 1/√n)
UPDATES = 43  # an epoch: 1347 images, the last batch has 3


@cache
def images():
    """Rows of 64 pixels and their classes: 1347 to learn from, 450 to test."""
    x, y, test_x, test_y = digits(np.random.default_rng(0))
    arrays = x.reshape(-1, 64), y, test_x.reshape(-1, 64), test_y
    for array in arrays:
        array.flags.writeable = False  # all who ask get the same ones
    return arrays


def digit_layers(depth=50, phi="tanh", width=32):
    """The net's layers: 64 pixels, then `width` units each, 10 scores."""
    first = Dense(64, width, phi)
    hidden = Dense(width, width, phi)
    last = Dense(width, 10, "identity")
    return [first] + [hidden] * (depth - 2) + [last]


def start(layers, rng, gain=PYTORCH):
    """W and b of every layer; by default as PyTorch starts a layer.

    W is drawn with the variance gain² / n, b from U(-1/√n, 1/√n) at any gain.
    """
    params = []
    for layer in layers:
        # Entries of W have the variance gain² / n.
        p = init_params(layer, rng, init.lecun_uniform, gain=gain)
        r = 1 / np.sqrt(layer.n_in)
        p["b"] = rng.uniform(-r, r, layer.n_out)
        params.append(p)
    return params


def learn(p, layers, rate, rng, epochs, first=None):
    """Go through the images `epochs` times; the run of gradtrace.train.

    p : from flatten_params, or a run to be continued; rate : a number, or one
    for each member of p's leading axis; first : how many of the images, from
    the first on, or None for all.
    """
    x, y, _, _ = images()

    def gradient(p, rows, rng):
        h, vjps = forward(deep(layers, unflatten_params(p)), x[rows])
        loss, g = cross_entropy(h[-1], y[rows])
        return loss, flatten_params(backward(vjps, g).p)

    return train(
        p,
        gradient,
        GradientDescent(rate),
        rng,
        n=len(x[:first]),  # all, or the first few
        size=BATCH,
        epochs=epochs,
    )


def loss_by_epoch(run):
    """The mean loss of the updates of every epoch: (epochs, *sweep)."""
    epochs = len(run.loss) // UPDATES
    return np.mean(np.split(run.loss, epochs), axis=1)


def gradient_by_layer(layers, params, n=200):
    """Powers of ten of ‖∂L/∂h_l‖ for l = 0 … depth, of n images."""
    x, y, _, _ = images()
    h, vjps = forward(deep(layers, params), x[:n])
    _, g = cross_entropy(h[-1], y[:n])
    return trace(vjps, g).log_h / np.log(10)
