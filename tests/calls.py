"""One valid call of everything public, with the kind of every argument: what cannot take its place.

``TABLE`` maps a name to what is called and its arguments, ``kind(value)`` each. A kind is a table
of bad values; those of arrays are made of the valid one, so that nothing else is wrong with them.
Data, no tests: those are in ``test_refusals`` and ``test_every_call``.
"""

import math
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import gradtrace as gt
from gradtrace import augment, dynamics, init, maps, meanfield, surfaces, tasks, text
from gradtrace.notebook import check, figures, show
from gradtrace.notebook.diagnosis import diagnose
from gradtrace.notebook.exercises import Choice, Function, Number, exercise
from gradtrace.steps.dropout import Mask
from gradtrace.steps.norms import BatchNormInference


class Argument(NamedTuple):
    kind: "Kind"
    value: object


class Kind(NamedTuple):
    """A kind of argument, with the table of its bad values.

    The entries of the table are values, or, if it is ``made``, functions that spoil the valid one.
    """

    name: str
    bad: dict
    made: bool = False

    def __call__(self, value):
        return Argument(self, value)

    def but(self, *labels):
        """The same kind where some of the values are good after all."""
        assert self.bad.keys() >= set(labels), labels
        return self._replace(bad=without(self.bad, labels))

    def spoilt(self, value):
        """The bad values, by their labels."""
        return {label: bad(value) if self.made else bad for label, bad in self.bad.items()}


def without(table, labels):
    return {label: entry for label, entry in table.items() if label not in labels}


def always(table):
    """The table of functions that return the bad values of a table, whatever they are given."""
    return {label: lambda _, bad=bad: bad for label, bad in table.items()}


def with_first(spoil):
    """Spoil the first array of a dict, or of the first dict of a list."""

    def change(value):
        if isinstance(value, list):
            return [change(value[0]), *value[1:]]
        first = next(name for name, entry in value.items() if isinstance(entry, np.ndarray))
        return {**value, first: spoil(value[first])}

    return change


def with_one(a, value):
    """The array with one entry changed."""
    a = a.copy()
    a.flat[-1] = value
    return a


# Bad values
# ----------

STRANGE = {
    "None": None,
    "'a'": "a",
    "[[1.0]]": [[1.0]],
    "{}": {},
    "a function": lambda: None,
    "a class": dict,
}
NO_NUMBER = STRANGE | {
    "True": True,
    "1j": 1j,
    "an array": np.array([0.5, 0.5]),
    "np.array(1.0)": np.array(1.0),
}
NO_FINITE = {"nan": math.nan, "inf": math.inf, "10**400": 10**400}
NO_DTYPE = {
    "complex": lambda a: a.astype(complex),
    "float16": lambda a: a.astype("f2"),
    "longdouble": lambda a: a.astype("g"),
    "big-endian": lambda a: a.astype(">f8"),
    "objects": lambda a: a.astype(object),
    "bools": lambda a: a.astype(bool),
    "integers": lambda a: a.astype(int),
    "text": lambda a: a.astype(str),
    "masked": lambda a: np.ma.masked_array(a, np.zeros(a.shape, bool)),
    "np.matrix": lambda a: a.reshape(-1, 1).view(np.matrix),
}
NO_FINITE_ARRAY = {
    "nan in it": lambda a: with_one(a, np.nan),
    "inf in it": lambda a: with_one(a, np.inf),
}
NO_ARRAY = {
    **always(STRANGE | {"True": True, "10**400": 10**400}),
    "a list": lambda a: a.tolist(),
}
NO_SHAPE = {
    "another last axis": lambda a: np.repeat(a, 7, axis=-1),
    "no axes": lambda a: np.array(a.flat[0]),
}

# Kinds
# -----

