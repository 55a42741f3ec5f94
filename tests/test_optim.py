"""Optimisers agree with PyTorch's and with their formulas.

They change nothing in place, and resume bit for bit.
"""

import io

import numpy as np
import pytest

from gradtrace import (
    AdaDelta,
    AdaGrad,
    Adam,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
    flatten_params,
    tile_params,
    unflatten_params,
)
from gradtrace.training.optim import root

ALL = [
    GradientDescent(0.02),
    Momentum(0.02, 0.8),
    Nesterov(0.02, 0.8),
    AdaGrad(0.1),
    RMSProp(0.01, 0.95),
    AdaDelta(0.3, 0.9),
    Adam(0.05, 0.85, 0.99),
]
ADAPTIVE = [o for o in ALL if hasattr(o, "eps")]
A = np.array([[2.0, 0.3, -0.5], [0.1, 1.0, 0.4]])
START = {
    "W": np.array([[0.5, -1.2], [1.5, 0.3], [-0.7, 0.9]]),
    "b": np.array([0.1, -0.4]),
    "s": np.array(0.8),
}


def loss(p, lib=np):
    """Not convex: a bent valley in ``s`` and ``b``, waves in ``W``."""
    a = lib.sin(lib.matmul(A if lib is np else lib.tensor(A), p["W"]) + p["b"])
    return (a * a * p["s"]).sum() + (p["s"] ** 2 - p["b"][0]) ** 2 + 0.1 * (p["W"] ** 4).sum()


def slopes(p):
    """The gradient of ``loss`` by hand, for sweep axes in front as well."""
    u = A @ p["W"] + p["b"][..., None, :]
    s = p["s"][..., None, None]
    d = s * np.sin(2 * u)
    bend = 2 * (p["s"] ** 2 - p["b"][..., 0])
    db = d.sum(-2)
    return {
        "W": A.T @ d + 0.4 * p["W"] ** 3,
        "b": np.concatenate([db[..., :1] - bend[..., None], db[..., 1:]], -1),
        "s": np.asarray((np.sin(u) ** 2).sum((-1, -2)) + 2 * p["s"] * bend),
    }


def run(optimiser, p, steps, state=None):
    state = optimiser.start(p) if state is None else state
    for _ in range(steps):
        p, state = optimiser.step(p, slopes(p), state)
    return p, state


def theirs(torch, optimiser, params):
    o = optimiser
    match o:
        case GradientDescent():
            return torch.optim.SGD(params, lr=o.lr)
        case Momentum():
            return torch.optim.SGD(params, lr=o.lr, momentum=o.mu)
        case Nesterov():
            return torch.optim.SGD(params, lr=o.lr, momentum=o.mu, nesterov=True)
        case AdaGrad():
            return torch.optim.Adagrad(params, lr=o.lr, eps=o.eps)
        case RMSProp():
            return torch.optim.RMSprop(params, lr=o.lr, alpha=o.beta2, eps=o.eps)
        case AdaDelta():
            return torch.optim.Adadelta(params, lr=o.lr, rho=o.beta2, eps=o.eps)
        case Adam():
            return torch.optim.Adam(params, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps)


@pytest.mark.parametrize("large", [False, True], ids=["usual eps", "eps 0.01"])
@pytest.mark.parametrize("optimiser", ALL, ids=lambda o: type(o).__name__)
def test_100_steps_agree_with_torch(optimiser, large, oracle):
    torch = oracle("torch")
    if large and hasattr(optimiser, "eps"):  # large enough that its place beside the root is seen
        optimiser = type(optimiser)(**{**vars(optimiser), "eps": 0.01})
    q = {k: torch.tensor(v, requires_grad=True) for k, v in START.items()}
    other = theirs(torch, optimiser, list(q.values()))
    p = START
    state = optimiser.start(START)
    for _ in range(100):
        other.zero_grad()
        loss(q, torch).backward()
        other.step()
        p, state = optimiser.step(p, slopes(p), state)
        for name in p:
            np.testing.assert_allclose(p[name], q[name].detach().numpy(), rtol=1e-10, atol=1e-13)
    assert state["t"] == 100
    assert max(np.abs(p[k] - START[k]).max() for k in p) > 0.1


