"""Nets, backpropagation through depth and time, and gradient-norm tracing.

>>> import numpy as np
>>> from gradtrace import RNN, draw, forward, trace, unroll
>>> rng = np.random.default_rng(0)
>>> cell = RNN(n_in=1, n=32)
>>> path = unroll(cell, draw(cell, rng), rng.standard_normal((50, 1, 1)))
>>> h, vjps = forward(path, np.zeros((1, 32)))
>>> log = trace(vjps, h[-1])                    # of the loss ½‖h_T‖²
>>> log.log_h.shape
(51,)
"""

from importlib import import_module

_WHERE = {
    "steps.activations": ["Activation", "activation", "elu", "identity", "leaky_relu", "relu", "selu", "sigmoid",
                          "softplus", "tanh"],
    "steps.arrays": ["log_norm"],
    "steps.cells": ["NARX", "RNN", "Masked", "irnn"],
    "steps.choices": ["Maxout", "Softmax"],
    "steps.contract": ["Grads", "Step"],
    "steps.dense": ["Dense"],
    "steps.gated": ["GRU", "LSTM", "OneGate"],
    "steps.init": ["draw"],
    "steps.conv": ["Conv2D", "Flatten", "Pool2D"],
    "steps.dropout": ["Dropout"],
    "steps.norms": ["BatchNorm", "LayerNorm", "batch_statistics"],
    "steps.skips": ["Highway", "Residual", "Seq", "StochasticDepth"],
    "steps.weight_norm": ["WeightNorm"],
    "tracing.path": ["Path", "deep", "forward", "unroll"],
    "tracing.trace": ["Gradients", "Trace", "backward", "trace"],
    "training.batches": ["minibatches"],
    "training.clip": ["clip_norm", "clip_value", "total_log_norm"],
    "training.losses": ["argmax", "binary_cross_entropy", "cross_entropy", "half_squared_norm", "mae", "mse"],
    "training.optim": ["AdaDelta", "AdaGrad", "Adam", "GradientDescent", "Momentum", "Nesterov", "RMSProp"],
    "training.params": ["flat", "nested", "spread"],
    "training.regularize": ["EarlyStopping", "l1", "l2", "soft_threshold", "weight_decay"],
    "check": ["check_gradients", "gradient_errors"],
    "live": ["Prediction", "explore"],
    "reading": ["check_answer", "show"],
}
_HOME = {name: module for module, names in _WHERE.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name == "init":
        return import_module(".steps.init", __name__)
    if name in _HOME:
        return getattr(import_module("." + _HOME[name], __name__), name)
    if name in ("figures",):
        return import_module("." + name, __name__)
    raise AttributeError(f"module 'gradtrace' has no attribute {name!r}")


def __dir__():
    return [*__all__, "figures", "init"]
