"""Recurrent cells: gates, delays and masks.

They are held to PyTorch, to formulas written out, and to answers known by hand.
"""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_checks import (
    SWEEPS,
    all_steps,
    arguments,
    check_finite_differences,
    check_sweep_equals_loop,
)

from gradtrace import (
    RNN,
    Dense,
    Highway,
    Step,
    backward,
    forward,
    init,
    init_params,
    tanh,
    trace,
    unroll,
)
from gradtrace.steps.recurrent import GRU, LSTM, NARX, Masked, OneGate, irnn

GRUS = [GRU(2, 3, reset, keep) for reset in ("after", "before") for keep in ("z", "1-z")]
SMOOTH = [
    LSTM(2, 3),
    LSTM(1, 1),
    *GRUS,
    GRU(1, 1),
    OneGate(3),
    OneGate(3, "sigmoid", n_in=2),
    NARX(2, 3),
    NARX(2, 3, (2,)),
    NARX(1, 1, (5, 1, 2), "sigmoid"),
    NARX(2, 3, (1,)),
    Masked(RNN(2, 3)),
    Masked(LSTM(2, 3)),
    Masked(OneGate(3)),
]
KINKED = [irnn(2, 3), NARX(2, 3, (1, 3), "relu"), Masked(irnn(2, 3)), OneGate(3, "relu")]
OPEN, SHUT = 1000.0, -1000.0  # σ of these is exactly 1 and exactly 0
EQUAL = {"rtol": 1e-10, "atol": 1e-13}


def s(a):
    return 1 / (1 + np.exp(-a))


def test_every_recurrent_cell_is_tested_here():
    cells = {cls for cls in all_steps() if cls.__module__ == "gradtrace.steps.recurrent"}
    missing = cells - {type(step) for step in SMOOTH + KINKED}
    assert not missing, f"add to SMOOTH or KINKED in tests/test_recurrent.py: {missing}"


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("step", SMOOTH + KINKED, ids=str)
def test_pullback_agrees_with_finite_differences(step, sweep):
    check_finite_differences(step, sweep, kinked=step in KINKED)


@pytest.mark.parametrize("step", SMOOTH + KINKED, ids=str)
def test_contract(step):
    assert isinstance(step, Step)
    check_sweep_equals_loop(step)


def test_lstm_is_lees_six_equations():
    cell = LSTM(2, 3)
    rng = np.random.default_rng(0)
    n = 3
    p, state, x = arguments(cell, rng)
    W, U, b = (
        {gate: p[name][..., k * n : (k + 1) * n] for k, gate in enumerate("ifog")} for name in "WUb"
    )
    h, c = state[:, :n], state[:, n:]
    f = s(x @ U["f"] + h @ W["f"] + b["f"])
    i = s(x @ U["i"] + h @ W["i"] + b["i"])
    o = s(x @ U["o"] + h @ W["o"] + b["o"])
    g = np.tanh(x @ U["g"] + h @ W["g"] + b["g"])
    c = c * f + g * i
    h = np.tanh(c) * o
    np.testing.assert_allclose(cell(p, state, x)[0], np.hstack([h, c]), rtol=1e-13)


@pytest.mark.parametrize("cell", GRUS, ids=str)
def test_gru_is_lees_four_equations_in_each_convention(cell):
    n = 3
    rng = np.random.default_rng(0)
    p, h, x = arguments(cell, rng)
    W, U, b = (
        {gate: p[name][..., k * n : (k + 1) * n] for k, gate in enumerate("rzg")} for name in "WUb"
    )
    r = s(x @ U["r"] + h @ W["r"] + b["r"])
    z = s(x @ U["z"] + h @ W["z"] + b["z"])
    reset = (r * h) @ W["g"] if cell.reset == "before" else r * (h @ W["g"] + p["b_rec"])
    g = np.tanh(reset + x @ U["g"] + b["g"])
    expected = h * z + g * (1 - z) if cell.keep == "z" else h * (1 - z) + g * z
    np.testing.assert_allclose(cell(p, h, x)[0], expected, rtol=1e-12)


