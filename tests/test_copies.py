"""What is pickled, copied or sent to another process gives the same bits there.

Or it says in one sentence that it cannot.

Bits are those of what a thing does: of a step its next state and gradients, of an activation its
values and slopes.
"""

import copy
import inspect
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from test_odd_shapes import STEPS

import gradtrace
from gradtrace import (
    RNN,
    Activation,
    Adam,
    Binomial,
    Dense,
    Diverged,
    EarlyStopping,
    Full,
    GradientDescent,
    Residual,
    Seq,
    SqrtT,
    Step,
    SweepError,
    Truncated,
    backward,
    batch_statistics,
    bptt,
    cliff,
    deep,
    dynamics,
    forward,
    init_params,
    leaky_relu,
    maps,
    meanfield,
    minibatches,
    schedule,
    stack,
    surfaces,
    sweep,
    tasks,
    trace,
    train,
    translation,
    unroll,
)
from gradtrace.steps.activations import NAMED
from gradtrace.tracing.grid import Grid, GridGradients
from gradtrace.tracing.path import Path, Pullbacks
from gradtrace.tracing.trace import Gradients, Trace

OPTIMISERS = [
    getattr(gradtrace, name)
    for name in (
        "AdaDelta",
        "AdaGrad",
        "Adam",
        "GradientDescent",
        "Momentum",
        "Nesterov",
        "RMSProp",
    )
]
MAP = dynamics.tanh_rnn(2 * np.eye(2), np.zeros(2))
POINTS = np.concatenate([np.linspace(-40, 40, 81), [-800.0, -1e-300, 0.0, 1e-8, 300.0]])


def chain(weight=1.0, T=5):
    """A path of a cell whose gradients may go past the floats, and a first state."""
    rng = np.random.default_rng(0)
    cell = RNN(2, 3)
    p = init_params(cell, rng, gain=weight)
    return unroll(cell, p, 0.1 * rng.standard_normal((T, 2, 2))), np.zeros((2, 3))


def grid(weight=1.0, T=5):
    """A stack of two layers, and where they start."""
    lower, h0 = chain(weight, T)
    step, p, _ = lower[0]
    upper = RNN(3, 3)
    params = [p, init_params(upper, np.random.default_rng(1), gain=weight)]
    return stack([step, upper], params, lower.inputs, residual=True), h0


def grid_gradients(**how):
    """The pullbacks of such a grid, and what a loss puts on its corner."""
    return forward(*grid(**how))[1], np.ones((2, 3))


def gradients(size=1.0, **how):
    """The pullbacks of such a path, and what a loss puts on its end."""
    return forward(*chain(**how))[1], np.full((2, 3), size)


def read(log):
    """The same trace, whose shares and gradients somebody has looked at."""
    assert log.log_p
    assert log.grads
    return log


def slope(p, rows, rng):
    """As if the loss were |w|."""
    return abs(p["w"][0]), p


def trained(epochs=3):
    return train(
        {"w": np.ones(1)},
        slope,
        Adam(0.5),
        np.random.default_rng(0),
        n=4,
        size=3,
        epochs=epochs,
        validate=lambda p: p["w"][0] ** 2,
        stop=EarlyStopping(9),
    )


def inverse(gain):
    return 1 / gain


def error(call, kind):
    try:
        call()
    except kind as found:
        return found
    raise AssertionError(f"expected {kind.__name__}")


def too_fast():
    train(
        {"w": np.ones(1)},
        slope,
        GradientDescent(1e200),
        np.random.default_rng(0),
        n=1,
        size=1,
        epochs=9,
    )