@pytest.mark.parametrize("optimiser", ALL, ids=lambda o: type(o).__name__)
def test_the_slopes_of_the_test_problem_and_descent_along_them(optimiser):
    for name, w in START.items():
        for i in np.ndindex(w.shape):
            bump = np.zeros_like(w)
            bump[i] = 1e-6
            rise = loss({**START, name: w + bump}) - loss({**START, name: w - bump})
            assert slopes(START)[name][i] == pytest.approx(rise / 2e-6, rel=1e-6, abs=1e-8)
    assert loss(run(optimiser, START, 100)[0]) < loss(START) - 0.1


def test_eps_stands_as_published_unless_asked():
    inside = [o.eps_inside for o in (AdaGrad(), RMSProp(), AdaDelta(), Adam())]
    assert inside == [False, False, True, False]
    v = np.array([0.0, 4.0])
    assert root(v, 1e-4, True).tolist() == [0.01, np.sqrt(4.0001)]
    assert root(v, 1e-4, False).tolist() == [1e-4, 2.0001]


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("kind", [AdaGrad, RMSProp, AdaDelta, Adam])
def test_the_first_step_in_closed_form(kind, inside):
    """After one step every average is known; g = 0.3 and a large ε tell the two places apart."""
    g, eps = 0.3, 0.01

    def bottom(v):
        return (v + eps) ** 0.5 if inside else v**0.5 + eps

    optimiser = kind(eps=eps, eps_inside=inside)
    share = {AdaGrad: 1.0, RMSProp: 0.1, AdaDelta: 0.05, Adam: 1.0}[kind]  # of g², in v or v̂
    top = bottom(0.0) if kind is AdaDelta else 1.0
    p = {"w": np.array([2.0])}
    new, _ = optimiser.step(p, {"w": np.array([g])}, optimiser.start(p))
    np.testing.assert_allclose(
        new["w"], 2 - optimiser.lr * g * top / bottom(share * g * g), rtol=1e-14
    )


def test_nesterov_is_the_lecture_s_formula_seen_from_the_point_ahead():
    """M = α M − η ∇J(w + α M), w ← w + M, and ours is w + α M."""
    optimiser = Nesterov(0.02, 0.8)
    w = START
    M = {k: np.zeros_like(v) for k, v in START.items()}
    p = START
    state = optimiser.start(START)
    for _ in range(30):
        g = slopes({k: w[k] + 0.8 * M[k] for k in w})
        M = {k: 0.8 * M[k] - 0.02 * g[k] for k in w}
        w = {k: w[k] + M[k] for k in w}
        p, state = optimiser.step(p, slopes(p), state)
        for k in w:
            np.testing.assert_allclose(p[k], w[k] + 0.8 * M[k], rtol=1e-11, atol=1e-14)


def test_momentum_multiplies_a_steady_gradient():
    p = {"w": np.zeros(1)}
    optimiser = Momentum(0.1, 0.9)
    state = optimiser.start(p)
    for _ in range(400):
        before = p
        p, state = optimiser.step(p, {"w": np.ones(1)}, state)
    np.testing.assert_allclose(before["w"] - p["w"], 0.1 / (1 - 0.9), rtol=1e-11)