def test_one_gate_is_cremers_line_and_a_gru_whose_reset_gate_is_open():
    cell = OneGate(3, n_in=2)
    rng = np.random.default_rng(0)
    p, A, x = arguments(cell, rng)
    B = s(A @ p["W2"] + x @ p["U2"])
    out, vjp = cell(p, A, x)
    np.testing.assert_allclose(out, np.tanh(A @ p["W"] + x @ p["U"]) * B + A * (1 - B), rtol=1e-13)
    nothing = np.zeros((3, 3))
    q = {
        "W": np.hstack([nothing, p["W2"], p["W"]]),
        "U": np.hstack([nothing[:2], p["U2"], p["U"]]),
        "b": np.repeat([OPEN, 0, 0], 3),
    }
    gru, gru_vjp = GRU(2, 3, "before", "1-z")(q, A, x)
    np.testing.assert_allclose(out, gru, rtol=1e-13)
    np.testing.assert_allclose(vjp(A).h, gru_vjp(A).h, **EQUAL)


def torch_order(a, n):
    """Columns i, f, o, g to PyTorch's rows i, f, g, o; the same mapping leads back."""
    i, f, o, g = np.split(a, 4, axis=-1)
    return np.concatenate([i, f, g, o], axis=-1).T.copy()


def filled(torch, module, values):
    """``module`` in float64 with the given weights.

    Those not named, the second of two biases, are zero.
    """
    module = module.double()
    for name, weight in module.named_parameters():
        weight.data = torch.tensor(values[name]) if name in values else torch.zeros_like(weight)
    return module


def test_lstm_equals_torch_cell(oracle):
    torch = oracle("torch")
    cell = LSTM(4, 3)
    rng = np.random.default_rng(1)
    n = 3
    p, state, x = arguments(cell, rng)
    v = rng.standard_normal(state.shape)
    out, vjp = cell(p, state, x)
    ours = vjp(v)
    ordered = {name: torch_order(value, n) for name, value in p.items()}
    weights = {"weight_hh": ordered["W"], "weight_ih": ordered["U"], "bias_ih": ordered["b"]}
    theirs = filled(torch, torch.nn.LSTMCell(4, n), weights)
    s_t, x_t = torch.tensor(state, requires_grad=True), torch.tensor(x, requires_grad=True)
    value = torch.cat(theirs(x_t, (s_t[:, :n], s_t[:, n:])), dim=1)
    value.backward(torch.tensor(v))
    np.testing.assert_allclose(out, value.detach(), **EQUAL)
    np.testing.assert_allclose(ours.h, s_t.grad, **EQUAL)
    np.testing.assert_allclose(ours.x, x_t.grad, **EQUAL)
    for name, k in (("weight_hh", "W"), ("weight_ih", "U"), ("bias_ih", "b"), ("bias_hh", "b")):
        np.testing.assert_allclose(torch_order(ours.p[k], n), getattr(theirs, name).grad, **EQUAL)


def test_gru_with_reset_after_equals_torch_cell(oracle):
    torch = oracle("torch")
    cell = GRU(4, 3, reset="after")
    rng = np.random.default_rng(1)
    n = 3
    p, h, x = arguments(cell, rng)
    v = rng.standard_normal(h.shape)
    out, vjp = cell(p, h, x)
    ours = vjp(v)
    theirs = filled(
        torch,
        torch.nn.GRUCell(4, n),
        {
            "weight_hh": p["W"].T.copy(),
            "weight_ih": p["U"].T.copy(),
            "bias_ih": p["b"],
            "bias_hh": np.r_[np.zeros(2 * n), p["b_rec"]],
        },
    )
    h_t, x_t = torch.tensor(h, requires_grad=True), torch.tensor(x, requires_grad=True)
    value = theirs(x_t, h_t)
    value.backward(torch.tensor(v))
    for a, b in (
        (out, value.detach()),
        (ours.h, h_t.grad),
        (ours.x, x_t.grad),
        (ours.p["W"].T, theirs.weight_hh.grad),
        (ours.p["U"].T, theirs.weight_ih.grad),
        (ours.p["b"], theirs.bias_ih.grad),
        (ours.p["b_rec"], theirs.bias_hh.grad[2 * n :]),
    ):
        np.testing.assert_allclose(a, b, **EQUAL)


