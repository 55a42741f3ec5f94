"""One valid call of everything public, and for every argument its kind: what may not stand in its
place.

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
from gradtrace.notebook import check_answer, figures, show
from gradtrace.steps.dropout import Mask
from gradtrace.steps.norms import BatchNormInference


class Argument(NamedTuple):
    kind: "Kind"
    value: object


class Kind(NamedTuple):
    """A kind of argument by the table of its bad values: values, or for arrays functions that spoil
    the valid one.
    """

    name: str
    bad: dict
    made: bool = False

    def __call__(self, value):
        return Argument(self, value)

    def but(self, *labels):
        """The same kind where some of the values are good after all."""
        assert self.bad.keys() >= set(labels), labels
        return self._replace(
            bad={label: bad for label, bad in self.bad.items() if label not in labels}
        )

    def spoilt(self, value):
        """The bad values, by their labels."""
        return {label: bad(value) if self.made else bad for label, bad in self.bad.items()}


def always(table):
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
# -----------------------------------------------------------------------------------------------------------

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
NO_ARRAY = always(STRANGE | {"True": True, "10**400": 10**400}) | {"a list": lambda a: a.tolist()}
NO_SHAPE = {
    "another last axis": lambda a: np.repeat(a, 7, axis=-1),
    "no axes": lambda a: np.array(a.flat[0]),
}

# Kinds
# ----------------------------------------------------------------------------------------------------------------

number = Kind("number", NO_NUMBER | NO_FINITE)
not_negative = Kind("number from 0", number.bad | {"-1": -1})
positive = Kind("positive number", not_negative.bad | {"0": 0})
probability = Kind("probability", not_negative.bad | {"1.5": 1.5})
share = Kind("share", probability.bad | {"0": 0})
count = Kind("count", NO_NUMBER | NO_FINITE | {"1.5": 1.5, "2.0": 2.0, "-1": -1})
size = Kind("size", count.bad | {"0": 0})
sizes = Kind(
    "sizes",
    STRANGE
    | {"()": (), "3": 3, "(-1, 3, 3)": (-1, 3, 3), "(1.5, 3, 3)": (1.5, 3, 3), "'abc'": "abc"},
)
seed = count.but("10**400")._replace(name="seed")
flag = Kind("bool", STRANGE | {"1": 1, "0.0": 0.0, "np.array(True)": np.array(True)})
word = Kind(
    "word", STRANGE | {"1.5": 1.5, "True": True, "['a']": ["a"], "np.array('a')": np.array("a")}
)
string = Kind("string", {**STRANGE, "'a'": b"a", "1.5": 1.5, "['a']": ["a"]})
phi = Kind("activation", word.bad)
function = Kind("function", {**NO_NUMBER, "a function": 1.5, "a class": "tanh"})
rng = Kind(
    "rng",
    STRANGE
    | {"0": 0, "1.5": 1.5, "RandomState": np.random.RandomState(0), "PCG64": np.random.PCG64()},
)


def object_of(name, **more):
    return Kind(name, NO_NUMBER | {"1.5": 1.5} | more)


step = object_of("step", **{"the class Dense": gt.Dense})
path, vjps, plan = (
    object_of("path"),
    object_of("pullbacks"),
    object_of("plan", **{"the class Full": gt.Full}),
)
state = object_of("state")
passed_on = Kind("passed on", {})  # to matplotlib or a reader's function, which say what is wrong

array = Kind("array", NO_ARRAY | NO_DTYPE | NO_FINITE_ARRAY | {"1.5": lambda _: 1.5}, made=True)
rows = Kind("array of rows", array.bad | NO_SHAPE, made=True)  # with a last axis of its own
of_step = rows.but("complex")  # steps are analytic: complex steps check their gradients
floats = Kind(
    "number or array",
    array.but("1.5", "integers", "10**400").bad
    | {"10**400": lambda _: 10**400, "nan": lambda _: math.nan, "1j": lambda _: 1j},
    made=True,
)
rate = Kind(
    "number, or one a member",
    floats.bad
    | {
        "integers": lambda a: a.astype(int),
        "-1": lambda _: -1,
        "-1 in it": lambda a: with_one(a, -1),
    },
    made=True,
)
positive_rate = Kind("positive number, or one a member", rate.bad | {"0": lambda _: 0}, made=True)
decay = Kind("number below 1, or one a member", rate.bad | {"1": lambda _: 1}, made=True)
plotted = Kind(
    "numbers to plot",
    {
        label: spoil
        for label, spoil in array.bad.items()
        if label in STRANGE or label in ("complex", "objects", "text", "masked")
    }
    | {"[[1.0], [1, 2]]": lambda _: [[1.0], [1, 2]]},
    made=True,
)
integers = Kind(
    "array of integers",
    always(STRANGE | {"1": 1, "True": True})
    | {"a list": lambda a: a.tolist()}
    | {label: spoil for label, spoil in NO_DTYPE.items() if label != "integers"}
    | {"floats": lambda a: a.astype(float), "-1 in it": lambda a: with_one(a, -1)},
    made=True,
)
order = Kind(
    "order",
    integers.bad | {"twice": lambda a: with_one(a, a.flat[0]), "too large": lambda a: a + 1},
    made=True,
)
arrays = Kind(
    "dict of arrays",
    always({**STRANGE, "a dict of text": {"a": "b"}})
    | {
        "a list of it": lambda p: [p],
        "a list in it": with_first(lambda a: a.tolist()),
        "1.5 in it": with_first(lambda _: 1.5),
    }
    | {label: with_first(spoil) for label, spoil in (NO_DTYPE | NO_FINITE_ARRAY).items()},
    made=True,
)
params = Kind(
    "dict of arrays of a step",
    arrays.but("complex").bad
    | {label: with_first(spoil) for label, spoil in NO_SHAPE.items()}
    | {"a name missing": lambda p: dict(list(p.items())[1:])},
    made=True,
)
layers = Kind(
    "dicts of arrays",
    always({**STRANGE, "a string": "abc", "3": 3})
    | {
        "a dict": lambda p: p[0],
        "None in it": lambda p: [None, *p[1:]],
        "a list in it": with_first(lambda a: a.tolist()),
        "integers": with_first(lambda a: a.astype(int)),
        "nan in it": with_first(lambda a: with_one(a, np.nan)),
    },
    made=True,
)
values = Kind(
    "values",
    {"None": None, "'a'": "a", "3": 3, "a function": lambda: None, "a class": dict, "[]": []},
)
shape = Kind("shape", sizes.bad | {"(3.0, 2)": (3.0, 2), "(10**400,)": (10**400,)})
file = Kind("file", {**NO_NUMBER, "'a'": 1.5})

# Valid values
# ---------------------------------------------------------------------------------------------------------


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


RNG = np.random.default_rng(0)
LAYER, CELL = gt.Dense(3, 3), gt.RNN(2, 3)
P, Q = gt.init_params(LAYER, RNG), gt.init_params(CELL, RNG)
H, X = random(2, 3), random(4, 2, 2)
PATH = gt.unroll(CELL, Q, X)
VJPS = gt.forward(PATH, H)[1]
W = {"W": random(2, 3), "b": random(2)}  # two members of a sweep in front
JACOBIANS, IMAGES, LABELS = random(4, 3, 3), random(3, 4, 5), np.array([0, 2, 1])
SURE = np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]])
NORM = gt.LayerNorm(3)
STARTS, RNN_MAP = random(5, 2), dynamics.tanh_rnn(random(2, 2), random(2))
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
    return {
        "lr": rate(np.array([0.1, 0.2])),
        "eps": positive(1e-8),
        "eps_inside": flag(True),
    }


def momentum():
    return {"lr": rate(np.array([0.1, 0.2])), "mu": decay(np.array([0.5, 0.9]))}


def mean_field():
    return {
        "sigma_w": floats(np.array([0.9, 1.5])),
        "sigma_b": floats(np.array([0.1, 0.3])),
        "phi": word("tanh"),
    }


def curve():
    return {"colour": passed_on("k"), "label": passed_on(None), "style": passed_on("-")}


def step_call(p=P, h=H):
    return {
        "p": params(p),
        "h": of_step(h),
        "x": Kind("no input", {"an array": H})(None),
    }


def checked():
    return {
        "step": step(CELL),
        "p": params(Q),
        "h": of_step(H),
        "x": of_step(X[0]),
        "rng": rng(RNG),
    }


axes = object_of("axes")


def penalty():
    return {"p": arrays(W), "strength": rate(np.array([0.1, 0.2])), "sweep": count(1)}


def limited():
    return {
        "grads": arrays(W),
        "limit": positive_rate(np.array([0.1, 0.2])),
        "sweep": count(1),
    }


def optional(kind):
    return kind.but("None")


TABLE = {
    # steps
    "Activation": (
        gt.Activation,
        {
            "name": string("cube"),
            "value": function(np.sin),
            "slope": function(np.cos),
            "max_slope": not_negative(1.0),
        },
    ),
    "activation": (gt.activation, {"phi": phi("tanh"), "name": passed_on("phi")}),
    "leaky_relu": (gt.leaky_relu, {"alpha": probability(0.1)}),
    "log_norm": (gt.log_norm, {"g": array(H), "axes": count(1)}),
    "Dense": (gt.Dense, {**layer(), "phi": phi("tanh")}),
    "Maxout": (gt.Maxout, {**layer(), "pieces": size(2)}),
    "Softmax": (gt.Softmax, {"n": size(3)}),
    "Seq": (
        gt.Seq,
        {
            "steps": Kind(
                "steps",
                {
                    "none": (),
                    "'a'": ("a",),
                    "None": (None,),
                    "a class": (gt.Dense,),
                    "a list": ([LAYER],),
                },
            )((LAYER,))
        },
    ),
    "Residual": (gt.Residual, {"inner": step(LAYER)}),
    "Highway": (gt.Highway, {"n": size(3), "phi": phi("tanh")}),
    "StochasticDepth": (
        gt.StochasticDepth,
        {"inner": step(LAYER), "rho": probability(0.3), "keep": optional(flag)(True)},
    ),
    "StochasticDepth.draw": (gt.StochasticDepth(LAYER, 0.3).draw, {"rng": rng(RNG)}),
    "Dropout": (gt.Dropout, {"n": size(3), "rho": probability(0.3), "inverted": flag(True)}),
    "Dropout.draw": (gt.Dropout(3, 0.3).draw, {"rng": rng(RNG), "batch": size(2)}),
    "Mask": (Mask, {"m": rows.but("another last axis")(np.ones((2, 3)))}),
    "Conv2D": (
        gt.Conv2D,
        {
            "size": sizes((1, 4, 4)),
            "c_out": size(2),
            "kernel": size(2),
            "stride": size(1),
            "padding": count(0),
            "phi": phi("tanh"),
        },
    ),
    "Pool2D": (
        gt.Pool2D,
        {
            "features": sizes((1, 4, 4)),
            "size": size(2),
            "kind": word("max"),
            "stride": optional(size)(2),
        },
    ),
    "Flatten": (gt.Flatten, {"features": sizes((1, 4, 4))}),
    "BatchNorm": (gt.BatchNorm, {"n": size(3), "eps": positive(1e-5)}),
    "BatchNorm.inference": (
        gt.BatchNorm(3).inference,
        {"mean": rows(np.zeros(3)), "var": rows(np.ones(3))},
    ),
    "BatchNormInference": (
        BatchNormInference,
        {
            "mean": rows.but("another last axis")(np.zeros(3)),
            "var": rows(np.ones(3)),
            "eps": positive(1e-5),
        },
    ),
    "LayerNorm": (gt.LayerNorm, {"n": size(3), "eps": positive(1e-5)}),
    "WeightNorm": (gt.WeightNorm, {**layer(), "phi": phi("tanh")}),
    "batch_statistics": (gt.batch_statistics, {"h": array(H)}),
    "RNN": (gt.RNN, {**cell(), "phi": phi("tanh")}),
    "irnn": (gt.irnn, cell()),
    "NARX": (gt.NARX, {**cell(), "delays": sizes((1, 4)), "phi": phi("tanh")}),
    "LSTM": (gt.LSTM, cell()),
    "LSTM.bias": (gt.LSTM(2, 3).bias, {gate: floats(np.array([0.5, 1.0])) for gate in "ifog"}),
    "GRU": (gt.GRU, {**cell(), "reset": word("after"), "keep": word("z")}),
    "OneGate": (gt.OneGate, {"n": size(3), "phi": phi("tanh"), "n_in": count(0)}),
    "Masked": (gt.Masked, {"inner": step(CELL)}),
    "a call of Dense": (LAYER, step_call()),
    "a call of RNN": (CELL, {"p": params(Q), "h": of_step(H), "x": of_step(X[0])}),
    "a call of LayerNorm": (NORM, step_call(gt.init_params(NORM, RNG))),
    "init_params": (
        gt.init_params,
        {
            "step": step(LAYER),
            "rng": rng(RNG),
            "weights": function(init.he),
            "gain": floats(np.array([0.5, 1.0])),
            "dtype": Kind(
                "dtype",
                {
                    "None": None,
                    "'a'": "a",
                    "1.5": 1.5,
                    "int": int,
                    "float16": "f2",
                    "complex": complex,
                },
            )(float),
            "b": function(init.ones),
        },
    ),
    "init.fans": (init.fans, {"shape": shape((3, 2))}),
    "init.gaussian": (init.gaussian, {**weights(), "sd": not_negative(0.5)}),
    "init.uniform": (init.uniform, {**weights(), "r": not_negative(0.5)}),
    **{f"init.{name}": (getattr(init, name), weights()) for name in ("zeros", "ones")},
    **{
        f"init.{name}": (getattr(init, name), matrix())
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
    "init.spectral_norm": (init.spectral_norm, {"W": array(H)}),
    # tracing
    "deep": (gt.deep, {"steps": step(CELL), "params": layers(4 * [Q]), "x": of_step(X)}),
    "unroll": (gt.unroll, {"step": step(CELL), "p": params(Q), "x": of_step(X)}),
    "forward": (gt.forward, {"path": path(PATH), "h0": of_step(H)}),
    "backward": (gt.backward, {"vjps": vjps(VJPS), "g": rows.but("complex")(H)}),
    "trace": (gt.trace, {"vjps": vjps(VJPS), "g": rows.but("complex")(H)}),
    "bptt": (
        gt.bptt,
        {
            "path": path(PATH),
            "h0": of_step(H),
            "g": rows.but("complex", "a function", "a class")(H),
            "plan": plan(gt.SqrtT()),
        },
    ),
    "jacobians": (gt.jacobians, {"vjps": vjps(VJPS)}),
    "spectral_radius": (gt.spectral_radius, {"W": rows(JACOBIANS)}),
    "log_qr_growth": (gt.log_qr_growth, {"J": rows(JACOBIANS), "every": size(2)}),
    "lyapunov": (gt.lyapunov, {"J": rows(JACOBIANS), "every": size(2)}),
    "log_singular_values": (gt.log_singular_values, {"J": rows(JACOBIANS)}),
    "Full": (gt.Full, {}),
    "SqrtT": (gt.SqrtT, {}),
    "Truncated": (gt.Truncated, {"k1": size(2), "k2": size(3)}),
    "Binomial": (
        gt.Binomial,
        {
            "slots": size(3),
            "block": size(1),
            "nbytes": Kind("none beside slots", {"3": 3, "'a'": "a"})(None),
        },
    ),
    "Binomial in bytes": (
        gt.Binomial,
        {
            "slots": Kind("none beside nbytes", {"3": 3, "'a'": "a"})(None),
            "block": size(1),
            "nbytes": size(999),
        },
    ),
    "schedule": (gt.schedule, {"plan": plan(gt.SqrtT()), "T": size(5), "state": size(1)}),
    # training
    "half_squared_norm": (gt.half_squared_norm, loss()),
    "mse": (gt.mse, loss()),
    "mae": (gt.mae, loss()),
    "binary_cross_entropy": (gt.binary_cross_entropy, loss(SURE)),
    "cross_entropy": (gt.cross_entropy, loss(SURE)),
    "cross_entropy of classes": (
        gt.cross_entropy,
        {"u": array(H), "y": integers(LABELS[:2]), "reduction": word("sum")},
    ),
    "argmax": (gt.argmax, {"u": array(H)}),
    "total_log_norm": (gt.total_log_norm, {"grads": arrays(W), "sweep": count(1)}),
    "clip_norm": (gt.clip_norm, limited()),
    "clip_value": (gt.clip_value, limited()),
    "GradientDescent": (gt.GradientDescent, {"lr": rate(np.array([0.1, 0.2]))}),
    "Momentum": (gt.Momentum, momentum()),
    "Nesterov": (gt.Nesterov, momentum()),
    "AdaGrad": (gt.AdaGrad, adaptive()),
    "RMSProp": (gt.RMSProp, {**adaptive(), "rho": decay(np.array([0.5, 0.9]))}),
    "AdaDelta": (gt.AdaDelta, {**adaptive(), "rho": decay(np.array([0.5, 0.9]))}),
    "Adam": (
        gt.Adam,
        {**adaptive(), "beta1": decay(np.array([0.5, 0.9])), "beta2": decay(np.array([0.5, 0.9]))},
    ),
    "Adam.start": (gt.Adam().start, {"p": arrays(W)}),
    "Adam.step": (
        gt.Adam().step,
        {
            "p": arrays(W),
            "grads": arrays({"W": random(2, 3, seed=2), "b": random(2)}),
            "state": arrays(gt.Adam().start(W)),
        },
    ),
    "flatten_params": (gt.flatten_params, {"params": layers.but("integers", "nan in it")([P, P])}),
    "unflatten_params": (
        gt.unflatten_params,
        {
            "p": arrays.but("{}", *(NO_DTYPE.keys() - {"masked", "np.matrix"}), *NO_FINITE_ARRAY)(
                {"0.W": H, "0.b": H}
            ),
            "layers": optional(count)(1),
        },
    ),
    "tile_params": (gt.tile_params, {"p": arrays(W), "sweep": shape.but("()")((4, 2))}),
    "l1": (gt.l1, penalty()),
    "l2": (gt.l2, penalty()),
    "soft_threshold": (gt.soft_threshold, {"p": arrays(W), "amount": rate(np.array([0.1, 0.2]))}),
    "weight_decay": (gt.weight_decay, {"p": arrays(W), "amount": decay(np.array([0.1, 0.2]))}),
    "EarlyStopping": (gt.EarlyStopping, {"patience": size(2), "min_delta": not_negative(0.1)}),
    "EarlyStopping.start": (STOP.start, {"sweep": shape.but("()")((2,))}),
    "EarlyStopping.update": (
        STOP.update,
        {"loss": array(np.array([0.5, 0.4])), "state": state(STOP.start((2,)))},
    ),
    "minibatches": (gt.minibatches, {"rng": rng(RNG), "n": size(5), "size": size(2)}),
    "train": (
        gt.train,
        {
            "p": arrays({"w": np.ones(2)}),
            "gradient": function(slope),
            "optimiser": object_of("optimiser", **{"the class Adam": gt.Adam})(gt.Adam()),
            "rng": rng(RNG),
            "n": size(3),
            "size": size(2),
            "epochs": count(1),
            "clip": optional(function)(lambda g: gt.clip_norm(g, 1.0)),
            "validate": optional(function)(validated),
            "every": size(1),
            "stop": optional(object_of("stop"))(gt.EarlyStopping(2)),
        },
    ),
    "Run.save": (RUN.save, {"file": file(FILE)}),
    "Run.load": (gt.Run.load, {"file": file(FILE)}),
    "augment.flip": (augment.flip, {**pictures(), "vertical": flag(True)}),
    "augment.rotate": (augment.rotate, {**pictures(), "degrees": number(30.0)}),
    "augment.scale": (augment.scale, {**pictures(), "factor": positive(1.5)}),
    "augment.crop": (augment.crop, {**pictures(), "share": share(0.5)}),
    "augment.translate": (
        augment.translate,
        {**pictures(), "rows": number(1.0), "columns": number(0.5)},
    ),
    "augment.noise": (
        augment.noise,
        {"images": array(IMAGES), "deviation": not_negative(0.1), "rng": rng(RNG)},
    ),
    # data
    "digits": (gt.digits, {"rng": rng(RNG), "test": share(0.25)}),
    "pixels": (
        gt.pixels,
        {
            "images": array(IMAGES),
            "labels": integers(LABELS),
            "order": optional(order)(np.arange(20)[::-1]),
        },
    ),
    "translation": (
        gt.translation,
        {
            "rng": rng(RNG),
            "batch": count(2),
            "length": size(3),
            "dictionary": order(np.array([1, 2, 0])),
            "reverse": flag(True),
        },
    ),
    "tasks.one_hot": (tasks.one_hot, {"classes": integers(LABELS), "n": size(3)}),
    "tasks.adding": (tasks.adding, {"rng": rng(RNG), "batch": count(2), "T": size(5)}),
    "tasks.copying": (tasks.copying, {"rng": rng(RNG), "batch": count(2), "delay": size(5)}),
    "tasks.temporal_order": (
        tasks.temporal_order,
        {"rng": rng(RNG), "batch": count(2), "T": size(20)},
    ),
    "text.walrus": (text.walrus, {}),
    "text.hello": (text.hello, {}),
    "text.vocabulary": (text.vocabulary, {"text": string("hello")}),
    "text.encode": (text.encode, {"text": string("hello"), "letters": string("helo")}),
    "text.decode": (text.decode, {"classes": integers(LABELS), "letters": string("helo")}),
    "text.windows": (
        text.windows,
        {"rng": rng(RNG), "text": string("hello world"), "batch": count(2), "T": size(5)},
    ),
    # theory
    "meanfield.q_map": (meanfield.q_map, {"q": floats(np.array([0.5, 1.0])), **mean_field()}),
    "meanfield.c_map": (meanfield.c_map, {"c": floats(np.array([0.5, 1.0])), **mean_field()}),
    **{
        f"meanfield.{name}": (getattr(meanfield, name), mean_field())
        for name in ("q_star", "chi", "c_star", "depth_scales")
    },
    "meanfield.critical_sigma_w": (
        meanfield.critical_sigma_w,
        {"sigma_b": floats(np.array([0.1, 0.3])), "phi": word("erf")},
    ),
    "maps.logistic": (
        maps.logistic,
        {"r": floats(np.array([2.5, 3.5])), "x0": floats(np.array([0.2, 0.3])), "steps": count(5)},
    ),
    "maps.bifurcation": (
        maps.bifurcation,
        {
            "r": floats(np.array([2.5, 3.5])),
            "x0": floats(np.array([0.2, 0.3])),
            "skip": count(5),
            "keep": size(5),
        },
    ),
    "maps.logistic_exponent": (
        maps.logistic_exponent,
        {
            "r": floats(np.array([2.5, 3.5])),
            "x0": floats(np.array([0.2, 0.3])),
            "skip": count(5),
            "steps": size(5),
        },
    ),
    "maps.period": (
        maps.period,
        {
            "x": floats(maps.logistic(np.array([2.5, 3.5]), 0.3, 99)),
            "longest": size(8),
            "atol": positive(1e-6),
        },
    ),
    "maps.mandelbrot": (
        maps.mandelbrot,
        {"c": floats.but("complex", "1j")(np.array([0.2, 1.5])), "steps": size(5)},
    ),
    "dynamics.tanh_rnn": (dynamics.tanh_rnn, {"W": floats(random(2, 2)), "b": floats(random(2))}),
    "dynamics.iterate": (
        dynamics.iterate,
        {"step": function(RNN_MAP), "h": floats(STARTS), "steps": count(5)},
    ),
    "dynamics.basins": (
        dynamics.basins,
        {
            "step": function(RNN_MAP),
            "h": floats(dynamics.iterate(RNN_MAP, STARTS, 20).h),
            "longest": size(4),
            "atol": positive(1e-6),
            "radius": positive(0.1),
        },
    ),
    "surfaces.valley": (
        surfaces.valley,
        {
            "x": floats(random(2)),
            "y": floats(random(2)),
            "steep": positive(9.0),
            "turn": number(30.0),
        },
    ),
    "surfaces.saddle": (surfaces.saddle, {"x": floats(random(2)), "y": floats(random(2))}),
    "cliff": (
        gt.cliff,
        {**{name: floats(random(2)) for name in ("w", "b", "x0", "target")}, "steps": size(5)},
    ),
    # check, streams, sweeps
    "check_gradients": (gt.check_gradients, {**checked(), "rtol": positive(1e-6)}),
    "gradient_errors": (gt.gradient_errors, {**checked(), "width": positive(1e-3)}),
    "stream": (
        gt.stream,
        {
            "seed": seed(1),
            "gain": Kind(
                "point",
                {
                    "[[1.0]]": [[1.0]],
                    "{}": {},
                    "a function": len,
                    "a class": dict,
                    "an array": np.ones(2),
                },
            )(1.5),
        },
    ),
    "sweep": (
        gt.sweep,
        {
            "function": function(lambda gain: gain),
            "executor": optional(object_of("executor"))(ThreadPoolExecutor(1)),
            "done": optional(function)(lambda point, result: None),
            "gain": values([1, 2]),
        },
    ),
    # notebook
    "notebook.show": (
        show,
        {
            "thing": Kind(
                "source",
                {**NO_NUMBER, "a function": eval("lambda: 1"), "a class": dict, "np.tanh": np.tanh},
            )(gt.log_norm)
        },
    ),
    "notebook.check_answer": (
        check_answer,
        {
            "yours": passed_on(1.0),
            "answer": Kind(
                "answer", {"None": None, "{}": {}, "a function": len, "nan": math.nan, "...": ...}
            )(1.0),
            "hints": Kind(
                "hints",
                {
                    "None": None,
                    "3": 3,
                    "'a'": "ab",
                    "[1]": [1],
                    "[(1, 2, 3)]": [(1, 2, 3)],
                    "[(1, 2)]": [(1, 2)],
                },
            )([(2.0, "no")]),
            "rtol": not_negative(1e-3),
        },
    ),
    "figures.still": (
        figures.still,
        {
            "view": function(lambda ax, gain: None),
            "size": passed_on((3, 2)),
            "panels": passed_on((1, 1)),
            "gain": passed_on(1.0),
        },
    ),
    "figures.frame": (
        figures.frame,
        {
            "ax": axes(AX),
            "x": string("x"),
            "y": string("y"),
            "xlim": passed_on((0, 1)),
            "ylim": passed_on((0, 1)),
            "title": optional(string)("a"),
            "title_size": passed_on(None),
        },
    ),
    "figures.decades": (figures.decades, {"log": plotted.but("[[1.0]]")(random(3))}),
    "figures.powers": (figures.powers, {"factor": number.but("1j")(0.5), "steps": count(3)}),
    "figures.tangent": (
        figures.tangent,
        {"ax": axes(AX), "phi": object_of("Activation")(gt.tanh), "a": number(0.5)},
    ),
    "figures.norms": (
        figures.norms,
        {"ax": axes(AX), "log": plotted(random(3)), "start": number(0), **curve()},
    ),
    "figures.band": (
        figures.band,
        {
            "ax": axes(AX),
            "x": plotted(random(3)),
            "many": plotted.but("[[1.0]]")(random(3, 5)),
            **curve(),
        },
    ),
    "figures.arrow": (
        figures.arrow,
        {
            "ax": axes(AX),
            "start": Kind("point", STRANGE | {"3": 3, "(1,)": (1,)})((0, 0)),
            "end": Kind("point", STRANGE | {"3": 3, "(1,)": (1,)})((1, 1)),
            "colour": passed_on("k"),
        },
    ),
    "figures.pixels": (
        figures.pixels,
        {
            "ax": axes(AX),
            "image": plotted.but("[[1.0]]")(random(3, 4)),
            "title": optional(string)("a"),
            "most": positive(1.0),
            "signed": flag(True),
            "side": optional(positive)(5.0),
            "numbers": flag(True),
            "window": optional(Kind("window", STRANGE | {"3": 3, "(1, 2)": (1, 2)}))((0, 0, 2)),
        },
    ),
    "figures.mosaic": (figures.mosaic, {"images": plotted(IMAGES), "columns": size(2)}),
}