number = Kind("number", NO_NUMBER | NO_FINITE)
not_negative = Kind("number from 0", number.bad | {"-1": -1})
positive = Kind("positive number", not_negative.bad | {"0": 0})
probability = Kind("probability", not_negative.bad | {"1.5": 1.5})
share = Kind("share", probability.bad | {"0": 0})
count = Kind("count", NO_NUMBER | NO_FINITE | {"1.5": 1.5, "2.0": 2.0, "-1": -1})
size = Kind("size", count.bad | {"0": 0})
NO_SIZES = {"()": (), "3": 3, "(-1, 3, 3)": (-1, 3, 3), "(1.5, 3, 3)": (1.5, 3, 3), "'abc'": "abc"}
sizes = Kind("sizes", STRANGE | NO_SIZES)
shape = Kind("shape", sizes.bad | {"(3.0, 2)": (3.0, 2), "(10**400,)": (10**400,)})
seed = count.but("10**400")._replace(name="seed")
flag = Kind("bool", STRANGE | {"1": 1, "0.0": 0.0, "np.array(True)": np.array(True)})
NO_WORD = {"1.5": 1.5, "True": True, "['a']": ["a"], "np.array('a')": np.array("a")}
word = Kind("word", STRANGE | NO_WORD)
string = Kind("string", {**STRANGE, "'a'": b"a", "1.5": 1.5, "['a']": ["a"]})
phi = Kind("activation", word.bad)
function = Kind("function", {**NO_NUMBER, "a function": 1.5, "a class": "tanh"})
OLD_RNG = {"RandomState": np.random.RandomState(0), "PCG64": np.random.PCG64()}
rng = Kind("rng", STRANGE | {"0": 0, "1.5": 1.5} | OLD_RNG)
NO_DTYPE_AT_ALL = {"None": None, "'a'": "a", "1.5": 1.5}
dtype = Kind("dtype", NO_DTYPE_AT_ALL | {"int": int, "float16": "f2", "complex": complex})
NO_VALUES = {"None": None, "'a'": "a", "3": 3, "[]": []}
values = Kind("values", NO_VALUES | {"a function": lambda: None, "a class": dict})
file = Kind("file", {**NO_NUMBER, "'a'": 1.5})
no_other = Kind("none beside the other", {"3": 3, "'a'": "a"})
no_input = Kind("no input", {"an array": np.ones((2, 3))})
NO_STEPS = {"none": (), "'a'": ("a",), "None": (None,)}
inner_steps = Kind("steps", NO_STEPS | {"a class": (gt.Dense,), "a list": ([gt.Dense(3, 3)],)})
coordinate = Kind("coordinate", without(STRANGE, ["None", "'a'"]) | {"an array": np.ones(2)})
point = Kind("point", STRANGE | {"3": 3, "(1,)": (1,)})
window = Kind("window", STRANGE | {"3": 3, "(1, 2)": (1, 2)})
answer = Kind("answer", {"None": None, "{}": {}, "a function": len, "nan": math.nan, "...": ...})
NO_HINTS = {"None": None, "3": 3, "'a'": "ab", "[1]": [1]}
hints = Kind("hints", NO_HINTS | {"[(1, 2, 3)]": [(1, 2, 3)], "[(1, 2)]": [(1, 2)]})
exercise_name = Kind("exercise", {**STRANGE, "'a'": "a", "99": "chain-of-slopes.99", "3": 3})
NO_STRINGS = {"None": None, "'a'": "ab", "3": 3, "[1]": ["a", 1], "()": (), "one": ["a"]}
strings = Kind("strings", NO_STRINGS)
hints_by_option = Kind("hints", NO_HINTS | {"a right one": {"yes": "no"}, "a number": {"no": 3}})
cases = Kind("cases", NO_HINTS | {"{}": {}, "a row": {"one": [1.0]}, "a number": {1: (1.0,)}})
functions = Kind("functions", NO_HINTS)
# a function that was typed in has no file to show
source = Kind("source", {**NO_NUMBER, "a function": eval("lambda: 1"), "np.tanh": np.tanh})
passed_on = Kind("passed on", {})  # to matplotlib or a reader's function, which say what is wrong


def object_of(name, **more):
    return Kind(name, NO_NUMBER | {"1.5": 1.5} | more)


def optional(kind):
    return kind.but("None")


axes = object_of("axes")
optimiser = object_of("optimiser", **{"the class Adam": gt.Adam})
path = object_of("path")
plan = object_of("plan", **{"the class Full": gt.Full})
state = object_of("state")
step = object_of("step", **{"the class Dense": gt.Dense})
vjps = object_of("pullbacks")

# Kinds of arrays: their bad values are made of the valid one


