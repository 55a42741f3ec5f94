"""One RNN at many gains: ln ‖∂L/∂h_t‖ for every gain and t, in one call or one after another."""

import numpy as np

from gradtrace import RNN, forward, init, trace, unroll

from . import measure

SIZE = 100, 64, 1, 41  # T, n, B, gains
GOAL = 10  # ms


def data(T, n, B, gains):
    """``p, x, h0, g``: ``W`` and ``U`` have a leading axis for the gains, which are below 1."""
    rng = np.random.default_rng(0)
    gain = np.linspace(0.5, 0.95, gains)[:, None, None]
    p = {
        "W": gain * init.orthogonal(rng, (n, n)),
        "U": gain * init.lecun(rng, (n, n)),
        "b": 0.1 * rng.standard_normal(n),
    }
    x = rng.standard_normal((T, B, n))
    return p, x, np.zeros((B, n)), rng.standard_normal((gains, B, n))


def in_one_call(p, x, h0, g):
    cell = RNN(*p["U"].shape[-2:])

    def call():
        h, vjps = forward(unroll(cell, p, x), h0)
        return {"log_h": trace(vjps, g).log_h}

    return call


def one_by_one(p, x, h0, g):
    cell = RNN(*p["U"].shape[-2:])

    def call():
        curves = []
        for W, U, g_gain in zip(p["W"], p["U"], g, strict=True):
            h, vjps = forward(unroll(cell, {"W": W, "U": U, "b": p["b"]}, x), h0)
            curves.append(trace(vjps, g_gain).log_h)
        return {"log_h": np.stack(curves, axis=1)}

    return call


def section(tiny=False):
    T, n, B, gains = (6, 5, 2, 3) if tiny else SIZE
    problem = data(T, n, B, gains)
    times = measure.compare({"sweep": in_one_call(*problem), "loop": one_by_one(*problem)}, tiny)
    case = f"RNN {T}, {n}, {B}"
    return {
        "title": "A curve for each gain",
        "lead": f"Steps, width, batch; {gains} gains. No gradients of weights: a curve needs none.",
        "rows": [
            measure.row(
                case,
                f"{gains} gains in one call",
                times["sweep"] * 1e3,
                "ms",
                None if tiny else GOAL,
            ),
            measure.ratio(case, f"a loop over the {gains} gains", times["sweep"], times["loop"]),
        ],
    }
