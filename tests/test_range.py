"""Logarithms of norms, of states and of every step's share, from 1e-3000 to 1e3000.

The oracle is arithmetic of high precision.
"""

import numpy as np
import pytest
from test_extremes import ALL, arguments

from gradtrace import RNN, Full, SqrtT, bptt, deep, forward, trace, unroll

T = 42
FACTOR = {np.float64: 1e75, np.float32: 1e30}
FLOORS = {np.float64: 3000, np.float32: 1200}
KEEPS_SHAPE = [
    kind
    for kind in ALL
    if kind
    not in ("dense", "softplus", "convolution", "average pool", "max pool", "flatten", "maxout")
]


def chain(kind, dtype, sweep, fades):
    """A path whose matrices are tiny or huge, and what the loss puts on its end.

    Where they are huge, the state is zero.
    """
    rng = np.random.default_rng(0)
    step = ALL[kind](2)
    p, h0, x = arguments(step, rng, 2, sweep)
    size = FACTOR[dtype] ** (0.5 if kind == "sequence" else 1)  # it has two matrices a step
    factor = 1 / size if fades else size
    matrices = {name for name, shape in step.shapes().items() if len(shape) > 1 and name != "v"}
    little = 0.1 if fades else 0.0
    p = {
        name: (value * (factor if name in matrices else little)).astype(dtype)
        for name, value in p.items()
    }
    if "v" in p:  # weight norm: its length is apart
        p["v"], p["length"] = p["v"] + dtype(0.1), np.full_like(p["length"], factor)
    h0 = np.broadcast_to(little * h0, (*sweep, *h0.shape)).astype(dtype)
    if x is None:
        path = deep(step, T * [p])
    else:
        inputs = little * rng.standard_normal((T, *x.shape))
        path = unroll(step, p, inputs.astype(dtype))
    return path, h0, rng.standard_normal(h0.shape).astype(dtype)


def exactly(mp, path, h, g, member):
    """``ln ‖∂L/∂h_t‖`` and that of every share, multiplied with 60 digits.

    The factors are each step's own linear map.
    """
    step = path[0].step
    number = np.vectorize(mp.mpf, otypes=[object])

    def log_norm(a):
        square = sum(value * value for value in np.ravel(a))
        return float(mp.log(square) / 2) if square else -np.inf

    def own(value, axes):
        return value[member] if value.ndim > axes else value

    state = own(h[0], 1 + len(step.features))
    g = number(np.ravel(own(g, state.ndim)))
    log_h = [log_norm(g)]
    log_p = {name: [] for name in step.shapes()}
    basis = np.eye(len(g), dtype=state.dtype).reshape(-1, *state.shape)
    for t in reversed(range(T)):
        p = {name: own(value, len(step.shapes()[name])) for name, value in path[t].p.items()}
        pullback = step(p, own(h[t], state.ndim), path[t].x)[1]
        rows = [pullback(e) for e in basis]
        for name, logs in log_p.items():
            logs.append(log_norm(g @ number(np.array([np.ravel(row.p[name]) for row in rows]))))
        g = g @ number(np.array([np.ravel(row.h) for row in rows]))
        log_h.append(log_norm(g))
    return log_h[::-1], {name: logs[::-1] for name, logs in log_p.items()}


@pytest.mark.parametrize("fades", [True, False], ids=["fades", "explodes"])
@pytest.mark.parametrize("sweep", [(), (2,)], ids=["one", "sweep"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("kind", KEEPS_SHAPE)
def test_log_norms_agree_with_high_precision(kind, dtype, sweep, fades, oracle):
    mp = oracle("mpmath").mp.clone()
    mp.dps = 60
    path, h0, g = chain(kind, dtype, sweep, fades)
    h, vjps = forward(path, h0)
    ours = trace(vjps, g)
    plans = [bptt(path, h0, g, plan).log_h for plan in (Full(), SqrtT())]
    near = {"rtol": 1e-12, "atol": 1e-11} if dtype is np.float64 else {"rtol": 1e-6, "atol": 2e-4}
    for member in range(sweep[0]) if sweep else [0]:
        at = (member,) if sweep else ()
        log_h, log_p = exactly(mp, path, h, g, member)
        for found in (ours.log_h, *plans):
            np.testing.assert_allclose(found[(slice(None), *at)], log_h, **near)
        for name, expected in log_p.items():
            np.testing.assert_allclose(ours.log_p[name][(slice(None), *at)], expected, **near)


@pytest.mark.parametrize("dtype", FACTOR)
def test_the_chains_really_go_that_far(dtype):
    for fades in (True, False):
        path, h0, g = chain("RNN", dtype, (), fades)
        assert isinstance(path[0].step, RNN)
        reach = trace(forward(path, h0)[1], g).log_h[0] / np.log(10)
        assert (-1 if fades else 1) * reach > FLOORS[dtype]
