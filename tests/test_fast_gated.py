"""The fast ways through an unrolled LSTM and GRU agree with the readable loop in everything, and with PyTorch."""

import numpy as np
import pytest
from test_fast_rnn import assert_same, close, close_logs

from gradtrace import GRU, LSTM, backward, draw, forward, trace, unroll
from gradtrace.steps.init import orthogonal
from gradtrace.tracing.fast.wayback import FusedPullbacks
from gradtrace.tracing.path import Path

CELLS = {"LSTM": LSTM} | {f"GRU reset {reset} keep {keep}": lambda n_in, n, r=reset, k=keep: GRU(n_in, n, r, k)
                          for reset in ("after", "before") for keep in ("z", "1-z")}
TOLERANCE = {np.float64: 1e-10, np.float32: 2e-3}
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def problem(make, T=12, n=5, B=3, dtype=np.float64, gain=0.9, seed=0, bias=0.3):
    """A cell, parameters, inputs, first state and gradient."""
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.standard_normal(shape).astype(dtype)
    cell = make(4, n)
    biases = {name: lambda rng, shape: bias * rng.standard_normal(shape) for name in ("b", "b_rec")
              if name in cell.shapes()}
    p = draw(cell, rng, orthogonal, gain=gain, dtype=dtype, **biases)
    return cell, p, normal(T, B, 4), normal(B, *cell.features), normal(B, *cell.features)


def biased(cell, p, **gates):
    """The parameters with these biases for whole gates, by name."""
    names = ("i", "f", "o", "g") if isinstance(cell, LSTM) else ("r", "z", "g")
    b = p["b"].copy()
    for name, value in gates.items():
        b.reshape(-1, cell.n)[names.index(name)] = value
    return {**p, "b": b}


def both(cell, p, x, h0):
    """The fused run and the readable one."""
    fused = forward(unroll(cell, p, x), h0)
    readable = forward(Path(tuple(unroll(cell, p, x))), h0)
    assert isinstance(fused[1], FusedPullbacks) and not isinstance(readable[1], FusedPullbacks)
    return fused, readable


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("T,n,B", [(12, 5, 3), (12, 5, 1), (1, 5, 3), (1, 1, 1), (200, 1, 1), (140, 16, 4),
                                   (20, 48, 20), (7, 3, 300)])