def made(name, *tables):
    """A kind whose bad values are made of the valid one by the functions of all these tables."""
    bad = {}
    for table in tables:
        bad |= table
    return Kind(name, bad, made=True)


def in_first(table):
    """The functions of a table, each spoiling the first array only."""
    return {label: with_first(spoil) for label, spoil in table.items()}


array = made("array", NO_ARRAY, NO_DTYPE, NO_FINITE_ARRAY, always({"1.5": 1.5}))
rows = made("array of rows", array.bad, NO_SHAPE)  # with a last axis of its own
of_step = rows.but("complex")  # steps are analytic: complex steps check their gradients
SINGLE = array.but("1.5", "integers", "10**400").bad
floats = made("number or array", SINGLE, always({"10**400": 10**400, "nan": math.nan, "1j": 1j}))
NEGATIVE = {"-1": lambda _: -1, "-1 in it": lambda a: with_one(a, -1)}
INTEGERS = {"integers": lambda a: a.astype(int)}
rate = made("number, or one a member", floats.bad, INTEGERS, NEGATIVE)
positive_rate = made("positive number, or one a member", rate.bad, always({"0": 0}))
decay = made("number below 1, or one a member", rate.bad, always({"1": 1}))
NO_PLOT = {label: NO_DTYPE[label] for label in ("complex", "objects", "text", "masked")}
plotted = made(
    "numbers to plot", always(STRANGE), NO_PLOT, always({"[[1.0], [1, 2]]": [[1.0], [1, 2]]})
)
integers = made(
    "array of integers",
    always(STRANGE | {"1": 1, "True": True}),
    without(NO_DTYPE, ["integers"]),
    {"a list": lambda a: a.tolist()},
    {"floats": lambda a: a.astype(float)},
    {"-1 in it": lambda a: with_one(a, -1)},
)
order = made(
    "order",
    integers.bad,
    {"twice": lambda a: with_one(a, a.flat[0])},
    {"too large": lambda a: a + 1},
)
arrays = made(
    "dict of arrays",
    always(STRANGE | {"a dict of text": {"a": "b"}}),
    {"a list of it": lambda p: [p]},
    {"a list in it": with_first(lambda a: a.tolist())},
    {"1.5 in it": with_first(lambda _: 1.5)},
    in_first(NO_DTYPE | NO_FINITE_ARRAY),
)
params = made(
    "dict of arrays of a step",
    arrays.but("complex").bad,
    in_first(NO_SHAPE),
    {"a name missing": lambda p: dict(list(p.items())[1:])},
)
# a flat dict of parameters is renamed, not computed with: only what is no array at all is refused
ANY_DTYPE = NO_DTYPE.keys() - {"masked", "np.matrix"}
flat = arrays.but("{}", *ANY_DTYPE, *NO_FINITE_ARRAY)
layers = made(
    "dicts of arrays",
    always(STRANGE | {"a string": "abc", "3": 3}),
    {"a dict": lambda p: p[0]},
    {"None in it": lambda p: [None, *p[1:]]},
    {"a list in it": with_first(lambda a: a.tolist())},
    {"integers": with_first(lambda a: a.astype(int))},
    {"nan in it": with_first(lambda a: with_one(a, np.nan))},
)

# Valid values
# ------------


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


RNG = np.random.default_rng(0)
LAYER = gt.Dense(3, 3)
CELL = gt.RNN(2, 3)
P, Q = gt.init_params(LAYER, RNG), gt.init_params(CELL, RNG)
H, X = random(2, 3), random(4, 2, 2)
PATH = gt.unroll(CELL, Q, X)
VJPS = gt.forward(PATH, H)[1]
TWO_LAYERS = [Q, gt.init_params(gt.RNN(3, 3), RNG)]
GRID = gt.stack([CELL, gt.RNN(3, 3)], TWO_LAYERS, X)
GRID_VJPS = gt.forward(GRID, H)[1]
W = {"W": random(2, 3), "b": random(2)}  # two members of a sweep in front
JACOBIANS = random(4, 3, 3)
IMAGES = random(3, 4, 5)
LABELS = np.array([0, 2, 1])
SURE = np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]])
NORM = gt.LayerNorm(3)
GAINS = np.array([0.5, 1.0])
RATES, DECAYS = np.array([0.1, 0.2]), np.array([0.5, 0.9])  # of an optimiser
GROWTHS, POPULATIONS = np.array([2.5, 3.5]), np.array([0.2, 0.3])  # of the logistic map
RNN_MAP = dynamics.tanh_rnn(random(2, 2), random(2))
STARTS = random(5, 2)
AX = Figure().subplots()
FOLDER = tempfile.mkdtemp()
FILE = os.path.join(FOLDER, "run.npz")