def test_many_to_many_lstm_equals_torch_over_12_steps(oracle):
    torch = oracle("torch")
    cell = LSTM(4, 3)
    rng = np.random.default_rng(2)
    n = 3
    p, state, _ = arguments(cell, rng)
    x, v = rng.standard_normal((12, 5, 4)), rng.standard_normal((12, 5, n))
    h, vjps = forward(unroll(cell, p, x), state)
    # L = Σ_t v_t · h_t
    ours = backward(vjps, [None, *np.concatenate([v, np.zeros_like(v)], axis=-1)])
    ordered = {name: torch_order(value, n) for name, value in p.items()}
    weights = {
        "weight_hh_l0": ordered["W"],
        "weight_ih_l0": ordered["U"],
        "bias_ih_l0": ordered["b"],
    }
    theirs = filled(torch, torch.nn.LSTM(4, n), weights)
    s_t, x_t = torch.tensor(state, requires_grad=True), torch.tensor(x, requires_grad=True)
    value, (_, c) = theirs(x_t, (s_t[None, :, :n].contiguous(), s_t[None, :, n:].contiguous()))
    value.backward(torch.tensor(v))
    np.testing.assert_allclose(np.array(h)[1:, :, :n], value.detach(), **EQUAL)
    np.testing.assert_allclose(h[-1][:, n:], c[0].detach(), **EQUAL)
    np.testing.assert_allclose(ours.h[0], s_t.grad, **EQUAL)
    np.testing.assert_allclose(np.array(ours.x), x_t.grad, **EQUAL)
    for name, k in (("weight_hh_l0", "W"), ("weight_ih_l0", "U"), ("bias_hh_l0", "b")):
        np.testing.assert_allclose(
            torch_order(ours.shared()[k], n), getattr(theirs, name).grad, **EQUAL
        )


@pytest.mark.parametrize(
    "i, f, what", [(0, 1, "remember"), (1, 1, "add"), (0, 0, "erase"), (1, 0, "overwrite")]
)
def test_the_four_corners_of_the_gates(i, f, what):
    cell = LSTM(2, 3)
    rng = np.random.default_rng(0)
    p, state, x = arguments(cell, rng)
    p["b"] = cell.bias(i=OPEN if i else SHUT, f=OPEN if f else SHUT)
    c, new = state[:, 3:], np.tanh(x @ p["U"] + state[:, :3] @ p["W"])[:, 9:]
    out, vjp = cell(p, state, x)
    expected = {"remember": c, "add": c + new, "erase": 0 * c, "overwrite": new}[what]
    np.testing.assert_allclose(out[:, 3:], expected, rtol=1e-13, atol=0)
    into_c = vjp(np.hstack([0 * c, c])).h[:, 3:]
    assert (into_c == f * c).all()  # what reaches c' goes back to c whole, or not at all


def gated_in_time(gates):
    """Parameters and inputs of an ``LSTM(5, 3)`` with the gates that are asked for.

    At each step the gates i, f, o are exactly what ``gates`` says.
    """
    rng = np.random.default_rng(3)
    n = 3
    p = init_params(LSTM(5, n), rng)
    p["U"][:3] = np.kron(np.eye(3, 4), np.ones(n))
    p["U"][3:, : 3 * n] = 0
    steps = [[OPEN if gate else SHUT for gate in step] for step in gates]
    return p, np.concatenate(
        [
            np.broadcast_to(np.array(steps)[:, None], (len(gates), 2, 3)),
            rng.standard_normal((len(gates), 2, 2)),
        ],
        axis=-1,
    )


