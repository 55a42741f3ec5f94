"""The way back through cells and layers.

It is held to PyTorch, to JAX and to closed forms, also with true zeros, with nobody in the batch
and in threads.
"""

import threading

import numpy as np
import pytest

from gradtrace import (
    GRU,
    LSTM,
    RNN,
    Dense,
    backward,
    deep,
    forward,
    init,
    init_params,
    trace,
    unroll,
)

N = 16
CELLS = {"RNN": RNN(4, N), "LSTM": LSTM(4, N), "GRU": GRU(4, N)}


def problem(cell, T=30, B=4, seed=0, **more):
    """Parameters, inputs, a first state and what the loss puts on the last."""
    rng = np.random.default_rng(seed)
    p = init_params(cell, rng, init.orthogonal, **{"b": init.gaussian, **more})
    if "b_rec" in p:
        p["b_rec"] = rng.standard_normal(N)
    state = (B, *cell.features)
    return p, rng.standard_normal((T, B, 4)), rng.standard_normal(state), rng.standard_normal(state)


def in_torch(torch, name, p, x, h0):
    """PyTorch's cell with these weights, and all its states with their gradients retained."""
    order = {"RNN": [0], "LSTM": [0, 1, 3, 2], "GRU": [0, 1, 2]}[name]  # i f g o; r z n

    def rows(a):
        blocks = [a[..., k * N : (k + 1) * N] for k in order]
        return torch.tensor(np.concatenate(blocks, axis=-1).T.copy())

    net = getattr(torch.nn, f"{name}Cell")(4, N, dtype=torch.float64)
    with torch.no_grad():
        net.weight_hh.copy_(rows(p["W"]))
        net.weight_ih.copy_(rows(p["U"]))
        net.bias_ih.copy_(rows(p["b"]))
        net.bias_hh.zero_()
        if name == "GRU":
            net.bias_hh[2 * N :] = torch.tensor(p["b_rec"])
    states = [torch.tensor(h0, requires_grad=True)]
    for x_t in torch.tensor(x):
        if name == "LSTM":
            now = torch.cat(net(x_t, states[-1].split(N, 1)), 1)
        else:
            now = net(x_t, states[-1])
        now.retain_grad()
        states.append(now)
    return net, rows, states


