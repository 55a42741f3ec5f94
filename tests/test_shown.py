"""What is shown is what runs.

Whatever a notebook shows is replaced by a changed copy, and every result follows.
"""

import dataclasses
import inspect
import re
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from camera_files import as_files

import gradtrace
from gradtrace import (
    LSTM,
    RNN,
    Adam,
    Dense,
    GradientDescent,
    Highway,
    Residual,
    backward,
    bptt,
    clip_norm,
    cross_entropy,
    deep,
    dynamics,
    forward,
    init,
    init_params,
    jacobians,
    maps,
    meanfield,
    minibatches,
    mse,
    tanh,
    tasks,
    trace,
    train,
    unroll,
)
from gradtrace.notebook import show
from gradtrace.steps.norms import BatchNorm, LayerNorm, standardise
from gradtrace.tracing.schedules import advances

from digit_net import digit_layers, learn, start
from drawings.through_time import far_past, run_net, sizes
from evidence import fifty_layers, level_start, plain_depth

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
REPLACED = {}


def stand_in(*args, **kwargs):
    """The code that a replaced function runs; it may close over nothing."""
    import sys

    return sys.modules["test_shown"].REPLACED["call"](*args, **kwargs)


@contextmanager
def replaced(function, change):
    """Everybody who calls this function, by whatever name, gets ``change(result)``.

    The code of the function itself is replaced.
    """
    sys.modules["test_shown"] = sys.modules[__name__]
    function = inspect.unwrap(function)  # what a decorator wraps is what is shown
    was = function.__code__, function.__defaults__, function.__kwdefaults__
    copy = types.FunctionType(
        was[0], function.__globals__, function.__name__, was[1], function.__closure__
    )
    copy.__kwdefaults__ = was[2]
    REPLACED["call"] = lambda *args, **kwargs: change(copy(*args, **kwargs))
    function.__code__ = stand_in.__code__
    function.__defaults__ = None
    function.__kwdefaults__ = None
    try:
        yield
    finally:
        function.__code__, function.__defaults__, function.__kwdefaults__ = was


def larger_step(result):
    """A step whose next state is a tenth larger and whose gradients are doubled."""
    out, vjp = result

    def doubled(g):
        h, x, p = vjp(g)
        return gradtrace.Grads(2 * h, x, {name: 2 * np.asarray(value) for name, value in p.items()})

    return 1.1 * out, doubled


def of_a_chain(step):
    """What every way through a chain of this step gives, by the name of the way."""
    rng = np.random.default_rng(0)
    p = init_params(step, rng, init.gaussian)
    h0 = 0.1 * rng.standard_normal((1, *step.features))
    x = None if step.inputs is None else rng.standard_normal((4, 1, *step.inputs))
    first = next(iter(p))  # the first parameter, for what has one result for each

    def path_with(p):
        return deep(step, 4 * [p]) if x is None else unroll(step, p, x)

    def gradient(p, rows, rng):
        h, vjps = forward(path_with(p), h0)
        return 0.5 * np.sum(h[-1] ** 2), backward(vjps, h[-1]).shared()

    h, vjps = forward(path_with(p), h0)
    g = np.ones_like(h[-1])
    grads = backward(vjps, g)
    log = trace(vjps, g)
    run = train(p, gradient, GradientDescent(0.01), rng, n=1, size=1, epochs=2)
    return {
        "forward": h[-1],
        "backward": grads.h[0],
        "the gradient of the weights": grads.shared()[first],
        "trace": log.log_h[0],
        "the norms of shares": log.log_p[first][0],
        "bptt": bptt(path_with(p), h0, g).log_h[0],
        "jacobians": jacobians(vjps)[0],
        "train": run.p[first],
    }


def learnt(rule):
    """Parameters after three updates by a rule of descent."""

    def slope(p, rows, rng):
        return (0.5 * np.sum(p["w"] ** 2), {"w": p["w"]})

    return {
        "train": train(
            {"w": np.ones(3)}, slope, rule, np.random.default_rng(0), n=4, size=2, epochs=3
        ).p["w"]
    }