@pytest.mark.parametrize(
    "o_t, i_next, f_next, unmodified",
    [(0, 0, 1, True), (0, 1, 1, True), (1, 0, 1, False), (0, 0, 0, False)],
)
def test_exercise_cell_gradients_pass_unmodified(o_t, i_next, f_next, unmodified):
    """c̄_t = c̄_{t+1} exactly if f_{t+1} = 1 and o_t = 0, and not with another of these.

    With i_{t+1} = 0 c itself is kept.
    """
    n, cell, t = 3, LSTM(5, 3), 2
    gates = [(1, 1, 1), (1, 1, o_t), (i_next, f_next, 1), (1, 1, 1)]
    p, x = gated_in_time(gates)
    h, vjps = forward(unroll(cell, p, x), np.random.default_rng(4).standard_normal((2, 2 * n)))
    v = np.random.default_rng(5).standard_normal((4, 2, 2 * n))
    v[..., n:] = 0  # the loss reads every h_t and no c_t
    g = backward(vjps, [None, *v]).h

    def c_bar(t):  # the gradient of c_t, its way through h_t = o ∘ tanh(c_t) included
        return g[t][:, n:] + g[t][:, :n] * gates[t - 1][2] * tanh.slope(h[t][:, n:])

    assert c_bar(t + 1).all()
    assert g[t][:, :n].all()
    assert (c_bar(t) == c_bar(t + 1)).all() == unmodified


def test_with_all_gates_at_one_an_lstm_adds_up_and_is_no_plain_rnn():
    cell = LSTM(2, 3)
    rng = np.random.default_rng(6)
    n = 3
    steps = 40
    p, _, _ = arguments(cell, rng)
    plain = {k: v[..., 3 * n :] for k, v in p.items()}
    p["b"] = cell.bias(OPEN, OPEN, OPEN, c=1.0)
    plain["b"] = np.ones(n)
    x = 0.1 * rng.standard_normal((steps, 1, 2))
    h0 = np.zeros((1, 2 * n))
    rnn, _ = forward(unroll(RNN(2, n), plain, x), h0[:, :n])
    h, _ = forward(unroll(cell, p, x), h0)
    new = [np.tanh(h[t][:, :n] @ plain["W"] + x[t] @ plain["U"] + 1) for t in range(steps)]
    # c_T is the sum of all candidates
    np.testing.assert_allclose(h[-1][:, n:], sum(new), rtol=1e-12)
    assert abs(h[-1][:, n:]).max() > 10 > 1 > abs(rnn[-1]).max()
    assert not np.allclose(h[1][:, :n], rnn[1], rtol=0.05)

    p["b"] = cell.bias(OPEN, SHUT, OPEN, c=1.0)  # with f = 0 it forgets as a plain RNN does …
    h, _ = forward(unroll(cell, p, x), h0)
    for t in range(steps):  # … and its output is tanh of tanh
        inner, _ = RNN(2, n)(plain, h[t][:, :n], x[t])
        np.testing.assert_allclose(h[t + 1], np.hstack([np.tanh(inner), inner]), rtol=1e-12)


@pytest.mark.parametrize("sweep", [False, True], ids=["one", "sweep"])
def test_irnn_gradient_norm_is_exactly_one_on_positive_states(sweep):
    cell = irnn(2, 8)
    rng = np.random.default_rng(0)
    p = init_params(
        cell, rng, W=init.identity, U=lambda rng, shape: abs(init.gaussian(rng, shape, 0.001))
    )
    h0 = np.full((1, 8), 0.5)
    g = np.eye(8)[:1]
    if sweep:
        p["b"], h0, g = p["b"][None], h0[None], g[None]
    h, vjps = forward(unroll(cell, p, rng.uniform(0, 1, (200, 1, 2))), h0)
    assert all((a == g).all() for a in backward(vjps, g).h)
    assert (trace(vjps, g).log_h == 0).all()