@pytest.mark.parametrize("optimiser", ALL, ids=lambda o: type(o).__name__)
def test_sweep_equals_loop_with_a_learning_rate_for_each_member(optimiser):
    rates = optimiser.lr * np.array([[0.2, 0.5, 0.8], [1.0, 1.1, 1.2]])

    def make(lr):
        return type(optimiser)(**{**vars(optimiser), "lr": lr})

    p, _ = run(make(rates), tile_params(START, (2, 3)), 20)
    for i in np.ndindex(2, 3):
        alone, _ = run(make(float(rates[i])), START, 20)
        for name in p:
            np.testing.assert_allclose(p[name][i], alone[name], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("optimiser", ALL[1:3] + ALL[4:], ids=lambda o: type(o).__name__)
def test_momenta_and_decays_may_differ_between_members(optimiser, dtype):
    """Two members, and parameters with two features: a wrong axis shows in the numbers alone."""
    names = [name for name in ("mu", "beta1", "beta2") if hasattr(optimiser, name)]
    swept = type(optimiser)(optimiser.lr, **{name: np.array([0.3, 0.95]) for name in names})
    start = {name: w.astype(dtype) for name, w in START.items()}
    p = tile_params(start, (2,))
    state = swept.start(tile_params(start, (2,)))
    for k in range(20):
        p, state = swept.step(p, {name: np.asarray(np.cos(w + k)) for name, w in p.items()}, state)
    for i, value in enumerate([0.3, 0.95]):
        own = type(optimiser)(optimiser.lr, **dict.fromkeys(names, value))
        alone = start
        kept = own.start(start)
        for k in range(20):
            alone, kept = own.step(
                alone, {name: np.asarray(np.cos(w + k)) for name, w in alone.items()}, kept
            )
        for name in p:
            assert p[name].dtype == dtype
            assert state[f"{optimiser.buffers[0]}.{name}"].dtype == dtype
            np.testing.assert_allclose(
                p[name][i], alone[name], rtol=1e-11 if dtype == "f8" else 1e-4
            )


def test_optimisers_are_equal_by_class_and_numbers():
    rates = np.array([0.1, 0.2])
    one, same = Adam(rates), Adam(rates.copy())
    others = [
        Adam(rates[::-1].copy()),
        Adam(0.1),
        RMSProp(rates),
        Adam(rates, beta1=0.5),
        Adam(np.array([[0.1, 0.2]])),
    ]
    assert one == same
    assert hash(one) == hash(same)
    assert len({one, same, *others}) == 6
    assert not any(one == other for other in [*others, None, 0.1])
    assert GradientDescent(0.1) == GradientDescent(0.1) != GradientDescent(0.2)
    rates[0] = 9
    assert one == same
    assert one.lr.tolist() == [0.1, 0.2]


def test_a_harmless_underflow_is_no_overflow():
    p, tiny = {"w": np.ones(2)}, {"w": np.full(2, 1e-200)}
    with np.errstate(all="raise"):
        new, _ = Adam().step(p, tiny, Adam().start(p))
    assert (new["w"] == Adam().step(p, tiny, Adam().start(p))[0]["w"]).all()


@pytest.mark.parametrize("optimiser", ALL, ids=lambda o: type(o).__name__)
def test_gradients_may_bring_the_sweep(optimiser):
    """A gain sweeps W only; b starts without the axis and gets it from its gradient."""
    p = {**START, "W": np.stack([START["W"], 2 * START["W"]])}
    new, _ = run(optimiser, {**p, "s": np.full(2, 0.8)}, 5)
    alone, _ = run(optimiser, {**START, "W": 2 * START["W"]}, 5)
    for name in new:
        np.testing.assert_allclose(new[name][1], alone[name], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("optimiser", ALL, ids=lambda o: type(o).__name__)
def test_a_saved_run_resumes_bit_for_bit(optimiser):
    straight, _ = run(optimiser, START, 20)
    p, state = run(optimiser, START, 9)
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file) as kept:
        resumed, again = run(optimiser, p, 11, dict(kept))
    assert again["t"] == 20
    assert all((straight[name] == resumed[name]).all() for name in p)


@pytest.mark.parametrize("optimiser", ALL, ids=lambda o: type(o).__name__)
def test_nothing_is_changed_in_place_and_float32_stays_float32(optimiser):
    p = {k: v.astype("f4") for k, v in START.items()}
    g = {k: np.asarray(v, dtype="f4") for k, v in slopes(p).items()}
    new, state = optimiser.step(p, g, optimiser.start(p))
    kept = [{k: np.array(v) for k, v in d.items()} for d in (p, g, state)]
    newer, after = optimiser.step(p, g, state)
    for d, before in zip((p, g, state), kept, strict=True):
        assert all((d[k] == before[k]).all() for k in d)
    arrays = [v for d in (new, state, newer, after) for k, v in d.items() if k != "t"]
    assert all(isinstance(v, np.ndarray) and v.dtype == np.float32 for v in arrays)
    if optimiser.buffers:
        assert not any(np.shares_memory(after[k], state[k]) for k in state if k != "t")


def test_adaptive_steps_do_not_see_the_scale_of_the_gradient():
    for optimiser in (AdaGrad(0.1, eps=1e-100), RMSProp(0.1, eps=1e-100), Adam(0.1, eps=1e-100)):
        p = {"w": np.zeros(2)}
        new, _ = optimiser.step(p, {"w": np.array([1e-90, 1e90])}, optimiser.start(p))
        np.testing.assert_allclose(new["w"][0], new["w"][1], rtol=1e-8)


@pytest.mark.parametrize("optimiser", ALL, ids=lambda o: type(o).__name__)
def test_a_gradient_of_zero_moves_nothing(optimiser):
    p = {"w": np.ones(2)}
    new, _ = optimiser.step(p, {"w": np.zeros(2)}, optimiser.start(p))
    assert (new["w"] == 1).all()


def test_flat_and_nested_are_inverse():
    params = [
        {"W": np.ones((2, 2)), "b": np.zeros(2)},
        {},
        {"0.W": np.ones(3)},
        *[{"w": np.ones(1)}] * 8,
        {},
    ]
    p = flatten_params(params)
    assert list(p)[:3] == ["0.W", "0.b", "2.0.W"]
    back = unflatten_params(p, len(params))
    assert [list(d) for d in back] == [list(d) for d in params]
    assert back[0]["W"] is params[0]["W"]
    assert len(unflatten_params(p)) == 11
    assert unflatten_params({}) == []


P = {"w": np.ones((2, 3))}
G, NAN = {"w": np.ones((2, 3))}, {"w": np.full((2, 3), np.nan)}
ADAM = Adam()
S = ADAM.start(P)

CASES = {
    "p a list": (
        lambda: ADAM.start([P]),
        TypeError,
        r"p: expected a dict of arrays, got .*flatten_params",
    ),
    "g misshapen": (
        lambda: ADAM.step(P, {"w": np.ones((3, 2))}, S),
        ValueError,
        r"grads\['w'\]: expected the shape \(2, 3\)",
    ),
    "g of too few axes": (
        lambda: ADAM.step(P, {"w": np.ones(3)}, S),
        ValueError,
        r"grads\['w'\]: expected the shape \(2, 3\)",
    ),
    "g of another name": (
        lambda: ADAM.step(P, {"v": np.ones(3)}, S),
        ValueError,
        r"grads: expected the names \['w'\]",
    ),
    "g of another dtype": (
        lambda: ADAM.step(P, {"w": np.ones((2, 3), "f4")}, S),
        TypeError,
        "expected float64 as",
    ),
    "another's state": (
        lambda: ADAM.step(P, G, Momentum().start(P)),
        ValueError,
        r"state: expected start\(p\) of Adam",
    ),
    "misshapen state": (
        lambda: ADAM.step(P, G, S | {"m.w": np.ones(3)}),
        ValueError,
        r"state\['m.w'\]: expected float64 of shape \(2, 3\)",
    ),
    "rates that fit no axis": (
        lambda: Adam(np.ones(3)).step(P, G, S),
        ValueError,
        r"lr: expected one number, .*tile_params",
    ),
    "momenta that fit no axis": (
        lambda: Momentum(mu=np.ones(3) / 2).step(P, G, Momentum().start(P)),
        ValueError,
        r"mu: expected one number, .*tile_params",
    ),
    "a state of half a step": (
        lambda: ADAM.step(P, G, S | {"t": 0.5}),
        TypeError,
        r"state\['t'\]: expected a whole",
    ),
    "an overflow": (
        lambda: ADAM.step(P, {"w": np.full((2, 3), 1e200)}, S),
        FloatingPointError,
        r"p\['w'\]: expected step 1 of Adam within float64, got overflow .*clip the gradient",
    ),
    "a name without number": (
        lambda: unflatten_params({"W": np.ones(1)}),
        ValueError,
        "p: expected names such as '0.W', .* got 'W'",
    ),
    "too few layers": (
        lambda: unflatten_params({"3.W": np.ones(1)}, 2),
        ValueError,
        "layers: expected at least 4",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", ["99999999999.W", "٣.W", "².W", "1000000.W"])
def test_a_number_of_a_layer_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match=r"p: expected names such as '0.W'"):
        unflatten_params({name: np.ones(2)})
