"""Nets, backpropagation through depth and time, and gradient-norm tracing.

>>> import numpy as np
>>> from gradtrace import RNN, init_params, forward, trace, unroll
>>> rng = np.random.default_rng(0)
>>> cell = RNN(n_in=1, n=32)
>>> path = unroll(cell, init_params(cell, rng), rng.standard_normal((50, 1, 1)))
>>> h, vjps = forward(path, np.zeros((1, 32)))
>>> log = trace(vjps, h[-1])                    # of the loss ½‖h_T‖²
>>> log.log_h.shape
(51,)

Docstrings name their sources by author and year; the page "References" of the book lists them. Five
are lectures: Cremer (2017) is Chris Cremer's *Gradients of Deep Networks*; Giselsson (n.d.), Pontus
Giselsson's *Deep Learning*; Grosse and Ba (2019), lecture 14 of Roger Grosse and Jimmy Ba's course
CSC421/2516 at the University of Toronto; Lee (n.d.), Chang-Hwan Lee's *Deep Neural Network &
Gradient Methods*; LMU Munich (2022), the slides on recurrent networks of its course *Introduction
to Deep Learning*. They are quoted by the titles of their slides.
"""

from importlib import import_module

_WHERE = {
    "steps.activations": [
        "Activation",
        "activation",
        "elu",
        "identity",
        "leaky_relu",
        "relu",
        "selu",
        "sigmoid",
        "softplus",
        "tanh",
    ],
    "steps.arrays": ["Grads", "log_norm"],
    "steps.combinators": ["Highway", "OnInput", "Residual", "Seq", "StochasticDepth"],
    "steps.contract": ["Step"],
    "steps.conv": ["Conv2D", "Flatten", "Pool2D"],
    "steps.dense": ["Dense", "Maxout", "Softmax"],
    "steps.dropout": ["Dropout"],
    "steps.init": ["init_params"],
    "steps.norms": ["BatchNorm", "LayerNorm", "WeightNorm", "batch_statistics"],
    "steps.recurrent": ["GRU", "LSTM", "NARX", "RNN", "Masked", "OneGate", "irnn"],
    "tracing.checkpoint": ["BPTTResult", "SummedGradients", "Usage", "bptt"],
    "tracing.grid": ["Grid", "GridGradients", "GridTrace", "stack"],
    "tracing.jacobians": [
        "jacobians",
        "log_qr_growth",
        "log_singular_values",
        "lyapunov",
        "spectral_radius",
    ],
    "tracing.path": ["Path", "deep", "forward", "unroll"],
    "tracing.schedules": ["Action", "Binomial", "Full", "SqrtT", "Truncated", "schedule"],
    "tracing.trace": ["Gradients", "Trace", "backward", "trace"],
    "training.clip": ["clip_norm", "clip_value", "total_log_norm"],
    "training.loop": ["Diverged", "Run", "minibatches", "train"],
    "training.losses": [
        "argmax",
        "binary_cross_entropy",
        "cross_entropy",
        "half_squared_norm",
        "mae",
        "mse",
    ],
    "training.optim": [
        "AdaDelta",
        "AdaGrad",
        "Adam",
        "GradientDescent",
        "Momentum",
        "Nesterov",
        "RMSProp",
    ],
    "training.params": ["flatten_params", "tile_params", "unflatten_params"],
    "training.regularize": ["EarlyStopping", "l1", "l2", "soft_threshold", "weight_decay"],
    "data.digits": ["digits", "pixels"],
    "data.translation": ["Sentences", "translation"],
    "theory.surfaces": ["cliff"],
    "check": ["check_gradients", "gradient_errors"],
    "streams": ["stream"],
    "sweeps": ["Sweep", "SweepError", "sweep"],
}
_HOME = {name: module for module, names in _WHERE.items() for name in names}
_ROOMS = {
    "augment": "training.augment",
    "dynamics": "theory.dynamics",
    "init": "steps.init",
    "maps": "theory.maps",
    "meanfield": "theory.meanfield",
    "notebook": "notebook",
    "surfaces": "theory.surfaces",
    "tasks": "data.tasks",
    "text": "data.text",
    "torch": "torch",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _ROOMS:
        return import_module("." + _ROOMS[name], __name__)
    if name in _HOME:
        return getattr(import_module("." + _HOME[name], __name__), name)
    raise AttributeError(f"module 'gradtrace' has no attribute {name!r}")


def __dir__():
    return [*__all__, *_ROOMS]