@pytest.mark.parametrize("w1, w4", [(0.9, 0.5), (0.1, 0.7), (0.0, 0.9)])
def test_narx_gradient_by_delay_is_a_sum_over_ways(w1, w4):
    """∂h_T/∂h_{T-k} = Σ_j C(k - 3j, j) w1^(k-4j) w4^j in the scalar linear case.

    The sum goes over ways back with j jumps of four.
    """
    cell = NARX(1, 1, (1, 4), "identity")
    p = {"W1": np.array([[w1]]), "W4": np.array([[w4]]), "U": np.ones((1, 1)), "b": np.zeros(1)}
    _, vjps = forward(unroll(cell, p, np.ones((30, 1, 1))), np.ones((1, 4)))
    g = [a[0, 0] for a in backward(vjps, np.array([[1.0, 0, 0, 0]])).h[::-1]]

    def ways_back(k):
        return sum(comb(k - 3 * j, j) * w1 ** (k - 4 * j) * w4**j for j in range(k // 4 + 1))

    ways = [ways_back(k) for k in range(31)]
    np.testing.assert_allclose(g, ways, rtol=1e-12)
    # five factors, not twenty
    assert g[20] >= w4**5 * (1 - 1e-12)
    assert g[20] > 1000 * w1**20 * (w1 < 0.5)


def test_narx_keeps_its_register_in_order_and_with_delay_one_is_an_rnn():
    cell = NARX(2, 3, (2, 4))
    rng = np.random.default_rng(0)
    p, h0, _ = arguments(cell, rng)
    x = rng.standard_normal((9, 5, 2))
    h, _ = forward(unroll(cell, p, x), h0)
    past = [*np.split(h0, 4, axis=-1)[::-1]]  # h_{-3} … h_0
    for x_t in x:
        past.append(np.tanh(past[-2] @ p["W2"] + past[-4] @ p["W4"] + x_t @ p["U"] + p["b"]))
    np.testing.assert_allclose(h[-1], np.hstack(past[:-5:-1]), rtol=1e-12)

    cell = NARX(2, 3, (1,))
    p, h0, x = arguments(cell, rng)
    ours, vjp = cell(p, h0, x)
    plain, plain_vjp = RNN(2, 3)({"W": p["W1"], "U": p["U"], "b": p["b"]}, h0, x)
    np.testing.assert_allclose(ours, plain, rtol=1e-13)
    np.testing.assert_allclose(vjp(h0).h, plain_vjp(h0).h, **EQUAL)


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=4),
    seed=st.integers(0, 99),
    cell=st.sampled_from([LSTM(2, 3), GRU(2, 3), NARX(2, 3), RNN(2, 3)]),
)
def test_masked_batch_equals_each_shorter_sequence_alone(lengths, seed, cell):
    rng = np.random.default_rng(seed)
    p, h0, _ = arguments(cell, rng, batch=len(lengths))
    x = rng.standard_normal((7, len(lengths), 2))
    m = (np.arange(7)[:, None] < lengths).astype(float)
    h, vjps = forward(unroll(Masked(cell), p, np.concatenate([x, m[..., None]], axis=-1)), h0)
    v = rng.standard_normal(h0.shape)
    ours = backward(vjps, v)
    shared = {name: 0 for name in p}
    for b, length in enumerate(lengths):
        one = slice(b, b + 1)
        for t in range(length, 8):
            assert (ours.h[t][one] == v[one]).all()
            assert (h[t][one] == h[-1][one]).all()
        assert not any(ours.x[t][b, :-1].any() for t in range(length, 7))
        if not length:
            continue
        alone, alone_vjps = forward(unroll(cell, p, x[:length, one]), h0[one])
        grads = backward(alone_vjps, v[one])
        np.testing.assert_allclose(h[-1][one], alone[-1], rtol=1e-12)
        np.testing.assert_allclose(ours.h[0][one], grads.h[0], **EQUAL)
        shared = {name: value + grads.shared()[name] for name, value in shared.items()}
    for name, value in ours.shared().items():
        np.testing.assert_allclose(
            value, shared[name] + np.zeros_like(value), rtol=1e-9, atol=1e-12
        )


