"""The exercises of the chapter on PyTorch's defaults."""

import numpy as np

from gradtrace import Dense, deep, forward, trace
from gradtrace.notebook.exercises import Choice, Function, Number

RMS = {"tanh": 1.0, "relu": 0.5**0.5, "sigmoid": 0.25}


def good_sd(n, act):
    """The sd at which n · Var W · rms² is one."""
    return 1 / (RMS[act] * n**0.5)


def variance(n, act):
    return good_sd(n, act) ** 2


def as_pytorch(n, act):
    return 1 / (3 * n) ** 0.5


def as_lecun(n, act):
    return 1 / n**0.5


def times_slope(n, act):
    return RMS[act] / n**0.5


def squared_slope(n, act):
    return 1 / (RMS[act] ** 2 * n**0.5)


def xavier_or_he(n, act):
    """The usual starts, also where they do not fit."""
    return good_sd(n, "relu" if act == "relu" else "tanh")


def half_passes(n, act):
    """With a half for ReLU, and not its root."""
    return 2 / n**0.5 if act == "relu" else good_sd(n, act)


def divided(n, act):
    """By which factor PyTorch's own start divides a gradient."""
    return 3**0.5 / RMS[act]


def bound(n, act):
    """Of a uniform start, instead of its sd."""
    return 3**0.5 * good_sd(n, act)


def pullbacks(weights, x):
    """By the package: states and pullbacks of the tanh layers."""
    n = x.shape[1]
    params = [{"W": W, "b": np.zeros(n)} for W in weights]
    return forward(deep(Dense(n, n), params), x)


def gradient_norms(weights, x):
    h, vjps = pullbacks(weights, x)
    return np.exp(trace(vjps, h[-1]).log_h)


def of_weights(weights, x):
    h, vjps = pullbacks(weights, x)
    return np.exp(trace(vjps, h[-1]).log_p["W"])


def of_states(weights, x):
    h, _ = pullbacks(weights, x)
    return np.array([np.linalg.norm(state) for state in h])


def logarithms(weights, x):
    return np.log(gradient_norms(weights, x))


def without_the_half(weights, x):
    return 2 * gradient_norms(weights, x)


def squares(weights, x):
    return gradient_norms(weights, x) ** 2


def transposed(weights, x):
    return gradient_norms([W.T for W in weights], x)


rng = np.random.default_rng(0)
deep_net = [0.6 * rng.standard_normal((3, 3)) for _ in range(6)]
one_layer = [rng.standard_normal((2, 2))]

EXERCISES = {
    1: Number(
        6**0.5,
        hints=[
            (6, "for the variance."),
            (3**0.5, "for tanh; ReLU passes half of the squares on."),
            (2**0.5, "if they had variance 1/n; they have a third of it."),
        ],
    ),
    2: Function(
        good_sd,
        cases={
            "64 tanh units": (64, "tanh"),
            "64 ReLU units": (64, "relu"),
            "10 sigmoid units": (10, "sigmoid"),
        },
        hints=[
            (variance, "that is the variance; its root is asked for."),
            (as_pytorch, "that is PyTorch's own start."),
            (as_lecun, "right for a slope of one; the others have less."),
            (times_slope, "a smaller slope needs larger weights."),
            (squared_slope, "rms φ' itself multiplies the gradient's norm."),
            (bound, "that is the bound of a uniform start, not its sd."),
            (xavier_or_he, "the sigmoid's slope is 1/4, not 1."),
            (half_passes, "half of ReLU's squares pass: rms φ' is √½."),
            (
                divided,
                "that is what PyTorch's start divides a gradient by; the "
                "weights' own size is asked for.",
            ),
        ],
        why="1/√n, √(2/n) and 4/√n: LeCun, He, and one without a name.",
    ),
    3: Number(
        50 * np.log10(1 / (1 + np.exp(-2.0))),
        rtol=0.01,
        hints=[
            (
                50 * np.log10(1 / (1 + np.exp(-1.0))),
                "there are two biases, and they add up.",
            ),
            (-50 * np.log10(2), "that is with a bias of 0."),
            (1 / (1 + np.exp(-2.0)), "that is one step; 50 are asked for."),
            (
                (1 / (1 + np.exp(-2.0))) ** 50,
                "right, but the power of ten is asked for.",
            ),
            (50 * np.log(1 / (1 + np.exp(-2.0))), "that is the power of e."),
        ],
    ),
    4: Choice(
        ["small numbers", "-inf", "nan"],
        "-inf",
        hints={
            "small numbers": "vanishing gives those; here nothing comes.",
            "nan": "that is for what can have no gradient: whole numbers.",
        },
        why="Exactly zero: in log_h, and in log_p of what lies below.",
    ),
    5: Function(
        gradient_norms,
        cases={
            "one layer": (one_layer, rng.standard_normal((1, 2))),
            "six layers, a batch of four": (
                deep_net,
                rng.standard_normal((4, 3)),
            ),
        },
        hints=[
            (of_weights, "those are the gradients of the weights."),
            (of_states, "those are the states, not their gradients."),
            (logarithms, "without the logarithm, please."),
            (without_the_half, "the loss has a half, ½‖h‖²."),
            (squares, "the norm is the root of the sum of squares."),
            (transposed, "in this book W stands on the right: h @ W."),
        ],
        why="That is what `trace_model` does, and it has more range.",
    ),
}