EXAMPLES = {
    **{f"activation {name}": lambda phi=phi: phi for name, phi in NAMED.items()},
    "activation leaky_relu(0.2)": lambda: leaky_relu(0.2),
    "activation of one's own": lambda: Activation("sine", np.sin, np.cos),
    **{f"step {kind}": lambda make=make: make(2, 3, 5) for kind, make in STEPS.items()},
    "step of all kinds": lambda: Residual(Seq(Dense(3, 5, "softplus"), Dense(5, 3, "sigmoid"))),
    "path in time": lambda: chain()[0],
    "grid": lambda: grid()[0],
    "gradients on a grid": lambda: backward(*grid_gradients()),
    "trace of a grid": lambda: trace(*grid_gradients()),
    "trace of a grid past the floats": lambda: trace(*grid_gradients(weight=1e-80)),
    "trace of a grid read before": lambda: read(trace(*grid_gradients())),
    "path in depth": lambda: deep(Dense(3, 3), 2 * [{"W": np.eye(3), "b": np.zeros(3)}]),
    "gradients": lambda: backward(*gradients()),
    "gradients of one step": lambda: Dense(1, 1)({"W": np.eye(1), "b": np.ones(1)}, np.eye(1))[1](
        np.eye(1)
    ),
    "trace": lambda: trace(*gradients()),
    "trace past the floats": lambda: trace(*gradients(weight=1e-80)),
    "trace whose gradients overflow": lambda: trace(*gradients(weight=1e80, size=1e90)),
    "trace read before": lambda: read(trace(*gradients())),
    "bptt": lambda: bptt(*chain(), np.ones((2, 3)), SqrtT()),
    "summed gradients": lambda: bptt(*chain(), np.ones((2, 3))).grads,
    "usage": lambda: bptt(*chain(), np.ones((2, 3)), Truncated(2, 2)).usage,
    **{
        f"plan {plan}": lambda plan=plan: plan
        for plan in (Full(), SqrtT(), Truncated(2, 3), Binomial(2))
    },
    "actions": lambda: schedule(Binomial(slots=2), 5)[0],
    **{
        f"optimiser {kind.__name__}": lambda kind=kind: kind(lr=np.array([0.1, 0.3]))
        for kind in OPTIMISERS
    },
    "early stopping": lambda: EarlyStopping(3, 0.1),
    "run": trained,
    "sweep": lambda: sweep(inverse, gain=[1.0, 3.0]),
    "sweep error": lambda: error(lambda: sweep(inverse, gain=[1.0, 0.0]), SweepError),
    "diverged": lambda: error(too_fast, Diverged),
    "minibatches": lambda: minibatches(np.random.default_rng(0), 5, 2),
    "statistics": lambda: batch_statistics(np.array([[1.0], [4.0]])),
    "sequences": lambda: tasks.adding(np.random.default_rng(0), batch=2, T=9),
    "sentences": lambda: translation(
        np.random.default_rng(0), batch=2, length=3, dictionary=np.arange(4)
    ),
    "cliff": lambda: cliff(np.linspace(1, 9, 4), 0.1),
    "surface": lambda: surfaces.valley(np.ones(2), np.ones(2)),
    "orbits": lambda: dynamics.iterate(MAP, np.ones((3, 2)), 5),
    "basins": lambda: dynamics.basins(MAP, dynamics.iterate(MAP, np.ones((3, 2)), 20).h),
    "escape": lambda: maps.mandelbrot(np.array([0.0, 1.0]), 9),
    "depth scales": lambda: meanfield.depth_scales(np.array([1.5]), 0.3),
}


def bits(thing):
    """What a thing is and does, as something that compares exactly.

    ``nan`` equals itself there, and the sign of zero counts.
    """
    kind = type(thing).__name__
    match thing:
        case np.ndarray() | np.generic():
            return str(thing.dtype), thing.shape, thing.tobytes()
        case Activation():
            return kind, thing.name, thing.max_slope, bits(thing(POINTS)), bits(thing.slope(POINTS))
        case Step():
            h0 = np.random.default_rng(0).random((5, *thing.features))
            x = None
            p = {}
            if thing.inputs:
                x = np.random.default_rng(1).standard_normal((5, *thing.inputs))
            for name, shape in thing.shapes().items():
                p[name] = np.random.default_rng(2).standard_normal(shape)
            out, vjp = thing(p, h0, x)
            return kind, str(thing), bits(out), bits(tuple(vjp(out)))
        case Path():
            h0 = np.random.default_rng(0).standard_normal((2, *thing.steps[0].features))
            h, vjps = forward(thing, h0)
            return kind, len(thing.distinct_params()), bits(h), bits(trace(vjps, h[-1]))
        case Grid():
            h, vjps = forward(thing, np.ones((2, 3)))
            return kind, repr(thing), bits(h[1:]), bits(trace(vjps, h[-1][-1]))
        case GridGradients():
            return kind, bits(thing.h), bits(thing.layers), bits(thing.shared())
        case Pullbacks():
            return kind, len(thing), thing.sweep, bits(trace(thing, thing.end))
        case Gradients():
            return kind, bits([thing.h, list(thing.x), list(thing.p), thing.shared()])
        case Trace():
            try:
                grads = bits(thing.grads)
            except FloatingPointError as found:
                grads = str(found)
            return kind, bits(thing.log_h), bits(thing.log_p), grads
        case BaseException():
            return kind, str(thing), bits(vars(thing))
        case dict():
            return kind, [(name, bits(value)) for name, value in thing.items()]
        case list() | tuple():
            return kind, [bits(value) for value in thing]
        case _ if is_dataclass(thing):
            return kind, [bits(getattr(thing, field.name)) for field in fields(thing)]
    return kind, repr(thing)