def test_masked_steps_states_of_several_axes():
    class Flip(Step):
        features = (2, 3)

        def step(self, p, h, x=None):
            return -h, lambda g: (-g, None, {})

    h = np.random.default_rng(0).standard_normal((4, 2, 3))
    m = np.array([[1.0], [0.0], [1.0], [0.0]])
    out, vjp = Masked(Flip())({}, h, m)
    signs = (1 - 2 * m)[:, :, None]
    assert (out == signs * h).all()
    assert (vjp(h).h == signs * h).all()
    np.testing.assert_allclose(vjp(h).x[:, 0], -2 * (h * h).sum(axis=(1, 2)))


def test_traces_of_gated_cells_go_past_the_float_range():
    """Without recurrent weights the way back is the gate: ln ‖∂L/∂state_t‖ = (T - t) ln σ(b)."""
    rng = np.random.default_rng(0)
    T = 2000
    bias = -5.0
    expected = np.arange(T, -1, -1) * np.log(s(bias))
    assert expected[0] < -10_000
    x = rng.standard_normal((T, 1, 2))
    cell = LSTM(2, 3)
    p = init_params(cell, rng, W=init.zeros, U=init.zeros, b=lambda rng, shape: cell.bias(f=bias))
    _, vjps = forward(unroll(cell, p, x), np.ones((1, 6)))
    np.testing.assert_allclose(
        trace(vjps, np.array([[0, 0, 0, 0, 0, 1.0]])).log_h, expected, rtol=1e-12
    )
    for keep, sign in (("z", 1), ("1-z", -1)):
        cell = GRU(2, 3, "before", keep)
        p = {name: np.zeros(shape) for name, shape in cell.shapes().items()}
        p["b"] = np.repeat([0, sign * bias, 0], 3)
        _, vjps = forward(unroll(cell, p, x), np.zeros((1, 3)))
        np.testing.assert_allclose(trace(vjps, np.array([[0, 0, 1.0]])).log_h, expected, rtol=1e-12)


def test_slopes_of_saturated_gates_are_small_and_not_zero():
    """At a = 40 the value σ(a) is exactly 1, so σ(1 - σ) would be exactly 0; the slope is e^-40."""
    cell = LSTM(1, 1)
    p = {"W": np.zeros((1, 4)), "U": np.zeros((1, 4)), "b": cell.bias(40.0, 40.0, 40.0, 40.0)}
    _, vjp = cell(p, np.array([[0.0, 1.0]]), np.ones((1, 1)))
    e = np.exp(-40.0)
    c = np.tanh(2.0)
    np.testing.assert_allclose(vjp(np.array([[0.0, 1.0]])).p["b"], [e, e, 0, 4 * e * e], rtol=1e-12)
    np.testing.assert_allclose(vjp(np.array([[1.0, 0.0]])).p["b"][2], e * c, rtol=1e-12)
    p["b"] = cell.bias(SHUT, OPEN, OPEN)  # c' = c = 30, where tanh(c') is exactly 1
    _, vjp = cell(p, np.array([[0.0, 30.0]]), np.ones((1, 1)))
    np.testing.assert_allclose(vjp(np.array([[1.0, 0.0]])).h, [[0, 4 * np.exp(-60)]], rtol=1e-12)
    for keep, sign in (("z", 1), ("1-z", -1)):
        gru = GRU(1, 1, "before", keep)
        q = {"W": np.zeros((1, 3)), "U": np.zeros((1, 3)), "b": np.array([0, sign * 40.0, 0.5])}
        _, vjp = gru(q, np.zeros((1, 1)), np.ones((1, 1)))
        slope = 1 - np.tanh(0.5) ** 2
        np.testing.assert_allclose(
            vjp(np.ones((1, 1))).p["b"], [0, -sign * e * np.tanh(0.5), e * slope], rtol=1e-12
        )