def batches_of_training():
    seen = []

    def gradient(p, rows, rng):
        seen.append(rows[0])
        return 0.0, {"w": p["w"]}

    train(
        {"w": np.ones(1)},
        gradient,
        GradientDescent(0.1),
        np.random.default_rng(0),
        n=6,
        size=2,
        epochs=1,
    )
    return {"train": np.array(seen)}


X = np.ones((2, 3))
U = np.array([[1.0, 2.0, -1.0]])
Y = np.array([[0.0, 1.0, 0.0]])


def twice(result):
    return 2 * result


def first_twice(result):
    return (2 * result[0], *result[1:])


def backward_alone(step):
    """All of that but the forward pass, which has no part in a slope."""
    return {name: value for name, value in of_a_chain(step).items() if name != "forward"}


def normed():
    p = {"gamma": np.ones(3), "beta": np.zeros(3)}
    return {
        "layer norm": LayerNorm(3)(p, U)[0],
        "batch norm": BatchNorm(3)(p, np.vstack([U, Y]))[0],
    }


def iterated():
    step = dynamics.tanh_rnn(np.eye(2), np.zeros(2))
    return {"iterate": np.asarray(dynamics.iterate(step, np.ones((1, 2)), 3)[0])}


# What a notebook shows: the function, how to change its result, and what has to follow.
def of_the_digit_net():
    return {"stored": np.array(level_start.compute(1.2, 2, level_start.QUICK)["loss"])}


def of_plain_depth():
    return {"stored": np.array(plain_depth.compute(4, "residual", 0, plain_depth.QUICK)["loss"])}


def of_fifty_layers(net):
    return {"stored": np.array(fifty_layers.compute(net, 0.01, fifty_layers.QUICK)["loss"])}


def from_all_twice(built):
    layers, params = built
    return layers, all_twice(params)


def squashed_by_relu(layers):
    first = layers[0]
    return [Dense(first.n_in, first.n_out, "relu"), *layers[1:]]


def all_twice(params):
    return [{name: 2 * value for name, value in p.items()} for p in params]


def of_flat_twice(p):
    return {name: 2 * value for name, value in p.items()}


def another_net(result):
    """As many steps from the same start, with other weights and inputs."""
    h, _ = result
    cell = RNN(1, 16)
    p = init_params(cell, np.random.default_rng(1), init.orthogonal, gain=0.9)
    return forward(unroll(cell, p, np.ones((len(h) - 1, 1, 1))), h[0])


def of_the_far_past():
    """The heights of the bars that the first figure draws."""
    _, ax = plt.subplots()
    far_past(sizes, most=5)(ax, gain=0.5, steps=5)
    heights = np.array([bar.get_height() for bar in ax.containers[0]])
    plt.close()
    return {"far past": heights}