@every_cell
def test_equals_the_readable_loop(cell, T, n, B, dtype):
    *run, g = problem(cell, T, n, B, dtype, gain=0.5 if T > 20 else 0.9)
    assert_same(*both(*run), g, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("T, open_", [(12, 0), (300, -4)])              # -4: long enough to vanish in between
@every_cell
def test_a_loss_on_many_states(cell, T, open_, B, dtype):
    cell, p, x, h0, g = problem(cell, T, B=B, dtype=dtype, gain=0.1 if T > 20 else 0.9)
    if T > 20:
        p = biased(cell, p, **({"f": open_} if isinstance(cell, LSTM) else
                                 {"z": open_ if cell.keep == "z" else -open_}))
    rng = np.random.default_rng(1)
    direct = [rng.standard_normal(g.shape).astype(dtype) if t % 3 == 0 and not T / 4 < t < 3 * T / 4 else None
              for t in range(T + 1)]
    fused, readable = both(cell, p, x, h0)
    assert_same(fused, readable, direct, TOLERANCE[dtype])
    assert_same(fused, readable, [*direct[:-1], None], TOLERANCE[dtype])
    with pytest.raises(ValueError, match=r"g\[3\]: expected the shape"):
        backward(fused[1], [*direct[:3], g[:, :2].copy(), *direct[4:]])


def test_an_lstm_gradient_that_vanishes_far_below_the_range_and_comes_back():
    """The exponent has to be kept for both halves of the state when a loss joins a vanished gradient."""
    cell, p, x, h0, g = problem(LSTM, 148, gain=0.01)
    p = biased(cell, p, f=-12.0)
    direct = [None] * 13 + [g] + [None] * 134 + [g]          # 13: in a block that started with an exponent
    fused, readable = both(cell, p, x, h0)
    assert trace(fused[1], direct).log_h.min() < -700
    assert_same(fused, readable, direct, 1e-10)


@pytest.mark.parametrize("value", [-40.0, 40.0, -300.0])
@pytest.mark.parametrize("gate", ["i", "f", "o", "g"])
def test_saturated_gates_of_an_lstm_keep_their_digits(gate, value):
    cell, p, x, h0, g = problem(LSTM, 6)
    fused, readable = both(cell, biased(cell, p, **{gate: value}), x, h0)
    assert_same(fused, readable, g, 1e-10)
    relative(fused, readable, g)


@pytest.mark.parametrize("value", [-40.0, 40.0, -300.0])
@pytest.mark.parametrize("gate", ["r", "z", "g"])
@pytest.mark.parametrize("cell", list(CELLS.values())[1:], ids=list(CELLS)[1:])
def test_saturated_gates_of_a_gru_keep_their_digits(cell, gate, value):
    cell, p, x, h0, g = problem(cell, 6)
    fused, readable = both(cell, biased(cell, p, **{gate: value}), x, h0)
    assert_same(fused, readable, g, 1e-10)
    relative(fused, readable, g)


def relative(fused, readable, g):
    """Every contribution is right in itself, however small: each gate's block of columns is compared alone."""
    ours, theirs = backward(fused[1], g), backward(readable[1], g)
    n = fused[1].step.n
    for t in range(len(ours.p)):
        for name, value in theirs.p[t].items():
            for start in range(0, value.shape[-1], n):
                a, b = ours.p[t][name][..., start:start + n], value[..., start:start + n]
                np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10 * np.abs(b).max())
                assert np.abs(b).max() > 0


def test_memories_far_into_saturation_keep_their_digits():
    """``tanh'(c)`` at 30: ``1 - tanh²`` would be exactly zero."""
    cell, p, x, h0, g = problem(LSTM, 6)
    h0[:, 5:] *= 30 / np.abs(h0[:, 5:])
    g[:, 5:] = 0
    fused, readable = both(cell, biased(cell, p, f=40.0), x, h0)
    assert_same(fused, readable, g, 1e-10)
    assert trace(fused[1], g).log_p["b"].max() > -60 and (trace(fused[1], g).log_h[:-1] < 0).all()
    for gate in (0, 1, 3):
        ours, theirs = (backward(run[1], g).shared()["b"].reshape(4, 5)[gate] for run in (fused, readable))
        np.testing.assert_allclose(ours, theirs, rtol=1e-8)
        assert (theirs != 0).all()


def test_closed_for_a_thousand_steps():
    """With f = σ(-40) and nothing else, ``ln ‖∂L/∂c_0‖ = T ln σ(-40)``: about -40 000."""
    cell, T = LSTM(1, 2), 1000
    p = {"W": np.zeros((2, 8)), "U": np.zeros((1, 8)), "b": cell.bias(f=-40)}
    _, vjps = forward(unroll(cell, p, np.zeros((T, 1, 1))), np.ones((1, 4)))
    log = trace(vjps, np.array([[0.0, 0.0, 1.0, 0.0]])).log_h
    assert isinstance(vjps, FusedPullbacks)
    np.testing.assert_allclose(log, -np.arange(T, -1, -1) * np.logaddexp(0, 40), rtol=1e-12)


def test_a_gru_that_keeps_loses_nothing():
    """With keep = σ(40) the gradient passes, and a state of 1e-20 beside candidates of one is still there."""
    cell = GRU(1, 2)
    p = {"W": np.zeros((2, 6)), "U": np.zeros((1, 6)), "b": np.array([0, 0, 90, 90, 20, 20.0]), "b_rec": np.zeros(2)}
    h, vjps = forward(unroll(cell, p, np.zeros((50, 1, 1))), np.full((1, 2), 1e-20))
    assert isinstance(vjps, FusedPullbacks)
    np.testing.assert_allclose(h[-1], 1e-20, rtol=1e-12)
    np.testing.assert_allclose(trace(vjps, np.array([[1.0, 0.0]])).log_h, 0, atol=1e-12)


