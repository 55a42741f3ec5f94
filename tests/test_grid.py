"""A stack of recurrent layers on its whole grid, against what is known in other ways."""

import copy
import pickle
from math import comb, lgamma, log

import numpy as np
import pytest

from gradtrace import (
    GRU,
    LSTM,
    NARX,
    RNN,
    Dense,
    LayerNorm,
    Masked,
    OneGate,
    OnInput,
    Residual,
    Seq,
    backward,
    deep,
    forward,
    init_params,
    stack,
    trace,
    unroll,
)

CELLS = {
    "rnn": lambda n_in, n: RNN(n_in, n),
    "narx": lambda n_in, n: NARX(n_in, n, delays=(1, 3)),
    "lstm": lambda n_in, n: LSTM(n_in, n),
    "gru": lambda n_in, n: GRU(n_in, n),
    "one gate": lambda n_in, n: OneGate(n, n_in=n_in),
    "normed": lambda n_in, n: OnInput(LayerNorm(n_in), RNN(n_in, n)),
    "residual in time": lambda n_in, n: Residual(RNN(n_in, n)),
}
N_IN, N, DEPTH, T, BATCH = 2, 4, 3, 6, 2


def a_stack(make, residual=False, sweep=(), dtype=float, seed=0):
    """A grid of three layers, and where its layers start."""
    rng = np.random.default_rng(seed)
    cells = [make(N_IN if l == 0 else N, N) for l in range(DEPTH)]
    params = []
    for cell in cells:
        p = init_params(cell, rng)
        noise = {name: 0.3 * rng.standard_normal((*sweep, *a.shape)) for name, a in p.items()}
        params.append({name: (a + noise[name]).astype(dtype) for name, a in p.items()})
    x = rng.standard_normal((T, *sweep, BATCH, N_IN)).astype(dtype)
    h0 = [rng.standard_normal((*sweep, BATCH, *cell.features)).astype(dtype) for cell in cells]
    return stack(cells, params, x, residual), h0


def loss_of(grid, h0, weights):
    """``Σ weights[l, t] · h[l, t]`` over the places of the weights."""
    h, _ = forward(grid, h0)
    return sum(float((weight * h[l][t]).sum()) for (l, t), weight in weights.items())


def log_binomial(n, k):
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


@pytest.mark.parametrize(
    "depth, steps, u, w",
    [
        (5, 7, 0.5, 0.25),
        (60, 300, 1e-3, 2e-3),
        (40, 500, 10.0, 20.0),
        (200, 5, 1e-3, 2e-3),  # past the range down one column
        (200, 5, 1e3, 1.0),
        (3, 500, 1.0, 1e-3),
    ],
)
def test_scalar_linear_stack_counts_ways(depth, steps, u, w):
    """``l`` layers and ``t`` steps from the corner: C(l + t, t) ways, ``u^l w^t`` each.

    Into a start leads one step in time at the end, out of an input one layer: one way less to turn.
    """
    cell = RNN(1, 1, "identity")
    p = {"W": np.array([[w]]), "U": np.array([[u]]), "b": np.zeros(1)}
    h, vjps = forward(stack(cell, depth * [p], np.zeros((steps, 1, 1))), np.zeros((1, 1)))
    found = trace(vjps, np.ones((1, 1))).log_h
    for l in range(depth + 1):
        for t in range(steps + 1):
            down, back = depth - l, steps - t
            if (l, t) == (0, 0):
                assert np.isnan(found[l, t])
                continue
            if l == 0:
                ways = log_binomial(depth - 1 + back, back)
            elif t == 0:
                ways = log_binomial(down + steps - 1, down)
            else:
                ways = log_binomial(down + back, back)
            assert found[l, t] == pytest.approx(ways + down * log(u) + back * log(w), rel=1e-12)
    if depth == 5:
        plain = backward(vjps, np.ones((1, 1))).h
        assert plain[1][3] == pytest.approx(comb(8, 4) * 0.5**4 * 0.25**4, rel=1e-15)


