"""Steps that PyTorch does not have, written once more in the numpy of HIPS autograd.

Autograd differentiates them.
"""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp
from step_checks import arguments

from gradtrace import (
    GRU,
    NARX,
    RNN,
    Dense,
    Dropout,
    Highway,
    LayerNorm,
    Masked,
    Maxout,
    OneGate,
    Pool2D,
    StochasticDepth,
    WeightNorm,
)


def sigma(a):
    return 1 / (1 + anp.exp(-a))


def highway(step, p, h, x):
    B = sigma(h @ p["W2"] + p["b2"])
    return anp.tanh(h @ p["W"] + p["b"]) * B + h * (1 - B)


def one_gate(step, p, h, x):
    B = sigma(h @ p["W2"] + x @ p["U2"])
    return anp.tanh(h @ p["W"] + x @ p["U"]) * B + h * (1 - B)


def narx(step, p, h, x):
    n = step.n
    a = x @ p["U"] + p["b"] + sum(h[:, (k - 1) * n : k * n] @ p[f"W{k}"] for k in step.delays)
    return anp.concatenate([anp.tanh(a), h[:, :-n]], axis=1)


def maxout(step, p, h, x):
    return anp.max(anp.reshape(h @ p["W"] + p["b"], (len(h), step.pieces, step.n_out)), axis=1)


def gru(step, p, h, x):
    n, u = step.n, x @ p["U"] + p["b"]
    r, z = sigma(u[:, :n] + h @ p["W"][:, :n]), sigma(u[:, n : 2 * n] + h @ p["W"][:, n : 2 * n])
    V = p["W"][:, 2 * n :]
    new = anp.tanh(
        u[:, 2 * n :] + (r * (h @ V + p["b_rec"]) if step.reset == "after" else (r * h) @ V)
    )
    keep = z if step.keep == "z" else 1 - z
    return keep * h + (1 - keep) * new


def masked(step, p, h, x):
    m = x[:, -1:]
    return m * anp.tanh(h @ p["W"] + x[:, :-1] @ p["U"] + p["b"]) + (1 - m) * h


def stochastic_depth(step, p, h, x):
    return h + (1 - step.p_drop) * anp.tanh(h @ p["W"] + p["b"])


def dropout(step, p, h, x):
    return h * (1 if step.inverted else 1 - step.p_drop)


def sum_pool(step, p, h, x):
    s = step.size
    return sum(h[..., i::s, j::s] for i in range(s) for j in range(s))


def weight_norm(step, p, h, x):
    return anp.tanh(h @ (p["v"] * p["length"] / anp.sqrt(anp.sum(p["v"] ** 2, axis=0))) + p["b"])


def layer_norm(step, p, h, x):
    c = h - anp.mean(h, axis=1, keepdims=True)
    return p["gamma"] * c / anp.sqrt(anp.mean(c**2, axis=1, keepdims=True) + step.eps) + p["beta"]


FORMULAS = [
    (Highway(3), highway),
    (OneGate(3, n_in=2), one_gate),
    (NARX(2, 3, (1, 2, 4)), narx),
    (Maxout(3, 2, 4), maxout),
    *[(GRU(2, 3, reset, keep), gru) for reset in ("after", "before") for keep in ("z", "1-z")],
    (Masked(RNN(2, 3)), masked),
    (StochasticDepth(Dense(3, 3), 0.3), stochastic_depth),
    (Dropout(3, 0.4, inverted=False), dropout),
    (Pool2D((2, 4, 6), 2, "sum"), sum_pool),
    (WeightNorm(3, 2), weight_norm),
    (LayerNorm(4), layer_norm),
]


@pytest.mark.parametrize(("step", "formula"), FORMULAS, ids=[str(step) for step, _ in FORMULAS])
def test_a_step_agrees_with_its_formula_differentiated_by_autograd(step, formula):
    rng = np.random.default_rng(3)
    p, h, x = arguments(step, rng)
    out, vjp = step(p, h, x)
    g = rng.standard_normal(out.shape)
    given = {"p": p, "h": h} | ({} if x is None else {"x": x})
    pull, value = make_vjp(lambda a: formula(step, a["p"], a["h"], a.get("x")))(given)
    ours, theirs = vjp(g), pull(g)
    np.testing.assert_allclose(out, value, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(ours.h, theirs["h"], rtol=1e-10, atol=1e-13)
    if x is not None:
        np.testing.assert_allclose(ours.x, theirs["x"], rtol=1e-10, atol=1e-13)
    assert ours.p.keys() == p.keys()
    for name in p:
        np.testing.assert_allclose(ours.p[name], theirs["p"][name], rtol=1e-10, atol=1e-13)
