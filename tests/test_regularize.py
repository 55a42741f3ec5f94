"""Penalties, their closed-form steps, and early stopping."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradtrace import Adam, GradientDescent, clip_norm, clip_value
from gradtrace.training.regularize import EarlyStopping, l1, l2, soft_threshold, weight_decay

P = {"W": np.array([[0.5, -2.0, 0.0], [1.0, 3.0, -0.1]]), "U": np.array([[-4.0]])}


def test_values_and_slopes_by_hand():
    value, g = l2(P, 0.1)
    assert value == pytest.approx(0.1 * (0.25 + 4 + 1 + 9 + 0.01 + 16))
    assert g["U"].tolist() == [[-0.8]]
    value, g = l1(P, 0.1)
    assert value == pytest.approx(0.1 * 10.6)
    assert g["W"].tolist() == [[0.1, -0.1, 0.0], [0.1, 0.1, -0.1]]
    assert g["U"].tolist() == [[-0.1]]


def test_only_the_penalty_has_to_be_a_float_not_the_squares():
    huge, tiny = {"w": np.array([3e200, 4e200])}, {"w": np.array([3e-200, 4e-200])}
    np.testing.assert_allclose(
        [l2(huge, 1e-300)[0], l2(tiny, 1e300)[0]], [2.5e101, 2.5e-99], rtol=1e-14
    )
    np.testing.assert_allclose(l1({"w": np.full(4, 1e308)}, 0.1)[0], 4e307, rtol=1e-14)
    swept = l2({"w": np.array([[1e200], [3.0], [0.0]])}, np.array([1e-300, 1.0, 1.0]), sweep=1)[0]
    np.testing.assert_allclose(swept, [1e100, 9, 0], rtol=1e-14)
    for penalty, p in ((l2, huge), (l1, {"w": np.full(4, 1e308)})):
        with pytest.raises(
            FloatingPointError,
            match="p, strength: expected a penalty within float64, got an overflow",
        ):
            penalty(p, 1.0)


@given(w=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9), strength=st.floats(0, 9))
def test_the_way_there_costs_no_digit(w, strength):
    w = np.array(w)
    usual = strength * (w * w).sum()
    assert l2({"w": w}, strength)[0] == usual or usual < 1e-290
    assert l1({"w": w}, strength)[0] == strength * np.abs(w).sum() or usual < 1e-290


@pytest.mark.parametrize("penalty", [l1, l2])
def test_slopes_agree_with_finite_differences(penalty):
    for name, w in P.items():
        for i in zip(*np.nonzero(w), strict=True):
            bump = np.zeros_like(w)
            bump[i] = 1e-6
            rise = penalty({**P, name: w + bump}, 0.3)[0] - penalty({**P, name: w - bump}, 0.3)[0]
            assert penalty(P, 0.3)[1][name][i] == pytest.approx(rise / 2e-6, rel=1e-6)


@given(w=st.floats(-3, 3), a=st.floats(0, 2))
def test_the_soft_threshold_is_the_minimum_of_its_problem(w, a):
    def cost(v):
        return 0.5 * (v - w) ** 2 + a * np.abs(v)

    best = soft_threshold({"w": np.array([w])}, a)["w"][0]
    assert cost(best) <= cost(np.linspace(-4, 4, 801)).min() + 1e-15
    assert (best == 0) == (abs(w) <= a)


def test_lasso_and_ridge_reach_their_closed_forms_and_only_the_lasso_gives_zeros():
    """With orthonormal inputs the loss is ½ ‖w − c‖².

    So the lasso gives sign(c) (|c| − λ)⁺, and ridge c / (1 + 2λ).
    """
    c = np.array([2.0, -0.3, 0.05, -1.0, 0.4])
    strength = 0.4
    sgd = GradientDescent(0.1)
    lasso, ridge, hopping = ({"w": np.ones(5)} for _ in range(3))
    state = sgd.start(lasso)
    for _ in range(500):

        def slope(p):
            return {"w": p["w"] - c}

        lasso = soft_threshold(sgd.step(lasso, slope(lasso), state)[0], 0.1 * strength)
        ridge = sgd.step(ridge, {"w": slope(ridge)["w"] + l2(ridge, strength)[1]["w"]}, state)[0]
        grads = {"w": slope(hopping)["w"] + l1(hopping, strength)[1]["w"]}
        hopping, _ = sgd.step(hopping, grads, state)
    np.testing.assert_allclose(lasso["w"], [1.6, 0, 0, -0.6, 0], atol=1e-12)
    assert (lasso["w"][[1, 2]] == 0).all()
    assert (ridge["w"] != 0).all()
    assert (hopping["w"][[1, 2]] != 0).all()
    np.testing.assert_allclose(ridge["w"], c / 1.8, rtol=1e-12)


def test_more_strength_means_smaller_weights():
    strengths = np.linspace(0, 3, 31)
    p = {"w": np.tile([2.0, -0.3, 0.7], (31, 1))}
    norms = np.abs(soft_threshold(p, strengths)["w"]).sum(-1)
    assert (np.diff(norms) <= 0).all()
    assert norms[0] == pytest.approx(3)
    assert norms[-1] == 0


def test_decay_with_adam_is_torch_s_adamw(oracle):
    torch = oracle("torch")
    q = torch.tensor(P["W"], requires_grad=True)
    other = torch.optim.AdamW([q], lr=0.05, weight_decay=0.3)
    p = {"W": P["W"]}
    optimiser = Adam(0.05)
    state = optimiser.start(p)
    for _ in range(100):
        other.zero_grad()
        (torch.cos(q) * q).sum().backward()
        other.step()
        g = {"W": np.cos(p["W"]) - p["W"] * np.sin(p["W"])}
        p, state = optimiser.step(weight_decay(p, 0.05 * 0.3), g, state)
    np.testing.assert_allclose(p["W"], q.detach().numpy(), rtol=1e-10)


def test_decay_is_the_ridge_penalty_with_plain_descent_only():
    decayed = weight_decay(P, 2 * 0.1 * 0.3)
    for optimiser, same in ((GradientDescent(0.1), True), (Adam(0.1), False)):
        pulled, _ = optimiser.step(P, l2(P, 0.3)[1], optimiser.start(P))
        assert np.allclose(pulled["W"], decayed["W"], rtol=1e-13, atol=0) == same


@pytest.mark.parametrize("function", [l1, l2, soft_threshold, weight_decay])
def test_sweep_equals_loop_and_arguments_stay(function):
    strengths = np.array([0.0, 0.2, 0.9])
    p = {k: np.stack([v, 2 * v, 3 * v]).astype("f4") for k, v in P.items()}
    before = {k: v.copy() for k, v in p.items()}
    penalty = function in (l1, l2)
    swept = function(p, strengths, 1) if penalty else function(p, strengths)
    for i in range(3):
        alone = function({k: v[i] for k, v in p.items()}, float(strengths[i]))
        if penalty:
            assert swept[0].shape == (3,)
            assert swept[0][i] == pytest.approx(alone[0], rel=1e-6)
        for name, w in (alone[1] if penalty else alone).items():
            result = (swept[1] if penalty else swept)[name]
            assert result.dtype == w.dtype == np.float32
            np.testing.assert_allclose(result[i], w, rtol=1e-6)
    assert all((p[k] == before[k]).all() for k in p)


def test_a_parameter_without_axes_stays_an_array():
    p = {"s": np.array(-0.5)}
    for result in (l1(p, 0.1)[1], l2(p, 0.1)[1], soft_threshold(p, 0.1), weight_decay(p, 0.1)):
        assert isinstance(result["s"], np.ndarray)
        assert result["s"].shape == ()


def follow(stopper, losses, sweep=()):
    state = stopper.start(sweep)
    for epoch, loss in enumerate(losses):
        if state["stop"].all():
            return epoch, state
        state = stopper.update(loss, state)
    return len(losses), state


@pytest.mark.parametrize("patience", [1, 3, 10])
def test_it_stops_at_the_planted_minimum(patience):
    losses = [(t - 17) ** 2 / 100 + 1 for t in range(60)]
    epochs, state = follow(EarlyStopping(patience), losses)
    assert epochs == 18 + patience
    assert state["best_epoch"] == 17
    assert state["best"] == 1
    assert state["stop"]


def test_patience_decides_whether_a_bump_is_crossed():
    losses = [5.0, 4.0, 4.5, 4.4, 3.0, 6.0, 6.0, 6.0, 6.0]
    assert follow(EarlyStopping(2), losses)[1]["best_epoch"] == 1
    assert follow(EarlyStopping(3), losses)[1]["best_epoch"] == 4
    # equal is no improvement
    assert follow(EarlyStopping(2), [5.0, 5.0, 5.0, 1.0])[1]["best_epoch"] == 0
    assert follow(EarlyStopping(2, min_delta=0.5), [5.0, 4.9, 4.7, 1.0])[1]["best_epoch"] == 0


def test_each_sweep_member_stops_by_itself_and_no_state_is_changed():
    losses = np.array([[3.0, 3.0], [4.0, 2.0], [5.0, 1.0], [0.0, 2.0], [0.0, 2.0], [0.0, 2.0]])
    stopper = EarlyStopping(2)
    epochs, state = follow(stopper, losses, (2,))
    assert epochs == 5
    assert state["best_epoch"].tolist() == [0, 2]
    assert state["best"].tolist() == [3.0, 1.0]
    kept = {k: np.array(v) for k, v in state.items()}
    stopper.update(np.array([-9.0, -9.0]), state)
    assert all((state[k] == kept[k]).all() for k in state)
    for i in range(2):
        assert follow(stopper, losses[:, i].tolist())[1]["best_epoch"] == state["best_epoch"][i]


CASES = {
    "strengths without a sweep": (
        lambda: l1(P, np.ones(2)),
        ValueError,
        "strength: expected one number",
    ),
    "amounts that do not fit": (
        lambda: soft_threshold({"W": P["W"]}, np.ones(5)),
        ValueError,
        r"amount: .* got shape \(5,\) for p\['W'\]",
    ),
    "losses misshapen": (
        lambda: EarlyStopping(1).update(np.ones(2), EarlyStopping(1).start()),
        ValueError,
        r"loss: expected the shape \(\)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()


def test_a_member_that_has_stopped_waits_no_longer():
    rule = EarlyStopping(2)
    _, state = follow(
        rule, np.array([[1.0, 5.0], [1.0, 4.0], [1.0, 3.0], [1.0, 2.0], [1.0, 1.0]]), (2,)
    )
    assert state["stop"].tolist() == [True, False]
    assert state["wait"].tolist() == [2, 0]
    assert state["epoch"] == 5


NUMBERS = {"of Python": 0.25, "of float64": np.float64(0.25), "without axes": np.array(0.25)}
RULES = {
    "l1": lambda w, rate: l1(w, rate)[1],
    "l2": lambda w, rate: l2(w, rate)[1],
    "soft threshold": soft_threshold,
    "decay": weight_decay,
    "clip by norm": lambda w, rate: clip_norm(w, rate)[0],
    "clip by value": lambda w, rate: clip_value(w, rate)[0],
    "descent": lambda w, rate: GradientDescent(rate).step(w, w, GradientDescent(rate).start(w))[0],
}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("rule", RULES)
def test_single_precision_stays_single_whatever_kind_of_number_the_rate_is(rule, number):
    w = {"w": np.array([1.0, -2.0], np.float32)}
    found, expected = RULES[rule](w, NUMBERS[number])["w"], RULES[rule](w, 0.25)["w"]
    assert found.dtype == np.float32
    assert (found == expected).all()


@pytest.mark.parametrize("rule", [l1, l2, clip_norm, clip_value])
def test_one_number_holds_for_every_member_of_a_sweep(rule):
    """Each rule returns a number and a dict, in one order or the other."""
    w = np.random.default_rng(0).standard_normal((3, 2, 4))
    whole = rule({"w": w}, 0.3, sweep=1)
    for i in range(3):
        for all_members, one in zip(whole, rule({"w": w[i]}, 0.3), strict=True):
            if isinstance(one, dict):
                all_members, one = all_members["w"], one["w"]
            np.testing.assert_allclose(all_members[i], one, rtol=1e-14)


def test_a_whole_number_without_axes_is_a_rate_too():
    assert weight_decay({"w": np.ones(2)}, np.array(0))["w"].tolist() == [1.0, 1.0]
    assert l2({"w": np.ones(2)}, np.array(3))[1]["w"].tolist() == [6.0, 6.0]