@pytest.mark.parametrize("kind", CELLS)
def test_one_layer_is_unroll(kind):
    grid, (h0, *_) = a_stack(CELLS[kind])
    layer = grid.layers[0]
    h, vjps = forward(stack([layer.step], [layer.p], grid.x), h0)
    states, path_vjps = forward(unroll(layer.step, layer.p, grid.x), h0)
    g = np.ones((BATCH, N))
    whole = np.zeros_like(states[-1])
    whole[..., :N] = g
    ours, theirs = trace(vjps, g), trace(path_vjps, whole)
    assert (vjps.layers[0].h[-1] == states[-1]).all()
    for mine, path in zip(ours.grads.layers[0].h, theirs.grads.h, strict=True):
        assert (mine == path).all()
    for mine, path in zip(ours.grads.h[0][1:], theirs.grads.x, strict=True):
        assert (mine == path).all()
    for name, value in ours.grads.shared()[0].items():
        assert (value == theirs.grads.shared()[name]).all()
        assert (ours.log_p[0][name] == theirs.log_p[name]).all()
    if layer.step.hidden == layer.step.features:
        assert (ours.log_h[1] == theirs.log_h).all()


def test_one_step_is_deep():
    rng = np.random.default_rng(0)
    cell, x = RNN(N, N), rng.standard_normal((1, BATCH, N))
    params = [init_params(cell, rng) for _ in range(5)]
    h, vjps = forward(stack(cell, params, x), np.zeros((BATCH, N)))
    layers = [{"W": p["U"], "b": p["b"]} for p in params]
    states, deep_vjps = forward(deep(Dense(N, N), layers), x[0])
    ours, theirs = trace(vjps, h[-1][-1]), trace(deep_vjps, states[-1])
    assert ours.log_h[:, 1] == pytest.approx(theirs.log_h, abs=1e-14)
    for mine, layer in zip(ours.grads.shared(), theirs.grads.p, strict=True):
        assert mine["U"] == pytest.approx(layer["W"], rel=1e-13)


@pytest.mark.parametrize("residual", [False, True, [False, False, True]])
@pytest.mark.parametrize("kind", CELLS)
def test_every_gradient_is_that_of_finite_differences(kind, residual):
    """Of every parameter, input and start, with a loss on states all over the grid."""
    grid, h0 = a_stack(CELLS[kind], residual)
    rng = np.random.default_rng(1)
    h, vjps = forward(grid, h0)
    places = [(DEPTH, T), (DEPTH, 2), (2, T), (1, 3), (2, 0), (0, 4)]
    weights = {(l, t): rng.standard_normal(h[l][t].shape) for l, t in places}
    grads = backward(vjps, weights)
    arrays = {("x",): (grid.x, np.stack(grads.h[0][1:]))}
    for l, (layer, shared) in enumerate(zip(grid.layers, grads.shared(), strict=True)):
        arrays |= {(l, name): (layer.p[name], shared[name]) for name in layer.p}
        arrays[l, "h0"] = (h0[l], grads.layers[l].h[0])
    for name, (array, gradient) in arrays.items():
        direction = rng.standard_normal(array.shape)
        slope, step = 0.0, 1e-5
        for sign in (1, -1):
            array += sign * step * direction
            slope += sign * loss_of(grid, h0, weights) / (2 * step)
            array -= sign * step * direction
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-7), name


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("kind", ["rnn", "lstm", "normed"])
def test_a_sweep_is_a_loop(kind, residual):
    grid, h0 = a_stack(CELLS[kind], residual, sweep=(3,))
    _, vjps = forward(grid, h0)
    swept = trace(vjps, vjps.h[-1][-1])
    assert swept.log_h.shape == (DEPTH + 1, T + 1, 3)
    for k in range(3):
        params = [{name: a[k] for name, a in layer.p.items()} for layer in grid.layers]
        alone = stack([layer.step for layer in grid.layers], params, grid.x[:, k], residual)
        _, own = forward(alone, [start[k] for start in h0])
        one = trace(own, own.h[-1][-1])
        assert swept.log_h[..., k] == pytest.approx(one.log_h, abs=1e-12, nan_ok=True)
        for l in range(DEPTH):
            for name in params[l]:
                assert swept.log_p[l][name][..., k] == pytest.approx(one.log_p[l][name], abs=1e-12)