@pytest.fixture(scope="module")
def elsewhere():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield lambda function, *args: pool.submit(function, *args).result()


def visit(thing):
    """What another process makes of a thing, and the thing itself, which comes back."""
    return bits(thing), thing


WAYS = {
    "pickle": lambda thing, _: pickle.loads(pickle.dumps(thing)),
    "oldest pickle": lambda thing, _: pickle.loads(pickle.dumps(thing, protocol=2)),
    "copy": lambda thing, _: copy.copy(thing),
    "deepcopy": lambda thing, _: copy.deepcopy(thing),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_copy_has_the_same_bits(name, way, elsewhere):
    thing = EXAMPLES[name]()
    before = bits(EXAMPLES[name]())
    copied = WAYS[way](thing, elsewhere)
    assert type(copied) is type(thing)
    assert bits(copied) == before
    assert bits(thing) == before


@pytest.mark.parametrize("name", EXAMPLES)
def test_another_process_makes_the_same_bits_and_gives_them_back(name, elsewhere):
    thing = EXAMPLES[name]()
    before = bits(EXAMPLES[name]())
    # else it would take the other process along
    assert pickle.loads(pickle.dumps(thing)) is not None
    there, back = elsewhere(visit, thing)
    assert there == before
    assert bits(back) == before


def learn(lr):
    """Diverges at a large learning rate."""
    return train(
        {"w": np.ones(1)},
        slope,
        GradientDescent(lr),
        np.random.default_rng(0),
        n=1,
        size=1,
        epochs=9,
    ).p["w"]


def test_one_point_of_a_sweep_over_processes_that_diverges_leaves_the_others_alone():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = error(lambda: sweep(learn, pool, lr=[0.1, 1e200, 0.2]), SweepError)
    assert [type(failure).__name__ for failure in found.sweep.failures.values()] == ["Diverged"]
    assert found.sweep.results[0] is not None
    assert found.sweep.results[2] is not None


def test_a_network_traced_in_another_process_has_the_same_bits(elsewhere):
    assert bits(elsewhere(trace_there, 0.9)) == bits(trace_there(0.9))


def trace_there(weight):
    return trace(*gradients(weight=weight))


def test_pullbacks_may_be_copied_here():
    vjps, _ = gradients()
    for way in ("copy", "deepcopy"):
        assert bits(WAYS[way](vjps, None)) == bits(vjps)


def test_pullbacks_say_that_they_do_not_travel():
    with pytest.raises((TypeError, pickle.PicklingError), match=r"Pullbacks: expected"):
        pickle.dumps(gradients()[0])


@pytest.mark.parametrize("name", sorted(set(gradtrace.__all__) - NAMED.keys()))
def test_every_public_function_and_class_is_found_by_its_name(name):
    thing = getattr(gradtrace, name)
    assert pickle.loads(pickle.dumps(thing)) is thing is copy.deepcopy(thing)


def test_the_table_has_every_public_kind_of_thing():
    made = [make() for make in EXAMPLES.values()]
    kinds = {type(thing) for thing in made}
    public = [getattr(gradtrace, name) for name in gradtrace.__all__]
    # nobody makes a bare step
    classes = {thing for thing in public if inspect.isclass(thing)} - {Step}
    assert classes <= kinds, f"add to EXAMPLES in tests/test_copies.py: {classes - kinds}"
    assert all(any(phi is thing for thing in made) for phi in public if isinstance(phi, Activation))
    rooms = (dynamics, maps, meanfield, surfaces, tasks)
    results = {
        thing
        for room in rooms
        for thing in vars(room).values()
        if inspect.isclass(thing)
        and thing.__module__ == room.__name__
        and thing.__name__ != "Kernel"
    }
    assert results <= kinds