def test_a_bias_per_gate_sweeps():
    cell = LSTM(2, 2)
    assert cell.bias(1, 2, 3, 4).tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    swept = cell.bias(f=np.array([0.5, 1.5]))
    assert swept.tolist() == [[0, 0, f, f, 0, 0, 0, 0] for f in (0.5, 1.5)]
    assert init_params(cell, np.random.default_rng(0), b=lambda rng, shape: swept)["b"].shape == (
        2,
        8,
    )


def call(step, state, inputs, drawn=None):
    """Call ``step`` on ones of these widths, with the parameters of ``drawn`` if that is given."""
    p = init_params(drawn or step, np.random.default_rng(0))
    return lambda: step(p, np.ones((1, state)), np.ones((1, inputs)))


CASES = {
    "LSTM with a state of h alone": (
        call(LSTM(2, 3), 3, 2),
        ValueError,
        r"h of LSTM\(2, 3\): expected last axes \(…, 6\), got shape \(1, 3\)",
    ),
    "b_rec missing": (
        call(GRU(2, 3), 3, 2, drawn=GRU(2, 3, "before")),
        ValueError,
        r"p of GRU\(2, 3, reset after, keep z\): expected a dict with .*'b_rec'",
    ),
    "OneGate with an input it does not take": (
        call(OneGate(3), 3, 2),
        ValueError,
        "x of .*: expected None, as this",
    ),
    "a delay twice": (
        lambda: NARX(2, 3, (2, 2)),
        ValueError,
        r"delays: expected each delay once, got \(2, 2\)",
    ),
    "mask of a step that changes width": (
        call(Masked(Dense(3, 4)), 3, 1),
        ValueError,
        r"inner: expected Dense\(3, 4, tanh\) to return floats with the last axes",
    ),
    "mask left out": (
        call(Masked(RNN(2, 3)), 3, 2),
        ValueError,
        r"x of Masked.*: expected last axes \(…, 3\)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    wrong, error, message = CASES[case]
    with pytest.raises(error, match=message):
        wrong()


ALL_BUT_OPEN = {  # step, its gate, the slope by h
    "one gate": (OneGate(1), {"W2": np.full((1, 1), 50.0)}, -49),  # of σ(−50 h) h
    "highway": (Highway(1), {"b2": np.full(1, 50.0)}, 1),
    "GRU z": (GRU(1, 1, keep="z"), {"b": np.array([0.0, -50.0, 0.0])}, 1),
    "GRU 1-z": (GRU(1, 1, keep="1-z"), {"b": np.array([0.0, 50.0, 0.0])}, 1),
}


@pytest.mark.parametrize("case", ALL_BUT_OPEN)
def test_what_passes_a_gate_that_is_all_but_open_has_all_its_digits(case):
    """``1 − σ(50)`` is 0 in floats; what is kept of the state and of the gradient is e⁻⁵⁰."""
    step, gate, slope = ALL_BUT_OPEN[case]
    p = init_params(step, np.random.default_rng(0), init.zeros) | gate
    out, vjp = step(p, np.ones((1, 1)), None if step.inputs is None else np.zeros((1, 1)))
    assert out.item() == pytest.approx(np.exp(-50), rel=1e-13, abs=0)
    assert vjp(np.ones((1, 1))).h.item() == pytest.approx(slope * np.exp(-50), rel=1e-13, abs=0)


@pytest.mark.parametrize("keep, z", [("z", 50.0), ("1-z", -50.0)])
def test_what_a_gru_writes_past_a_gate_that_keeps_all_but_everything_has_all_its_digits(keep, z):
    cell = GRU(1, 1, keep=keep)
    p = init_params(cell, np.random.default_rng(0), init.zeros) | {"b": np.array([0.0, z, OPEN])}
    out, vjp = cell(p, np.zeros((1, 1)), np.zeros((1, 1)))
    assert out.item() == pytest.approx(np.exp(-50), rel=1e-13, abs=0)  # of a candidate of 1
    slope = -np.sign(z) * np.exp(-50)
    assert vjp(np.ones((1, 1))).p["b"][1] == pytest.approx(slope, rel=1e-13, abs=0)