@pytest.mark.parametrize("swept", range(DEPTH))
def test_a_sweep_of_one_layer_reaches_all_rows(swept):
    """Gradients below a layer with several weights are several, its states are not."""
    grid, h0 = a_stack(CELLS["lstm"])
    gains = np.array([0.5, 1.0, 2.0])
    params = [layer.p for layer in grid.layers]
    params[swept] = params[swept] | {"W": gains[:, None, None] * params[swept]["W"]}
    steps = [layer.step for layer in grid.layers]
    _, vjps = forward(stack(steps, params, grid.x), h0)
    places = [(DEPTH, T), (1, 2)]
    log = trace(vjps, {(l, t): np.ones_like(vjps.h[l][t]) for l, t in places})
    assert log.log_h.shape == (DEPTH + 1, T + 1, 3)
    for k, gain in enumerate(gains):
        own = params.copy()
        own[swept] = params[swept] | {"W": gain * grid.layers[swept].p["W"]}
        _, alone = forward(stack(steps, own, grid.x), h0)
        one = trace(alone, {place: np.ones((BATCH, N)) for place in places})
        assert log.log_h[..., k] == pytest.approx(one.log_h, abs=1e-12, nan_ok=True)
        for l in range(DEPTH):
            for name, value in one.grads.shared()[l].items():
                assert log.grads.shared()[l][name][k] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("kind", CELLS)
def test_past_the_float_range_the_map_is_only_shifted(kind, sign):
    """A linear layer on top, times 10^±200, and a loss of 10^±300: no digit below is lost."""
    grid, h0 = a_stack(CELLS[kind], residual=True)
    _, vjps = forward(grid, h0)
    one = np.ones((BATCH, N))
    plain = trace(vjps, one)
    p = {"W": np.zeros((N, N)), "U": 10.0 ** (sign * 200) * np.eye(N), "b": np.zeros(N)}
    steps = [*(layer.step for layer in grid.layers), RNN(N, N, "identity")]
    params = [*(layer.p for layer in grid.layers), p]
    higher = stack(steps, params, grid.x, residual=[False, True, True, False])
    _, vjps = forward(higher, [*h0, np.zeros((BATCH, N))])
    shifted = trace(vjps, 10.0 ** (sign * 300) * one)
    shift = sign * 500 * log(10)
    assert shifted.log_h[: DEPTH + 1] == pytest.approx(plain.log_h + shift, abs=1e-9, nan_ok=True)
    for l in range(DEPTH):
        for name, value in plain.log_p[l].items():
            assert shifted.log_p[l][name] == pytest.approx(value + shift, abs=1e-9)
    if sign > 0:
        with pytest.raises(FloatingPointError, match=r"layer 1 of 4: ∂L/∂h_6 of 6: .* overflow"):
            _ = shifted.grads


def test_a_deep_stack_of_lstms_in_float32_is_that_of_float64():
    """Down one column a gradient leaves float32 long before it leaves float64."""
    rng = np.random.default_rng(0)
    cell, x = LSTM(N, N), rng.standard_normal((2, BATCH, N))
    params = [init_params(cell, rng) for _ in range(60)]
    h0, one = np.zeros((BATCH, 2 * N)), np.ones((BATCH, N))
    _, vjps = forward(stack(cell, params, x), h0)
    wide = trace(vjps, one)
    small = [{name: a.astype(np.float32) for name, a in p.items()} for p in params]
    _, vjps = forward(stack(cell, small, x.astype(np.float32)), h0.astype(np.float32))
    narrow = trace(vjps, one.astype(np.float32))
    assert wide.log_h[0, 2] < -100, "out of float32"
    assert narrow.log_h == pytest.approx(wide.log_h, abs=1e-3, nan_ok=True)
    assert narrow.log_p[0]["U"] == pytest.approx(wide.log_p[0]["U"], abs=1e-3)