@every_cell
def test_gates_past_the_range_take_the_readable_loop(cell):
    """``e^-a`` overflows at -710, where ``σ`` itself does not underflow yet: those runs are left to the step."""
    cell, p, x, h0, _ = problem(cell)
    for name in ("i", "f", "o") if isinstance(cell, LSTM) else ("r", "z"):
        sign = -1 if name == "z" and cell.keep == "1-z" else 1
        for value, fast in ((-690.0, True), (-740.0, False), (800.0, False)):
            h, vjps = forward(unroll(cell, biased(cell, p, **{name: sign * value}), x), h0)
            assert isinstance(vjps, FusedPullbacks) == fast and np.isfinite(np.array(h)).all()


@pytest.mark.parametrize("size", [1e-300, 1e300])
@every_cell
def test_a_gradient_at_the_edge_of_the_float_range(cell, size):
    *run, g = problem(cell, gain=0.5)
    fused, readable = both(*run)
    ours, theirs = trace(fused[1], size * g), trace(readable[1], size * g)
    close_logs(ours.log_h, theirs.log_h, 1e-10)
    for name in theirs.log_p:
        close_logs(ours.log_p[name], theirs.log_p[name], 1e-10)


def test_gradients_past_the_float_range():
    """``∂h'/∂h`` of a GRU with z near 1 and steep gates is large: norms go on where plain gradients cannot."""
    cell = GRU(1, 1)
    p = {"W": np.array([[0.0, 0.0, 200.0]]), "U": np.zeros((1, 3)), "b": np.array([40.0, -40.0, 0.0]),
         "b_rec": np.zeros(1)}
    fused, readable = both(cell, p, np.zeros((200, 1, 1)), np.zeros((1, 1)))
    g = np.ones((1, 1))
    assert trace(fused[1], g).log_h[0] == pytest.approx(200 * np.log(200), rel=1e-12)
    close_logs(trace(fused[1], g).log_h, trace(readable[1], g).log_h, 1e-9)
    for vjps in (fused[1], readable[1]):
        with pytest.raises(FloatingPointError, match=r"∂L/∂h_66 of 200 overflows float64"):
            backward(vjps, g)


@pytest.mark.parametrize("zero", [False, True])
@every_cell
def test_an_empty_batch_and_a_zero_gradient(cell, zero):
    *run, g = problem(cell, B=3 if zero else 0)
    assert_same(*both(*run), 0 * g, 1e-10)


@every_cell
def test_arguments_stay_as_they_are_and_results_do_too(cell):
    cell, p, x, h0, g = problem(cell)
    before = [a.copy() for a in (*p.values(), x, h0, g)]
    h, vjps = forward(unroll(cell, p, x), h0)
    log, grads = trace(vjps, g), backward(vjps, g)
    expected = np.array(backward(vjps, g).h), backward(vjps, g).x.copy(), backward(vjps, g).shared()
    for now, then in zip((*p.values(), x, h0, g), before, strict=True):
        np.testing.assert_array_equal(now, then)
    for value in (*p.values(), g):                                            # a training step, say
        value *= 0
    np.testing.assert_array_equal(np.array(grads.h), expected[0])
    np.testing.assert_array_equal(log.grads.x, expected[1])
    for name, value in expected[2].items():
        np.testing.assert_array_equal(grads.shared()[name], value)


@every_cell
def test_overflow_names_the_step(cell):
    cell, p, x, h0, _ = problem(cell)
    p["W"][:], p["U"][:] = 1e200, -1e200
    with pytest.raises(FloatingPointError, match=r"step 1 of 12: (LSTM|GRU)"):
        forward(unroll(cell, p, np.full_like(x, 1e200)), np.full_like(h0, 1e200))         # inf - inf