SHOWN = {
    "Dense": (Dense.step, larger_step, lambda: of_a_chain(Dense(3, 3))),
    "RNN": (RNN.step, larger_step, lambda: of_a_chain(RNN(2, 3))),
    "LSTM": (LSTM.step, larger_step, lambda: of_a_chain(LSTM(2, 3))),
    "Highway": (Highway.step, larger_step, lambda: of_a_chain(Highway(3))),
    "Residual": (Residual.step, larger_step, lambda: of_a_chain(Residual(Dense(3, 3)))),
    "tanh.slope": (tanh.slope, twice, lambda: backward_alone(RNN(2, 3))),
    "standardise": (standardise, first_twice, normed),
    "Adam.rule": (Adam.rule, first_twice, lambda: learnt(Adam(0.1))),
    "GradientDescent.rule": (
        GradientDescent.rule,
        first_twice,
        lambda: learnt(GradientDescent(0.1)),
    ),
    "minibatches": (
        minibatches,
        lambda result: [rows[::-1] for rows in result],
        batches_of_training,
    ),
    "mse": (mse, first_twice, lambda: {"mse": gradtrace.mse(U, Y)[0]}),
    "cross_entropy": (
        cross_entropy,
        first_twice,
        lambda: {"cross-entropy": gradtrace.cross_entropy(U, Y)[0]},
    ),
    "clip_norm": (
        clip_norm,
        lambda result: ({name: 2 * value for name, value in result[0].items()}, *result[1:]),
        lambda: {"clip": gradtrace.clip_norm({"w": 9 * np.ones(3)}, 1.0)[0]["w"]},
    ),
    "init.he_uniform": (
        init.he_uniform,
        twice,
        lambda: {"W": init_params(Dense(3, 3), np.random.default_rng(0), init.he_uniform)["W"]},
    ),
    "meanfield.chi": (meanfield.chi, twice, lambda: {"chi": gradtrace.meanfield.chi(1.0, 0.1)}),
    "dynamics.tanh_rnn": (
        dynamics.tanh_rnn,
        lambda step: lambda h: (2 * step(h)[0], step(h)[1]),
        iterated,
    ),
    "advances": (advances, twice, lambda: {"advances": advances(10, 3)}),
    "digit_layers": (digit_layers, squashed_by_relu, of_the_digit_net),
    "start": (start, all_twice, of_the_digit_net),
    "learn": (learn, lambda run: dataclasses.replace(run, loss=2 * run.loss), of_the_digit_net),
    "run_net": (run_net, another_net, of_the_far_past),
    "sizes": (sizes, lambda result: (result[0], result[1][::-1]), of_the_far_past),
    "fifty_layers.by_recipe": (
        fifty_layers.by_recipe,
        from_all_twice,
        lambda: of_fifty_layers("orthogonal, biases 0"),
    ),
    "fifty_layers.residual": (
        fifty_layers.residual,
        from_all_twice,
        lambda: of_fifty_layers("residual, gain 0.58"),
    ),
    "fifty_layers.normed": (
        fifty_layers.normed,
        from_all_twice,
        lambda: of_fifty_layers("batch norm, gain 0.58"),
    ),
    "plain_depth.layers": (plain_depth.layers, squashed_by_relu, of_plain_depth),
    "plain_depth.start": (plain_depth.start, of_flat_twice, of_plain_depth),
    "as_files": (
        as_files,
        lambda files: 2 * files,
        lambda: {"a file": as_files(np.ones((2, 8, 8)))},
    ),
    "tasks.adding": (
        tasks.adding,
        lambda data: data.__class__(2 * data.x, *list(vars(data).values())[1:]),
        lambda: {"adding": gradtrace.tasks.adding(np.random.default_rng(0), 2, 5).x},
    ),
}


def test_everything_that_notebooks_show_is_tried_here():
    shown, explored = set(), set()
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                shown.update(re.findall(r"(?<![.\w])show\(([\w.]+)\)", cell.source))
                explored.update(re.findall(r"explore\(\s*([\w.]+),", cell.source))
    shown -= explored  # these run as they stand
    assert shown == SHOWN.keys(), shown ^ SHOWN.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_is_what_runs(name):
    function, change, results = SHOWN[name]
    before = results()
    with replaced(function, change):
        after = results()
    for way in before:
        unchanged = np.allclose(before[way], after[way], rtol=1e-3, equal_nan=True)
        assert not unchanged, f"{way} does not run what is shown"
    again = results()
    assert all(np.array_equal(before[way], again[way]) for way in before)


@pytest.mark.parametrize("thing", [maps.logistic], ids=["logistic"])
def test_the_replacement_itself_reaches_every_name(thing):
    with replaced(thing, lambda result: result + 1):
        assert (maps.logistic(3.5, 0.3, 2) == gradtrace.maps.logistic(3.5, 0.3, 2)).all()
        assert maps.logistic(3.5, 0.3, 2)[0] == 1.3


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_fits_the_page(name):
    """79 columns is what a page and a notebook show without scrolling."""
    source = show(eval(name, globals()))
    assert max(map(len, source.splitlines())) <= 79