@pytest.mark.parametrize("swept", ["x", "h0", "a layer"])
def test_a_residual_sweep_may_begin_late(swept):
    """As many members as there are steps: no axis may be taken for another."""
    grid, h0 = a_stack(CELLS["rnn"], residual=True)
    scales = np.linspace(0.5, 2, T)
    steps, params = [layer.step for layer in grid.layers], [layer.p for layer in grid.layers]

    def at(scale):
        """The grid with one thing scaled, for a number or for all of them."""
        x, starts, layers = grid.x, list(h0), list(params)
        if swept == "x":
            x = np.moveaxis(np.multiply.outer(scale, x), np.ndim(scale), 0)
        if swept == "h0":
            starts[1] = np.multiply.outer(scale, h0[1])
        if swept == "a layer":
            layers[1] = layers[1] | {"W": np.multiply.outer(scale, layers[1]["W"])}
        h, vjps = forward(stack(steps, layers, x, residual=True), starts)
        return h[-1][-1], trace(vjps, np.ones_like(h[-1][-1]))

    end, log = at(scales)
    for k, scale in enumerate(scales):
        own, alone = at(scale)
        assert end[k] == pytest.approx(own, abs=1e-13)
        assert log.log_h[..., k] == pytest.approx(alone.log_h, abs=1e-11, nan_ok=True)


def test_float32_gives_the_same_map():
    grid, h0 = a_stack(CELLS["lstm"], residual=True)
    _, vjps = forward(grid, h0)
    grid32, start32 = a_stack(CELLS["lstm"], residual=True, dtype=np.float32)
    _, vjps32 = forward(grid32, start32)
    one = np.ones((BATCH, N))
    wide, narrow = trace(vjps, one), trace(vjps32, one.astype(np.float32))
    assert narrow.log_h == pytest.approx(wide.log_h, abs=1e-4, nan_ok=True)
    assert narrow.grads.h[0][1].dtype == np.float32


def test_where_no_loss_comes_after_there_is_no_gradient():
    grid, h0 = a_stack(CELLS["gru"])
    _, vjps = forward(grid, h0)
    log = trace(vjps, {(2, 3): np.ones((BATCH, N))}).log_h
    assert (log[3] == -np.inf).all() and (log[:, 4:] == -np.inf).all()
    assert np.isfinite(log[1:3, :4]).all()


def test_a_list_is_a_loss_on_the_highest_layer():
    grid, h0 = a_stack(CELLS["rnn"])
    _, vjps = forward(grid, h0)
    one = np.ones((BATCH, N))
    listed = trace(vjps, [None, one] + (T - 2) * [None] + [one]).log_h
    placed = trace(vjps, {(DEPTH, 1): one, (DEPTH, T): one}).log_h
    assert (listed[1:] == placed[1:]).all()


def test_what_was_handed_out_does_not_change():
    """Changed inputs and parameters leave the pullbacks as they were; states are read-only."""
    grid, h0 = a_stack(CELLS["lstm"], residual=True)
    h, vjps = forward(grid, h0)
    before = trace(vjps, h[-1][-1])
    for array in (grid.x, *h0, *grid.layers[0].p.values()):
        array *= 2
    after = trace(vjps, h[-1][-1])
    assert (before.log_h[1:] == after.log_h[1:]).all()
    for array in (h[0][1], h[1][2], h[-1][-1], before.grads.h[1][2]):
        with pytest.raises(ValueError, match="read-only"):
            array += 1