def slope(p, rows, rng):
    return np.abs(p["w"]).max(), {"w": np.sign(p["w"])}


def validated(p):
    return np.abs(p["w"]).max()


STOP = gt.EarlyStopping(2)
RUN = gt.train({"w": np.ones(2)}, slope, gt.Adam(), RNG, n=3, size=2, epochs=1)
RUN.save(FILE)


def weights():
    return {"rng": rng(RNG), "shape": shape.but("()")((3, 2))}


def matrix():
    return {"rng": rng(RNG), "shape": shape((3, 2))}


TARGETS = random(2, 3, seed=1)


def loss(y=TARGETS):
    return {"u": array(H), "y": rows(y), "reduction": word("mean")}


def pictures():
    return {"images": array(IMAGES), "rng": rng.but("None")(RNG)}


def cell():
    return {"n_in": size(2), "n": size(3)}


def layer():
    return {"n_in": size(3), "n_out": size(2)}


def adaptive():
    return {"lr": rate(RATES), "eps": positive(1e-8), "eps_inside": flag(True)}


def momentum():
    return {"lr": rate(RATES), "mu": decay(DECAYS)}


def mean_field():
    return {
        "sigma_w": floats(np.array([0.9, 1.5])),
        "sigma_b": floats(np.array([0.1, 0.3])),
        "phi": word("tanh"),
    }


def curve():
    return {"colour": passed_on("k"), "label": passed_on(None), "style": passed_on("-")}


def step_call(p=P, h=H):
    return {"p": params(p), "h": of_step(h), "x": no_input(None)}


def cell_call():
    return {"p": params(Q), "h": of_step(H), "x": of_step(X[0])}


def checked():
    return {"step": step(CELL), **cell_call(), "rng": rng(RNG)}


def penalty():
    return {"p": arrays(W), "strength": rate(RATES), "sweep": count(1)}


def limited():
    return {"grads": arrays(W), "limit": positive_rate(RATES), "sweep": count(1)}


def call(function, /, **arguments):
    """A row of the table."""
    return function, arguments


