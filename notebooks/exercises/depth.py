"""The exercises of the chapter on depth."""

import numpy as np

from gradtrace import (
    Activation,
    cross_entropy,
    deep,
    forward,
    leaky_relu,
    relu,
    sigmoid,
    tanh,
    trace,
)
from gradtrace.notebook.exercises import Choice, Function, Number

from digit_net import digit_layers, images, start


def weight_gradient_norms(layers, params, x, y):
    """By the package: ‖∂L/∂W_l‖ for l = 1 … depth."""
    h, vjps = forward(deep(layers, params), x)
    loss, g = cross_entropy(h[-1], y)
    return np.exp(trace(vjps, g).log_p["W"])


def norms_with(measure):
    """The way back with something else measured in each layer."""

    def norms(layers, params, x, y):
        h = x
        pullbacks = []
        for layer, p in zip(layers, params, strict=True):
            h, pullback = layer(p, h)
            pullbacks.append(pullback)
        loss, g = cross_entropy(h, y)
        found = []
        for pullback in reversed(pullbacks):
            grads = pullback(g)
            found.append(measure(grads, g))
            g = grads.h
        return np.array(found[::-1])

    return norms


def one_missing(layers, params, x, y):
    return weight_gradient_norms(layers, params, x, y)[1:]


def last_missing(layers, params, x, y):
    return weight_gradient_norms(layers, params, x, y)[:-1]