def test_a_trace_is_pickled_and_pullbacks_are_not():
    grid, h0 = a_stack(CELLS["rnn"])
    _, vjps = forward(grid, h0)
    log = trace(vjps, np.ones((BATCH, N)))
    again = pickle.loads(pickle.dumps(log))
    assert (again.log_h[1:] == log.log_h[1:]).all()
    assert (again.log_p[2]["W"] == log.log_p[2]["W"]).all()
    with pytest.raises(TypeError, match="path to be pickled"):
        pickle.dumps(vjps)
    assert copy.deepcopy(vjps) is vjps


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_against_retained_gradients_of_pytorch(kind):
    """A stacked module of PyTorch, its layers run one by one so that each state can be retained."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    modules = [getattr(torch.nn, kind)(N_IN if l == 0 else N, N).double() for l in range(DEPTH)]
    x = torch.randn(T, BATCH, N_IN, dtype=torch.float64, requires_grad=True)
    whole = getattr(torch.nn, kind)(N_IN, N, num_layers=DEPTH).double()
    for l, module in enumerate(modules):
        for name, value in module.named_parameters():
            getattr(whole, name.replace("l0", f"l{l}")).data = value.data
    below, kept, rows = list(x), [], []
    for module in modules:
        state, row = None, []
        for x_t in below:
            x_t = x_t if x_t.requires_grad else x_t.requires_grad_()
            out, state = module(x_t[None], state)
            h = state[0] if kind == "LSTM" else state
            h.retain_grad()
            kept.append(h)
            row.append(h)
        rows.append(row)
        below = [h[0] for h in row]
    assert torch.allclose(torch.cat([h for h in rows[-1]]), whole(x)[0], atol=1e-12)
    g = torch.randn(BATCH, N, dtype=torch.float64)
    (rows[-1][-1][0] * g).sum().backward()

    cell = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}[kind]
    params = [from_torch(kind, module) for module in modules]
    cells = [cell(N_IN if l == 0 else N, N) for l in range(DEPTH)]
    grid = stack(cells, params, x.detach().numpy())
    _, vjps = forward(grid, [np.zeros((BATCH, *each.features)) for each in cells])
    log = trace(vjps, g.numpy()).log_h
    for l in range(DEPTH):
        theirs = [float(h.grad.norm().log()) for h in rows[l]]
        assert log[l + 1, 1:] == pytest.approx(theirs, abs=1e-10)
    of_inputs = np.log(np.linalg.norm(x.grad.numpy().reshape(T, -1), axis=1))
    assert log[0, 1:] == pytest.approx(of_inputs, abs=1e-10)


def from_torch(kind, module):
    """Parameters of one layer of PyTorch in our order of gates and axes."""
    W, U = module.weight_hh_l0.detach().numpy().T, module.weight_ih_l0.detach().numpy().T
    b_hh, b_ih = module.bias_hh_l0.detach().numpy(), module.bias_ih_l0.detach().numpy()
    if kind == "RNN":
        return {"W": W.copy(), "U": U.copy(), "b": b_ih + b_hh}
    if kind == "LSTM":
        order = np.concatenate([np.arange(k * N, (k + 1) * N) for k in (0, 1, 3, 2)])
        return {"W": W[:, order], "U": U[:, order], "b": (b_ih + b_hh)[order]}
    gates = 2 * N  # r and z: both biases are added; the candidate's stands inside of the reset
    b = np.concatenate([(b_ih + b_hh)[:gates], b_ih[gates:]])
    return {"W": W.copy(), "U": U.copy(), "b": b, "b_rec": b_hh[gates:].copy()}


def of_widths(cells, x, **how):
    """A stack of cells with parameters that fit each of them."""
    rng = np.random.default_rng(0)
    return stack(cells, [init_params(cell, rng) for cell in cells], x, **how)


MISTAKES = {
    "no list": (lambda c, p, x: stack(c, p[0], x), "params: expected a list"),
    "too few": (
        lambda c, p, x: stack([c, c, c], p[:2], x),
        "params: expected one dict for each of 3",
    ),
    "no step": (lambda c, p, x: stack("rnn", p, x), "steps: expected a step or a list"),
    "not a step": (lambda c, p, x: stack([c, 3], p[:2], x), r"steps\[1\]: expected a step"),
    "no input": (
        lambda c, p, x: stack([c, OneGate(N)], p[:2], x),
        r"steps\[1\]: expected a step that takes an input",
    ),
    "widths": (lambda c, p, x: of_widths([c, RNN(N + 1, N)], x), r"steps\[1\]: expected inputs"),
    "x": (lambda c, p, x: stack(c, p, x[..., :1]), "x: expected last axes"),
    "x is short": (lambda c, p, x: stack(c, p, x[:0]), "x: expected at least one"),
    "one layer, residual": (
        lambda c, p, x: stack(c, p[:1], x, residual="yes"),
        "residual: expected",
    ),
    "another shape": (
        lambda c, p, x: forward(of_widths([Seq(c, Dense(N, N + 1))], x[:1]), x[0]),
        "layer 1 of 1: step: expected one that keeps the shape",
    ),
    "residual": (
        lambda c, p, x: stack(c, p, x, residual="yes"),
        "residual: expected True or False",
    ),
    "residuals": (lambda c, p, x: stack(c, p, x, residual=[True]), "residual: expected one entry"),
    "sum": (
        lambda c, p, x: of_widths([RNN(N, N + 1)], x, residual=[True]),
        "residual: expected layers that hand up the shape they read",
    ),
    "starts": (lambda c, p, x: forward(stack(c, p, x), [x[0]]), "h0: expected one state for each"),
    "start": (lambda c, p, x: forward(stack(c, p, x), x[0, :1]), "layer 1 of 3: .*batch"),
    "params": (lambda c, p, x: stack(c, [p[0], {}], x), "layer 2 of 2: p of RNN"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_named(what):
    rng = np.random.default_rng(0)
    cell, x = RNN(N, N), rng.standard_normal((T, BATCH, N))
    params = [init_params(cell, rng) for _ in range(3)]
    call, words = MISTAKES[what]
    with pytest.raises((ValueError, TypeError), match=words):
        call(cell, params, x)


LOSSES = {
    "none": (None, "g: expected"),
    "place": ({(0, 0): np.ones((BATCH, N))}, r"g: expected places \(l, t\)"),
    "far": ({(DEPTH + 1, 1): np.ones((BATCH, N))}, r"g: expected places"),
    "truth": ({(True, True): np.ones((BATCH, N))}, r"g: expected places"),
    "number": ({3: np.ones((BATCH, N))}, r"g: expected places"),
    "list": ([np.ones((BATCH, N))], "g: expected 7 entries"),
    "shape": (np.ones((BATCH, N + 1)), "g: expected the shape"),
    "shape there": ({(1, 1): np.ones((1, N))}, r"g\[1, 1\]: expected the shape"),
    "dtype": (np.ones((BATCH, N), np.float32), "g: expected float64"),
    "nowhere": ({}, r"g: expected a place \(l, t\)"),
    "nan": (np.full((BATCH, N), np.nan), "g: expected finite"),
}


@pytest.mark.parametrize("what", LOSSES)
def test_a_mistaken_loss_is_named(what):
    grid, h0 = a_stack(CELLS["lstm"])
    _, vjps = forward(grid, h0)
    g, words = LOSSES[what]
    for call in (trace, backward):
        with pytest.raises((ValueError, TypeError), match=words):
            call(vjps, g)


def test_an_overflow_is_named_by_its_layer():
    cell = RNN(1, 1, "identity")
    p = {"W": np.array([[1e200]]), "U": np.ones((1, 1)), "b": np.zeros(1)}
    grid = stack(cell, [p | {"W": np.ones((1, 1))}, p], np.ones((4, 1, 1)))
    with pytest.raises(FloatingPointError, match=r"layer 2 of 2: step 3 of 4: .* overflow"):
        forward(grid, np.zeros((1, 1)))


def test_a_residual_sum_that_overflows_is_named():
    cell, x = RNN(1, 1, "identity"), np.full((3, 1, 1), 1.2e308)
    p = {"W": np.zeros((1, 1)), "U": np.ones((1, 1)), "b": np.zeros(1)}
    grid = stack(cell, [p, p, p], x, residual=True)
    words = r"layer 2 of 3: step 1 of 3: residual sum: .* overflow of float64"
    with pytest.raises(FloatingPointError, match=words):
        forward(grid, np.zeros((1, 1)))


def test_a_masked_layer_hands_up_what_its_cell_would():
    rng = np.random.default_rng(0)
    cell = Masked(LSTM(N_IN, N))
    assert cell.hidden == (N,)
    p, x = init_params(cell, rng), rng.standard_normal((T, BATCH, N_IN))
    masked = np.concatenate([x, np.ones((T, BATCH, 1))], axis=-1)
    h0 = np.zeros((BATCH, 2 * N))
    upper = init_params(LSTM(N, N), rng)
    _, with_mask = forward(stack([cell, LSTM(N, N)], [p, upper], masked), h0)
    _, without = forward(stack([LSTM(N_IN, N), LSTM(N, N)], [p, upper], x), h0)
    one = np.ones((BATCH, N))
    assert trace(with_mask, one).log_h[1:] == pytest.approx(trace(without, one).log_h[1:])