@every_cell
def test_sweeps_take_the_readable_loop(cell):
    cell, p, x, h0, _ = problem(cell)
    _, vjps = forward(unroll(cell, {**p, "W": np.array([p["W"], 2 * p["W"]])}, x), h0)
    assert not isinstance(vjps, FusedPullbacks) and vjps.sweep == 1


@every_cell
def test_bad_arguments_are_named(cell):
    cell, p, x, h0, g = problem(cell)
    with pytest.raises(TypeError, match="dtype in"):
        forward(unroll(cell, p, x.astype(np.float32)), h0)
    with pytest.raises(ValueError, match="h0 of"):
        forward(unroll(cell, p, x), h0[:, :3])
    with pytest.raises(ValueError, match=r"h0 of .* finite"):
        forward(unroll(cell, p, x), np.full_like(h0, np.nan))
    with pytest.raises(ValueError, match="g: expected the shape"):
        trace(forward(unroll(cell, p, x), h0)[1], g[:1])


@pytest.mark.parametrize("B", [1, 8])
def test_an_lstm_agrees_with_pytorch(oracle, B):
    torch = oracle("torch")
    cell, p, x, h0, g = problem(LSTM, 30, 16, B)
    h, vjps = forward(unroll(cell, p, x), h0)
    to_torch = lambda a: np.concatenate([a[..., k * 16:k * 16 + 16] for k in (0, 1, 3, 2)], axis=-1)    # i f g o
    check_with(torch.nn.LSTMCell(4, 16, dtype=torch.float64), torch, p, x, h0, g, h, vjps, to_torch)


@pytest.mark.parametrize("B", [1, 8])
def test_a_gru_agrees_with_pytorch(oracle, B):
    torch = oracle("torch")
    cell, p, x, h0, g = problem(GRU, 30, 16, B)
    h, vjps = forward(unroll(cell, p, x), h0)
    check_with(torch.nn.GRUCell(4, 16, dtype=torch.float64), torch, p, x, h0, g, h, vjps, lambda a: a)


def check_with(net, torch, p, x, h0, g, h, vjps, to_torch):
    """States, the gradient of every state and of every parameter, against a PyTorch cell."""
    lstm = len(h0[0]) > 16
    with torch.no_grad():
        net.weight_hh.copy_(torch.tensor(to_torch(p["W"]).T))
        net.weight_ih.copy_(torch.tensor(to_torch(p["U"]).T))
        net.bias_ih.copy_(torch.tensor(to_torch(p["b"])))
        net.bias_hh.zero_()
        if not lstm:
            net.bias_hh[32:] = torch.tensor(p["b_rec"])
    states = [torch.tensor(h0, requires_grad=True)]
    for x_t in torch.tensor(x):
        now = torch.cat(net(x_t, states[-1].split(16, 1)), 1) if lstm else net(x_t, states[-1])
        now.retain_grad()
        states.append(now)
    (states[-1] * torch.tensor(g)).sum().backward()
    grads = backward(vjps, g)
    close(h, torch.stack(states).detach().numpy(), 1e-10)
    close(np.array(grads.h), torch.stack([state.grad for state in states]).numpy(), 1e-10)
    close_logs(trace(vjps, g).log_h, np.log([state.grad.norm().item() for state in states]), 1e-10)
    ours = grads.shared()
    close(to_torch(ours["W"]), net.weight_hh.grad.numpy().T, 1e-10)
    close(to_torch(ours["U"]), net.weight_ih.grad.numpy().T, 1e-10)
    close(to_torch(ours["b"]), net.bias_ih.grad.numpy(), 1e-10)
    if not lstm:
        close(ours["b_rec"], net.bias_hh.grad.numpy()[32:], 1e-10)