def never_handed_on(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    loss, g = cross_entropy(h[-1], y)
    found = [np.linalg.norm(vjp(g).p["W"]) for vjp in vjps]
    return np.array(found)


def without_h(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    loss, g = cross_entropy(h[-1], y)
    found = []
    for vjp in reversed(vjps):
        g = vjp(g)
        found.append(np.linalg.norm(g.p["W"]))
    return np.array(found[::-1])


def not_unpacked(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    g = cross_entropy(h[-1], y)
    found = []
    for vjp in reversed(vjps):
        grads = vjp(g)
        found.append(np.linalg.norm(grads.p["W"]))
        g = grads.h
    return np.array(found[::-1])


def asked_twice(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    loss, g = cross_entropy(h[-1], y)
    found = []
    for vjp in reversed(vjps):
        g = vjp(g).h
        found.append(np.linalg.norm(vjp(g).p["W"]))
    return np.array(found[::-1])


def from_the_loss(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    g, _ = cross_entropy(h[-1], y)
    return np.exp(trace(vjps, g).log_p["W"])


def logarithms(layers, params, x, y):
    return np.log10(weight_gradient_norms(layers, params, x, y))


at_the_state = norms_with(lambda grads, g: np.linalg.norm(grads.h))
at_the_top = norms_with(lambda grads, g: np.linalg.norm(g))
of_biases = norms_with(lambda grads, g: np.linalg.norm(grads.p["b"]))
rms_of_entries = norms_with(
    lambda grads, g: np.sqrt(np.mean(grads.p["W"] ** 2))
)
mean_of_entries = norms_with(lambda grads, g: np.mean(np.abs(grads.p["W"])))
squares = norms_with(lambda grads, g: np.sum(grads.p["W"] ** 2))
spectral = norms_with(lambda grads, g: np.linalg.norm(grads.p["W"], 2))


def of_the_weights(layers, params, x, y):
    return np.array([np.linalg.norm(p["W"]) for p in params])


def from_ones(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    return np.exp(trace(vjps, np.ones_like(h[-1])).log_p["W"])


def product_of_lengths(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    loss, g = cross_entropy(h[-1], y)
    found = []
    for below, vjp in zip(reversed(h[:-1]), reversed(vjps), strict=True):
        found.append(np.linalg.norm(below) * np.linalg.norm(g))
        g = vjp(g).h
    return np.array(found[::-1])


def without_slope(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    loss, g = cross_entropy(h[-1], y)
    found = []
    for below, vjp in zip(reversed(h[:-1]), reversed(vjps), strict=True):
        found.append(np.linalg.norm(below.T @ g))
        g = vjp(g).h
    return np.array(found[::-1])


def matrices(layers, params, x, y):
    h, vjps = forward(deep(layers, params), x)
    loss, g = cross_entropy(h[-1], y)
    found = []
    for vjp in reversed(vjps):
        grads = vjp(g)
        found.append(grads.p["W"])
        g = grads.h
    return found[::-1]


with_biases = norms_with(
    lambda grads, g: (
        np.linalg.norm(grads.p["W"]) + np.linalg.norm(grads.p["b"])
    )
)
biases_within = norms_with(
    lambda grads, g: np.hypot(
        np.linalg.norm(grads.p["W"]), np.linalg.norm(grads.p["b"])
    )
)
sizes = norms_with(lambda grads, g: np.sum(np.abs(grads.p["W"])))
largest = norms_with(lambda grads, g: np.max(np.abs(grads.p["W"])))


def net_and_images(depth, phi, count):
    x, y, _, _ = images()
    layers = digit_layers(depth, phi, width=8)
    params = start(layers, np.random.default_rng(1), gain=1.0)
    return layers, params, x[:count], y[:count]


def level_gain(phi, a):
    """One over the root mean square of the slopes."""
    return 1 / np.sqrt(np.mean(phi.slope(a) ** 2))


def not_inverted(phi, a):
    return np.sqrt(np.mean(phi.slope(a) ** 2))


def of_the_mean(phi, a):
    return 1 / np.mean(phi.slope(a))


def root_of_the_mean(phi, a):
    with np.errstate(invalid="ignore"):
        return 1 / np.sqrt(np.mean(phi.slope(a)))


def of_the_largest(phi, a):
    return 1 / np.max(phi.slope(a))


def of_the_bound(phi, a):
    return 1 / phi.max_slope


def of_the_median(phi, a):
    return 1 / np.median(phi.slope(a))


def of_the_median_square(phi, a):
    return 1 / np.sqrt(np.median(phi.slope(a) ** 2))


def mean_of_inverses(phi, a):
    with np.errstate(divide="ignore"):
        return np.sqrt(np.mean(1 / phi.slope(a) ** 2))


def known_value(phi, a):
    return 1.47


def no_mean(phi, a):
    with np.errstate(divide="ignore"):
        return 1 / np.abs(phi.slope(a))


def of_the_arguments(phi, a):
    return 1 / np.sqrt(np.mean(a**2))


def without_root(phi, a):
    return 1 / np.mean(phi.slope(a) ** 2)


def of_the_values(phi, a):
    return 1 / np.sqrt(np.mean(phi(a) ** 2))


def slopes_of_values(phi, a):
    return 1 / np.sqrt(np.mean(phi.slope(phi(a)) ** 2))


def of_the_sum(phi, a):
    return 1 / np.linalg.norm(phi.slope(a))


def of_the_sizes(phi, a):
    return 1 / np.mean(np.abs(phi.slope(a)))


def of_the_deviation(phi, a):
    return 1 / np.std(phi.slope(a))


def by_the_value(phi, a):
    return 1 / np.sqrt(np.mean((1 - phi(a) ** 2) ** 2))


def of_tanh(phi, a):
    return 1 / np.sqrt(np.mean((1 - np.tanh(a) ** 2) ** 2))


def along_the_batch(phi, a):
    return 1 / np.sqrt(np.mean(phi.slope(a) ** 2, axis=0))


def at_the_rms(phi, a):
    return 1 / phi.slope(np.sqrt(np.mean(a**2)))


bent = Activation("absolute", np.abs, np.sign, max_slope=1.0)
drawn = np.random.default_rng(0).standard_normal(1000)
table = 3 * np.random.default_rng(1).standard_normal((5, 7))

EXERCISES = {
    1: Number(
        np.ceil(3 / -np.log10(0.56)),
        unit="layers",
        rtol=4e-3,
        hints=[
            (
                11,
                "0.56^11 is 0.0017, still above a thousandth.",
            ),
            (13, "a layer less will do: work out 0.56 to the power before."),
            (
                3 / -np.log10(0.56),
                "nearly: layers come whole, so round up.",
            ),
            (
                12.5,
                "layers come whole: try the whole powers of 0.56 about here.",
            ),
            (
                3 / -np.log(0.56),
                "a decade is a power of ten: take the logarithm to base 10.",
            ),
            (
                np.ceil(3 / -np.log(0.56)),
                "try 0.56^6. If you took the natural logarithm: a decade is a"
                " power of ten, so take the one to base 10.",
            ),
            (
                4,
                "four layers make about one decade; a thousandth is three.",
            ),
            (
                (1 - 0.001) / (1 - 0.56),
                "a layer takes 0.44 of what has reached it, not of the whole:"
                " factors multiply.",
            ),
            (
                0.56 / 0.001,
                "after two layers 0.56 · 0.56 is left: ask for which power of"
                " 0.56 it is.",
            ),
            (3, "a layer costs a quarter of a decade, not a whole one."),
            (
                3 / 0.56,
                "0.56 is a factor, not a part of a decade: ask for which power"
                " of 0.56 is a thousandth.",
            ),
            (
                5,
                "0.56^5 is 0.055; ask for which power of 0.56 is a"
                " thousandth.",
            ),
            (
                1 / (0.001 * 0.56),
                "factors multiply: ask for which power of 0.56 it is.",
            ),
        ],
        why="Four layers make about one decade.",
    ),
    2: Function(
        weight_gradient_norms,
        cases={
            "three layers": net_and_images(3, "tanh", 20),
            "six layers of sigmoids": net_and_images(6, "sigmoid", 5),
        },
        hints=[
            (one_missing, "one is missing: the first layer has weights, too."),
            (last_missing, "one is missing: the last layer has weights, too."),
            (
                at_the_state,
                "these are the norms at the states; take those at W.",
            ),
            (
                at_the_top,
                "these are the norms of what comes in from above; take those"
                " at W.",
            ),
            (of_biases, "these are the norms of ∂L/∂b."),
            (
                rms_of_entries,
                "you took the root of the mean of the squares; a norm is the"
                " root of their sum.",
            ),
            (
                mean_of_entries,
                "you took the mean of the entries' sizes; a norm is the root"
                " of the sum of their squares.",
            ),
            (
                never_handed_on,
                "each pullback wants the gradient at its own layer: hand on"
                " what the layer above returned, from the last layer down.",
            ),
            (
                without_h,
                "a pullback returns several gradients: .h is the one that"
                " goes on to the layer below.",
            ),
            (
                not_unpacked,
                "cross_entropy returns two things, the loss and the gradient:"
                " loss, g = cross_entropy(h, y).",
            ),
            (
                asked_twice,
                "you asked a pullback again, with the gradient that it had"
                " returned: call it once in each layer, and keep what comes.",
            ),
            (
                from_the_loss,
                "cross_entropy returns the loss first and the gradient second:"
                " loss, g = cross_entropy(h, y).",
            ),
            (
                of_the_weights,
                "these are the norms of W itself; take those of the gradient,"
                ' .p["W"] of what the pullback returns.',
            ),
            (
                from_ones,
                "you began with ones; what comes in at the top is the second"
                " thing that cross_entropy(h, y) returns.",
            ),
            (
                largest,
                "you took the largest entry; a norm is the root of the sum of"
                " the squares of all.",
            ),
            (
                product_of_lengths,
                "the length of a product is not the product of the lengths;"
                ' take the norm of .p["W"].',
            ),
            (
                without_slope,
                "the slopes are missing: h.T meets d, not g. The pullback has"
                ' the product as .p["W"].',
            ),
            (
                with_biases,
                "you added the norm of ∂L/∂b; take that of ∂L/∂W alone.",
            ),
            (
                biases_within,
                "the biases are in it, too; take ∂L/∂W alone.",
            ),
            (
                sizes,
                "you added the entries' sizes; a norm is the root of the sum"
                " of their squares.",
            ),
            (
                matrices,
                "these are the gradients themselves: take the norm of each,"
                " one number a layer.",
            ),
            (logarithms, "no logarithms here: the norms themselves."),
            (squares, "these are the squares of the norms: the root is left."),
            (
                spectral,
                "np.linalg.norm(W, 2) is the largest singular value; leave"
                " the 2 out.",
            ),
        ],
        why="With the net of this page they fall by about eleven decades from"
        " layer 50 to layer 1: by less than the gradient at the states,"
        " among other things because the pixels are longer than the later"
        " states.",
    ),
    3: Choice(
        ["it explodes", "it vanishes", "nothing yet"],
        "nothing yet",
        hints={
            "it explodes": "a bound above one allows growth; it does not"
            " promise any.",
            "it vanishes": "it may, and it need not: only a bound below one"
            " would make sure of it.",
        },
        why="The bound limits what may happen; the rule says what does.",
    ),
    4: Function(
        level_gain,
        cases={
            "tanh": (tanh, drawn),
            "sigmoid, a batch of wide pre-activations": (sigmoid, table),
            "relu": (relu, table),
            "leaky relu": (leaky_relu(0.5), drawn),
            "slopes of both signs": (bent, drawn),
        },
        hints=[
            (
                not_inverted,
                "that is rms φ', what the slopes do; the gain has to undo it.",
            ),
            (
                of_the_mean,
                "you averaged the slopes; lengths want the mean of their"
                " squares.",
            ),
            (
                of_the_largest,
                "you took the largest slope, as the bound does; the rule takes"
                " the root mean square.",
            ),
            (
                of_the_sizes,
                "you averaged the sizes of the slopes; lengths want the root"
                " of the mean of their squares.",
            ),
            (
                of_the_deviation,
                "np.std takes the mean off first; here the squares of the"
                " slopes themselves are averaged.",
            ),
            (
                by_the_value,
                "1 - φ² is the slope of tanh alone: take phi.slope(a).",
            ),
            (
                of_tanh,
                "that is right for tanh alone: take phi.slope(a).",
            ),
            (
                along_the_batch,
                "one gain for the whole layer: take the mean over all units"
                " and all samples, without axis.",
            ),
            (
                at_the_rms,
                "you took the slope at a typical a; the mean goes over the"
                " squared slopes.",
            ),
            (
                of_the_bound,
                "phi.max_slope is the largest slope that there is, as in the"
                " bound; the rule takes the root mean square over a.",
            ),
            (
                of_the_median,
                "you took the middle one of the slopes; lengths want the root"
                " of the mean of their squares.",
            ),
            (
                of_the_median_square,
                "you took the middle one of the squares; take their mean.",
            ),
            (
                mean_of_inverses,
                "you inverted each slope before the mean; take the mean of the"
                " squares first, and invert at the end.",
            ),
            (
                known_value,
                "1.47 is right for tanh at standard normal numbers alone;"
                " compute it from phi.slope(a).",
            ),
            (
                no_mean,
                "that is one number for each a; a layer has one gain: take"
                " the mean of the squared slopes first.",
            ),
            (
                of_the_arguments,
                "you took the pre-activations themselves; take the slopes"
                " there, phi.slope(a).",
            ),
            (without_root, "the root is missing."),
            (
                root_of_the_mean,
                "you took the root of the mean slope; the slopes are squared"
                " before the mean.",
            ),
            (of_the_values, "you took the values φ(a); take the slopes."),
            (
                slopes_of_values,
                "phi.slope wants the pre-activations a themselves.",
            ),
            (
                of_the_sum,
                "you took the root of the sum of squares; take that of their"
                " mean.",
            ),
        ],
        why="Where a lies is what one has to know for it.",
    ),
    5: Number(
        np.ceil(8 / np.log10(4)),
        rtol=4e-3,
        unit="layers",
        hints=[
            (13, "0.25^13 is 1.5e-8, still above."),
            (15, "that is one too many."),
            (12, "0.25^12 is 6e-8, still above."),
            (16, "0.25^16 is 2e-10: fewer are enough."),
            (
                np.ceil(8 / np.log10(2)),
                "that is for layers which leave a half; the largest slope of"
                " the sigmoid is another number.",
            ),
            (
                np.ceil(8 / np.log(4)),
                "try 0.25^6. If you took the natural logarithm: 10^-8 asks for"
                " the one to base 10.",
            ),
            (
                32,
                "0.25 is less than a decade: how many of its factors make"
                " 10^-8?",
            ),
            (
                8 / np.log10(4),
                "nearly: layers come whole, so round up.",
            ),
            (8, "a layer costs log10 4 = 0.60 decades, not a whole one."),
        ],
    ),
    6: Choice(
        ["it rises", "it stays as it is", "it falls"],
        "it stays as it is",
        hints={
            "it rises": "the states are 16 times as large, but the way back"
            " meets only weights and slopes. What do the slopes of relu see"
            " of a?",
            "it falls": "relu has one flat side, and 16 a lies on the same"
            " side as a.",
        },
        why="With tanh it would fall: its slopes see how large a is.",
    ),
}