TABLE = {
    # steps
    "Activation": call(
        gt.Activation,
        name=string("cube"),
        value=function(np.sin),
        slope=function(np.cos),
        max_slope=not_negative(1.0),
    ),
    "activation": call(gt.activation, phi=phi("tanh"), name=passed_on("phi")),
    "leaky_relu": call(gt.leaky_relu, alpha=probability(0.1)),
    "log_norm": call(gt.log_norm, g=array(H), axes=count(1)),
    "Dense": call(gt.Dense, **layer(), phi=phi("tanh")),
    "Maxout": call(gt.Maxout, **layer(), pieces=size(2)),
    "Softmax": call(gt.Softmax, n=size(3)),
    "Seq": call(gt.Seq, steps=inner_steps((LAYER,))),
    "Residual": call(gt.Residual, inner=step(LAYER)),
    "OnInput": call(gt.OnInput, first=step(gt.Dense(2, 2)), inner=step(CELL)),
    "Highway": call(gt.Highway, n=size(3), phi=phi("tanh")),
    "StochasticDepth": call(
        gt.StochasticDepth, inner=step(LAYER), p_drop=probability(0.3), keep=optional(flag)(True)
    ),
    "StochasticDepth.draw": call(gt.StochasticDepth(LAYER, 0.3).draw, rng=rng(RNG)),
    "Dropout": call(gt.Dropout, n=size(3), p_drop=probability(0.3), inverted=flag(True)),
    "Dropout.draw": call(gt.Dropout(3, 0.3).draw, rng=rng(RNG), batch=size(2)),
    "Mask": call(Mask, m=rows.but("another last axis")(np.ones((2, 3)))),
    "Conv2D": call(
        gt.Conv2D,
        size=sizes((1, 4, 4)),
        c_out=size(2),
        kernel=size(2),
        stride=size(1),
        padding=count(0),
        phi=phi("tanh"),
    ),
    "Pool2D": call(
        gt.Pool2D,
        features=sizes((1, 4, 4)),
        size=size(2),
        kind=word("max"),
        stride=optional(size)(2),
    ),
    "Flatten": call(gt.Flatten, features=sizes((1, 4, 4))),
    "BatchNorm": call(gt.BatchNorm, n=size(3), eps=positive(1e-5)),
    "BatchNorm.inference": call(
        gt.BatchNorm(3).inference, mean=rows(np.zeros(3)), var=rows(np.ones(3))
    ),
    "BatchNormInference": call(
        BatchNormInference,
        mean=rows.but("another last axis")(np.zeros(3)),
        var=rows(np.ones(3)),
        eps=positive(1e-5),
    ),
    "LayerNorm": call(gt.LayerNorm, n=size(3), eps=positive(1e-5)),
    "WeightNorm": call(gt.WeightNorm, **layer(), phi=phi("tanh")),
    "batch_statistics": call(gt.batch_statistics, h=array(H)),
    "RNN": call(gt.RNN, **cell(), phi=phi("tanh")),
    "irnn": call(gt.irnn, **cell()),
    "NARX": call(gt.NARX, **cell(), delays=sizes((1, 4)), phi=phi("tanh")),
    "LSTM": call(gt.LSTM, **cell()),
    "LSTM.bias": call(gt.LSTM(2, 3).bias, **{gate: floats(GAINS) for gate in "ifoc"}),
    "GRU": call(gt.GRU, **cell(), reset=word("after"), keep=word("z")),
    "OneGate": call(gt.OneGate, n=size(3), phi=phi("tanh"), n_in=count(0)),
    "Masked": call(gt.Masked, inner=step(CELL)),
    "a call of Dense": call(LAYER, **step_call()),
    "a call of RNN": call(CELL, **cell_call()),
    "a call of LayerNorm": call(NORM, **step_call(gt.init_params(NORM, RNG))),
    "init_params": call(
        gt.init_params,
        step=step(LAYER),
        rng=rng(RNG),
        weights=function(init.he),
        gain=floats(GAINS),
        dtype=dtype(float),
        b=function(init.ones),
    ),
    "init.fans": call(init.fans, shape=shape((3, 2))),
    "init.gaussian": call(init.gaussian, **weights(), sd=not_negative(0.5)),
    "init.uniform": call(init.uniform, **weights(), r=not_negative(0.5)),
    **{f"init.{name}": call(getattr(init, name), **weights()) for name in ("zeros", "ones")},
    **{
        f"init.{name}": call(getattr(init, name), **matrix())
        for name in (
            "he",
            "he_uniform",
            "identity",
            "lecun",
            "lecun_uniform",
            "orthogonal",
            "spectral",
            "xavier",
            "xavier_uniform",
        )
    },
    "init.spectral_norm": call(init.spectral_norm, W=array(H)),
    # tracing
    "deep": call(gt.deep, steps=step(CELL), params=layers(4 * [Q]), x=of_step(X)),
    "unroll": call(gt.unroll, step=step(CELL), p=params(Q), x=of_step(X)),
    "stack": call(
        gt.stack,
        steps=step([CELL, gt.RNN(3, 3)]),
        params=layers(TWO_LAYERS),
        x=of_step(X),
        residual=flag(True),
    ),
    "forward": call(gt.forward, path=path(PATH), h0=of_step(H)),
    "forward of a grid": call(gt.forward, path=path(GRID), h0=of_step(H)),
    "backward": call(gt.backward, vjps=vjps(VJPS), g=rows.but("complex")(H)),
    "backward on a grid": call(gt.backward, vjps=vjps(GRID_VJPS), g=rows.but("complex")(H)),
    "trace": call(gt.trace, vjps=vjps(VJPS), g=rows.but("complex")(H)),
    "trace of a grid": call(gt.trace, vjps=vjps(GRID_VJPS), g=rows.but("complex")(H)),
    "bptt": call(
        gt.bptt,
        path=path(PATH),
        h0=of_step(H),
        g=rows.but("complex", "a function", "a class")(H),
        plan=plan(gt.SqrtT()),
    ),
    "jacobians": call(gt.jacobians, vjps=vjps(VJPS)),
    "spectral_radius": call(gt.spectral_radius, W=rows(JACOBIANS)),
    "log_qr_growth": call(gt.log_qr_growth, J=rows(JACOBIANS), every=size(2)),
    "lyapunov": call(gt.lyapunov, J=rows(JACOBIANS), every=size(2)),
    "log_singular_values": call(gt.log_singular_values, J=rows(JACOBIANS)),
    "Full": call(gt.Full),
    "SqrtT": call(gt.SqrtT),
    "Truncated": call(gt.Truncated, k1=size(2), k2=size(3)),
    "Binomial": call(gt.Binomial, slots=size(3), block=size(1), nbytes=no_other(None)),
    "Binomial in bytes": call(gt.Binomial, slots=no_other(None), block=size(1), nbytes=size(999)),
    "schedule": call(gt.schedule, plan=plan(gt.SqrtT()), T=size(5), state=size(1)),
    # training
    "half_squared_norm": call(gt.half_squared_norm, **loss()),
    "mse": call(gt.mse, **loss()),
    "mae": call(gt.mae, **loss()),
    "binary_cross_entropy": call(gt.binary_cross_entropy, **loss(SURE)),
    "cross_entropy": call(gt.cross_entropy, **loss(SURE)),
    "cross_entropy of classes": call(
        gt.cross_entropy, u=array(H), y=integers(LABELS[:2]), reduction=word("sum")
    ),
    "argmax": call(gt.argmax, u=array(H)),
    "total_log_norm": call(gt.total_log_norm, grads=arrays(W), sweep=count(1)),
    "clip_norm": call(gt.clip_norm, **limited()),
    "clip_value": call(gt.clip_value, **limited()),
    "GradientDescent": call(gt.GradientDescent, lr=rate(RATES)),
    "Momentum": call(gt.Momentum, **momentum()),
    "Nesterov": call(gt.Nesterov, **momentum()),
    "AdaGrad": call(gt.AdaGrad, **adaptive()),
    "RMSProp": call(gt.RMSProp, **adaptive(), beta2=decay(DECAYS)),
    "AdaDelta": call(gt.AdaDelta, **adaptive(), beta2=decay(DECAYS)),
    "Adam": call(gt.Adam, **adaptive(), beta1=decay(DECAYS), beta2=decay(DECAYS)),
    "Adam.start": call(gt.Adam().start, p=arrays(W)),
    "Adam.step": call(
        gt.Adam().step,
        p=arrays(W),
        grads=arrays({"W": random(2, 3, seed=2), "b": random(2)}),
        state=arrays(gt.Adam().start(W)),
    ),
    "flatten_params": call(gt.flatten_params, params=layers.but("integers", "nan in it")([P, P])),
    "unflatten_params": call(
        gt.unflatten_params,
        p=flat({"0.W": H, "0.b": H}),
        layers=optional(count)(1),
    ),
    "tile_params": call(gt.tile_params, p=arrays(W), sweep=shape.but("()")((4, 2))),
    "l1": call(gt.l1, **penalty()),
    "l2": call(gt.l2, **penalty()),
    "soft_threshold": call(gt.soft_threshold, p=arrays(W), amount=rate(RATES)),
    "weight_decay": call(gt.weight_decay, p=arrays(W), amount=decay(RATES)),
    "EarlyStopping": call(gt.EarlyStopping, patience=size(2), min_delta=not_negative(0.1)),
    "EarlyStopping.start": call(STOP.start, sweep=shape.but("()")((2,))),
    "EarlyStopping.update": call(
        STOP.update, loss=array(np.array([0.5, 0.4])), state=state(STOP.start((2,)))
    ),
    "minibatches": call(gt.minibatches, rng=rng(RNG), n=size(5), size=size(2)),
    "train": call(
        gt.train,
        p=arrays({"w": np.ones(2)}),
        gradient=function(slope),
        optimiser=optimiser(gt.Adam()),
        rng=rng(RNG),
        n=size(3),
        size=size(2),
        epochs=count(1),
        clip=optional(function)(lambda g: gt.clip_norm(g, 1.0)),
        validate=optional(function)(validated),
        every=size(1),
        stop=optional(object_of("stop"))(gt.EarlyStopping(2)),
    ),
    "Run.save": call(RUN.save, file=file(FILE)),
    "Run.load": call(gt.Run.load, file=file(FILE)),
    "augment.flip": call(augment.flip, **pictures(), vertical=flag(True)),
    "augment.rotate": call(augment.rotate, **pictures(), degrees=number(30.0)),
    "augment.scale": call(augment.scale, **pictures(), factor=positive(1.5)),
    "augment.crop": call(augment.crop, **pictures(), share=share(0.5)),
    "augment.translate": call(
        augment.translate, **pictures(), rows=number(1.0), columns=number(0.5)
    ),
    "augment.noise": call(
        augment.noise, images=array(IMAGES), deviation=not_negative(0.1), rng=rng(RNG)
    ),
    # data
    "digits": call(gt.digits, rng=rng(RNG), test=share(0.25)),
    "pixels": call(
        gt.pixels,
        images=array(IMAGES),
        labels=integers(LABELS),
        order=optional(order)(np.arange(20)[::-1]),
    ),
    "translation": call(
        gt.translation,
        rng=rng(RNG),
        batch=count(2),
        length=size(3),
        dictionary=order(np.array([1, 2, 0])),
        reverse=flag(True),
    ),
    "tasks.one_hot": call(tasks.one_hot, classes=integers(LABELS), n=size(3)),
    "tasks.adding": call(tasks.adding, rng=rng(RNG), batch=count(2), T=size(5)),
    "tasks.copying": call(tasks.copying, rng=rng(RNG), batch=count(2), delay=size(5)),
    "tasks.temporal_order": call(tasks.temporal_order, rng=rng(RNG), batch=count(2), T=size(20)),
    "text.walrus": call(text.walrus),
    "text.hello": call(text.hello),
    "text.vocabulary": call(text.vocabulary, text=string("hello")),
    "text.encode": call(text.encode, text=string("hello"), letters=string("helo")),
    "text.decode": call(text.decode, classes=integers(LABELS), letters=string("helo")),
    "text.windows": call(
        text.windows, rng=rng(RNG), text=string("hello world"), batch=count(2), T=size(5)
    ),
    # theory
    "meanfield.q_map": call(meanfield.q_map, q=floats(GAINS), **mean_field()),
    "meanfield.c_map": call(meanfield.c_map, c=floats(GAINS), **mean_field()),
    **{
        f"meanfield.{name}": call(getattr(meanfield, name), **mean_field())
        for name in ("q_star", "chi", "c_star", "depth_scales")
    },
    "meanfield.critical_sigma_w": call(
        meanfield.critical_sigma_w, sigma_b=floats(np.array([0.1, 0.3])), phi=word("erf")
    ),
    "maps.logistic": call(maps.logistic, r=floats(GROWTHS), x0=floats(POPULATIONS), steps=count(5)),
    "maps.bifurcation": call(
        maps.bifurcation, r=floats(GROWTHS), x0=floats(POPULATIONS), skip=count(5), keep=size(5)
    ),
    "maps.logistic_exponent": call(
        maps.logistic_exponent,
        r=floats(GROWTHS),
        x0=floats(POPULATIONS),
        skip=count(5),
        steps=size(5),
    ),
    "maps.period": call(
        maps.period, x=floats(maps.logistic(GROWTHS, 0.3, 99)), longest=size(8), atol=positive(1e-6)
    ),
    "maps.mandelbrot": call(
        maps.mandelbrot, c=floats.but("complex", "1j")(np.array([0.2, 1.5])), steps=size(5)
    ),
    "dynamics.tanh_rnn": call(dynamics.tanh_rnn, W=floats(random(2, 2)), b=floats(random(2))),
    "dynamics.iterate": call(
        dynamics.iterate, step=function(RNN_MAP), h=floats(STARTS), steps=count(5)
    ),
    "dynamics.basins": call(
        dynamics.basins,
        step=function(RNN_MAP),
        h=floats(dynamics.iterate(RNN_MAP, STARTS, 20).h),
        longest=size(4),
        atol=positive(1e-6),
        radius=positive(0.1),
    ),
    "surfaces.valley": call(
        surfaces.valley,
        x=floats(random(2)),
        y=floats(random(2)),
        steep=positive(9.0),
        turn=number(30.0),
    ),
    "surfaces.saddle": call(surfaces.saddle, x=floats(random(2)), y=floats(random(2))),
    "cliff": call(
        gt.cliff,
        w=floats(random(2)),
        b=floats(random(2)),
        x0=floats(random(2)),
        target=floats(random(2)),
        steps=size(5),
    ),
    # check, streams, sweeps
    "check_gradients": call(gt.check_gradients, **checked(), rtol=positive(1e-6)),
    "gradient_errors": call(gt.gradient_errors, **checked(), width=positive(1e-3)),
    "stream": call(gt.stream, seed=seed(1), gain=coordinate(1.5)),
    "sweep": call(
        gt.sweep,
        function=function(lambda gain: gain),
        executor=optional(object_of("executor"))(ThreadPoolExecutor(1)),
        done=optional(function)(lambda point, result: None),
        gain=values([1, 2]),
    ),
    # notebook
    "notebook.show": call(show, thing=source(gt.log_norm)),
    "notebook.check": call(check, name=exercise_name("chain-of-slopes.1"), answer=passed_on(1.0)),
    "notebook.exercises.exercise": call(exercise, name=exercise_name("chain-of-slopes.1")),
    "notebook.exercises.Number": call(
        Number,
        answer=answer(1.0),
        hints=hints([(2.0, "no")]),
        why=string(""),
        unit=string("m"),
        rtol=not_negative(1e-3),
    ),
    "notebook.exercises.Choice": call(
        Choice,
        options=strings(["yes", "no"]),
        answer=word("yes"),
        hints=hints_by_option({"no": "why not?"}),
        why=string(""),
    ),
    "notebook.exercises.Function": call(
        Function,
        reference=function(abs),
        cases=cases({"one": (1.0,)}),
        returns=strings.but("()", "one")(["|x|"]),
        hints=hints([(np.square, "no")]),
        measure=optional(function)(lambda yours, x: yours(x)),
        also=functions([lambda yours: None]),
        why=string(""),
        rtol=not_negative(1e-3),
    ),
    "notebook.diagnosis.diagnose": call(
        diagnose, got=passed_on(1.0), wanted=passed_on(1.0), rtol=not_negative(1e-3)
    ),
    "figures.still": call(
        figures.still,
        view=function(lambda ax, gain: None),
        size=passed_on((3, 2)),
        panels=passed_on((1, 1)),
        gain=passed_on(1.0),
    ),
    "figures.frame": call(
        figures.frame,
        ax=axes(AX),
        x=string("x"),
        y=string("y"),
        xlim=passed_on((0, 1)),
        ylim=passed_on((0, 1)),
        title=optional(string)("a"),
        title_size=passed_on(None),
    ),
    "figures.decades": call(figures.decades, log=plotted.but("[[1.0]]")(random(3))),
    "figures.powers": call(figures.powers, factor=number.but("1j")(0.5), steps=count(3)),
    "figures.tangent": call(
        figures.tangent, ax=axes(AX), phi=object_of("Activation")(gt.tanh), a=number(0.5)
    ),
    "figures.norms": call(
        figures.norms, ax=axes(AX), log=plotted(random(3)), start=number(0), **curve()
    ),
    "figures.band": call(
        figures.band,
        ax=axes(AX),
        x=plotted(random(3)),
        many=plotted.but("[[1.0]]")(random(3, 5)),
        **curve(),
    ),
    "figures.arrow": call(
        figures.arrow, ax=axes(AX), start=point((0, 0)), end=point((1, 1)), colour=passed_on("k")
    ),
    "figures.pixels": call(
        figures.pixels,
        ax=axes(AX),
        image=plotted.but("[[1.0]]")(random(3, 4)),
        title=optional(string)("a"),
        most=positive(1.0),
        signed=flag(True),
        side=optional(positive)(5.0),
        numbers=flag(True),
        window=optional(window)((0, 0, 2)),
    ),
    "figures.mosaic": call(figures.mosaic, images=plotted(IMAGES), columns=size(2)),
}