@pytest.mark.parametrize("B", [1, 4])
@pytest.mark.parametrize("name", CELLS)
def test_cells_agree_with_pytorch_in_every_state_and_weight(name, B, oracle):
    torch = oracle("torch")
    cell = CELLS[name]
    p, x, h0, g = problem(cell, B=B)
    h, vjps = forward(unroll(cell, p, x), h0)
    net, rows, states = in_torch(torch, name, p, x, h0)
    (states[-1] * torch.tensor(g)).sum().backward()
    for ours, theirs, back in zip(h, states, backward(vjps, g).h, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(back, theirs.grad.numpy(), rtol=1e-10, atol=1e-12)
    norms = [np.log(state.grad.norm().item()) for state in states]
    np.testing.assert_allclose(trace(vjps, g).log_h, norms, rtol=0, atol=1e-10)
    shared = backward(vjps, g).shared()
    for mine, theirs in (("W", net.weight_hh), ("U", net.weight_ih), ("b", net.bias_ih)):
        np.testing.assert_allclose(
            rows(shared[mine]).numpy(), theirs.grad.numpy(), rtol=1e-10, atol=1e-11
        )


def test_layers_agree_with_pytorch(oracle):
    torch = oracle("torch")
    rng = np.random.default_rng(0)
    layers, params = [Dense(5, 7), Dense(7, 3, "sigmoid"), Dense(3, 4)], []
    params = [init_params(layer, rng, b=init.gaussian) for layer in layers]
    h0, g = rng.standard_normal((6, 5)), rng.standard_normal((6, 4))
    tensors = [
        {name: torch.tensor(value, requires_grad=True) for name, value in p.items()} for p in params
    ]
    h = torch.tensor(h0, requires_grad=True)
    state = h
    for phi, p in zip((torch.tanh, torch.sigmoid, torch.tanh), tensors, strict=True):
        state = phi(state @ p["W"] + p["b"])
    (state * torch.tensor(g)).sum().backward()
    grads = backward(forward(deep(layers, params), h0)[1], g)
    np.testing.assert_allclose(grads.h[0], h.grad.numpy(), rtol=1e-11)
    for ours, theirs in zip(grads.p, tensors, strict=True):
        for name, value in ours.items():
            np.testing.assert_allclose(value, theirs[name].grad.numpy(), rtol=1e-11, atol=1e-14)


def test_an_rnn_agrees_with_jax(oracle):
    jax = oracle("jax")
    jax.config.update("jax_enable_x64", True)
    jnp, cell = jax.numpy, CELLS["RNN"]
    p, x, h0, g = problem(cell)

    def loss(p, h0):
        def step(h, x_t):
            return jnp.tanh(h @ p["W"] + x_t @ p["U"] + p["b"]), None

        return (jax.lax.scan(step, h0, x)[0] * g).sum()

    dp, dh0 = jax.grad(loss, (0, 1))(
        {name: jnp.asarray(value) for name, value in p.items()}, jnp.asarray(h0)
    )
    grads = backward(forward(unroll(cell, p, x), h0)[1], g)
    np.testing.assert_allclose(grads.h[0], np.asarray(dh0), rtol=1e-9, atol=1e-12)
    for name, value in grads.shared().items():
        np.testing.assert_allclose(value, np.asarray(dp[name]), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "phi, factor", [("tanh", np.log(30 * 4) - 60), ("sigmoid", np.log(30) - 30)]
)
def test_saturation_is_not_read_as_zero(phi, factor):
    """``1 - h²`` is exactly 0 here, and φ' is not.

    At a state of 1 and a weight of 30, ln φ'(30) is known.
    """
    p = {"W": np.array([[30.0]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    _, vjps = forward(unroll(RNN(1, 1, phi), p, np.zeros((10, 1, 1))), np.ones((1, 1)))
    assert trace(vjps, np.ones((1, 1))).log_h[0] == pytest.approx(10 * factor, rel=1e-9)


def test_closed_for_a_thousand_steps():
    """With f = σ(-40) and nothing else, ``ln ‖∂L/∂c_0‖ = T ln σ(-40)``: about -40 000."""
    cell, T = LSTM(1, 2), 1000
    p = {"W": np.zeros((2, 8)), "U": np.zeros((1, 8)), "b": cell.bias(f=-40)}
    _, vjps = forward(unroll(cell, p, np.zeros((T, 1, 1))), np.ones((1, 4)))
    log = trace(vjps, np.array([[0.0, 0.0, 1.0, 0.0]])).log_h
    np.testing.assert_allclose(log, -np.arange(T, -1, -1) * np.logaddexp(0, 40), rtol=1e-12)


def test_a_gru_that_keeps_loses_nothing():
    """With keep = σ(90) the gradient passes.

    A state of 1e-20 beside candidates of one is still there.
    """
    cell = GRU(1, 2)
    p = {
        "W": np.zeros((2, 6)),
        "U": np.zeros((1, 6)),
        "b": np.array([0, 0, 90, 90, 20, 20.0]),
        "b_rec": np.zeros(2),
    }
    h, vjps = forward(unroll(cell, p, np.zeros((50, 1, 1))), np.full((1, 2), 1e-20))
    np.testing.assert_allclose(h[-1], 1e-20, rtol=1e-12)
    np.testing.assert_allclose(trace(vjps, np.array([[1.0, 0.0]])).log_h, 0, atol=1e-12)


def test_a_gradient_that_vanished_far_below_the_range_and_a_loss_that_joins_it():
    """Each loss by itself makes a straight line.

    Together they make the larger of the two, wherever these are far apart.
    """
    cell, T = LSTM(1, 1), 200
    p = {"W": np.zeros((1, 4)), "U": np.zeros((1, 4)), "b": cell.bias(f=-12.0)}
    _, vjps = forward(unroll(cell, p, np.zeros((T, 1, 1))), np.ones((1, 2)))
    g = np.array([[0.0, 1.0]])
    log = trace(vjps, [g if t in (13, T) else None for t in range(T + 1)]).log_h
    fall = -np.logaddexp(0, 12)
    expected = [fall * (T - t) if t > 13 else fall * (13 - t) for t in range(T + 1)]
    assert log[14] < -2000
    np.testing.assert_allclose(log, expected, rtol=1e-12)


@pytest.mark.parametrize("B", [1, 3])
def test_true_zeros_are_minus_infinity(B):
    cell = RNN(4, N, "relu")
    p, x, h0, g = problem(cell, B=B)
    dead = {**p, "b": np.full(N, -1e3)}
    assert np.isneginf(trace(forward(unroll(cell, dead, x), h0)[1], g).log_h[:-1]).all()
    nothing = trace(forward(unroll(cell, p, x), h0)[1], 0 * g)
    assert np.isneginf(nothing.log_h).all()
    assert all(np.isneginf(log).all() for log in nothing.log_p.values())


def test_threads_do_not_disturb_each_other():
    cell = CELLS["RNN"]
    runs = [problem(cell, T=60, B=1, seed=seed) for seed in range(4)]

    def walk(p, x, h0, g):
        return trace(forward(unroll(cell, p, x), h0)[1], g).log_h

    alone = [walk(*run) for run in runs]
    wrong = []

    def work(run, expected):
        wrong.extend(1 for _ in range(20) if not np.array_equal(walk(*run), expected))

    threads = [threading.Thread(target=work, args=pair) for pair in zip(runs, alone, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
