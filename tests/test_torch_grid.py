"""The map of a PyTorch model holds the gradients that PyTorch retains, and those of a stack."""

import numpy as np
import pytest
from step_checks import arguments
from torch_nets import (
    EQUAL,
    everything,
    filled,
    interrupted,
    keep_gradient,
    log_norm,
    parts,
    squares,
)

from gradtrace import GRU, LSTM, RNN, forward, stack
from gradtrace import trace as traced_here


def log_norms(g, axis):
    """``ln ‖g‖`` for each place along one axis of a tensor; minus infinity without a gradient."""
    others = [i for i in range(g.dim()) if i != axis]
    return g.double().norm(dim=others).log().numpy()


def retained(states, axis):
    """The rows of a grid from states that have retained their gradients."""
    return np.array([log_norms(h.grad, axis) for h in states])


# --- recurrent modules ---

RECURRENT = {
    "tanh": dict(kind="RNN"),
    "relu": dict(kind="RNN", nonlinearity="relu"),
    "LSTM": dict(kind="LSTM"),
    "GRU": dict(kind="GRU"),
    "LSTM, batch first": dict(kind="LSTM", batch_first=True),
    "GRU, batch first": dict(kind="GRU", batch_first=True),
    "LSTM, no batch": dict(kind="LSTM", batch=None),
    "GRU, no batch, batch first": dict(kind="GRU", batch=None, batch_first=True),
    "LSTM, given start": dict(kind="LSTM", start=True),
    "GRU, given start": dict(kind="GRU", start=True, batch_first=True),
    "LSTM, no batch, given start": dict(kind="LSTM", start=True, batch=None),
    "LSTM, dropout": dict(kind="LSTM", dropout=0.4),
    "tanh, dropout, batch first": dict(kind="RNN", dropout=0.4, batch_first=True),
    "GRU, dropout in evaluation": dict(kind="GRU", dropout=0.4, training=False),
    "LSTM without bias": dict(kind="LSTM", bias=False),
}
LAYERS, T, N_IN, N = 3, 6, 2, 4


def a_recurrent_module(torch, kind, batch=5, start=False, training=True, **options):
    torch.manual_seed(1)
    rnn = getattr(torch.nn, kind)(N_IN, N, num_layers=LAYERS, **options).double().train(training)
    sizes = [] if batch is None else [batch]
    x = torch.randn(T, *sizes, N_IN).double()
    if options.get("batch_first") and sizes:
        x = x.transpose(0, 1).contiguous()
    hx = [torch.randn(LAYERS, *sizes, N).double() for _ in range(2 if kind == "LSTM" else 1)]
    return rnn, x, (tuple(hx) if kind == "LSTM" else hx[0]) if start else None


def cells_of(torch, rnn):
    """PyTorch's cells with the weights of each layer."""
    make = {"LSTM": torch.nn.LSTMCell, "GRU": torch.nn.GRUCell}.get(rnn.mode, torch.nn.RNNCell)
    more = {"nonlinearity": rnn.nonlinearity} if make is torch.nn.RNNCell else {}
    cells = [make(N if l else N_IN, N, bias=rnn.bias, **more).double() for l in range(LAYERS)]
    for l, cell in enumerate(cells):
        for name, p in cell.named_parameters():
            p.data = getattr(rnn, f"{name}_l{l}").data
    return cells


def by_cells(torch, rnn, x, hx, loss_on_top, seed):
    """The rows of the grid from PyTorch's cells in two loops, and the value of the loss."""
    cells, lstm = cells_of(torch, rnn), rnn.mode == "LSTM"
    torch.manual_seed(seed)
    x = x[:, None] if x.dim() == 2 else x.transpose(0, 1) if rnn.batch_first else x
    below = [x_t.clone().requires_grad_() for x_t in x]
    rows = [below]
    for l, cell in enumerate(cells):
        state = [torch.zeros(x.shape[1], N).double() for _ in range(2)][: 1 + lstm]
        if hx is not None:
            state = [part[l].reshape(state[0].shape) for part in (hx if lstm else [hx])]
        state = [part.clone().requires_grad_() for part in state]
        row = [state[0]]
        for x_t in below:
            out = cell(x_t, tuple(state) if lstm else state[0])
            state = [*out] if lstm else [out]
            state[0].retain_grad()
            row.append(state[0])
        rows.append(row)
        below = row[1:]
        if l < LAYERS - 1:
            below = torch.nn.functional.dropout(torch.stack(below), rnn.dropout, rnn.training)
    loss = loss_on_top(torch.stack(rows[-1][1:]))
    loss.backward()
    logs = [[log_norm(h.grad) for h in row] for row in rows]
    return np.array([[np.nan, *logs[0]], *logs[1:]]), loss.item()


@pytest.mark.parametrize("case", RECURRENT)
def test_a_recurrent_module_has_the_gradients_of_cells_in_two_loops(torch, grid, case):
    rnn, x, hx = a_recurrent_module(torch, **RECURRENT[case])
    weights = torch.linspace(-1, 1, T * N).reshape(T, 1, N).double()
    losses = []

    def on_top(h):
        return (weights * h.square()).sum()

    def loss(out):
        top = out[0]
        top = top[:, None] if x.dim() == 2 else top.transpose(0, 1) if rnn.batch_first else top
        losses.append(on_top(top))
        return losses[-1]

    torch.manual_seed(2)
    found = grid(rnn, x if hx is None else (x, hx), loss)
    wanted, value = by_cells(torch, rnn, x, hx, on_top, seed=2)
    torch.manual_seed(2)
    fused = loss(rnn(x, hx))
    assert found.log_h.shape == (LAYERS + 1, T + 1)
    assert np.isnan(found.log_h[0, 0])
    np.testing.assert_allclose(found.log_h, wanted, **EQUAL)
    assert losses[0].item() == pytest.approx(value, rel=1e-12) == pytest.approx(fused.item())
    assert found.axes == ("layer", "step")
    assert found.names == ("input", *(f"{type(rnn).__name__} layer {l}" for l in (1, 2, 3)))
    assert found.notes == ()


def under_pytorchs_names(kind, params):
    """Our parameters of a stack under the names of a PyTorch module."""
    weights = {}
    for l, p in enumerate(params):
        # i, f, o, g to i, f, g, o
        order = [0, 1, 3, 2] if kind == "LSTM" else [*range(p["b"].size // N)]

        def rows(a, order=order):
            pieces = np.split(a, len(order), axis=-1)
            return np.concatenate([pieces[k] for k in order], axis=-1).T

        weights[f"weight_hh_l{l}"] = rows(p["W"])
        weights[f"weight_ih_l{l}"] = rows(p["U"])
        weights[f"bias_ih_l{l}"] = rows(p["b"])
        if kind == "GRU":
            weights[f"bias_hh_l{l}"] = np.r_[np.zeros(2 * N), p["b_rec"]]
    return weights


def same_stacks(torch, kind, scale=1.0, times=1, layers=3):
    """A grid of ours and a module of PyTorch's, with the same weights, inputs and starts."""
    make, rng = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}[kind], np.random.default_rng(5)
    cells = [make(N_IN if l == 0 else N, N) for l in range(layers)]
    params, starts = zip(*[arguments(cell, rng)[:2] for cell in cells], strict=True)
    params = [{name: scale * a for name, a in p.items()} for p in params]
    batch = len(starts[0])
    x = np.concatenate([rng.standard_normal((T, batch, N_IN))] * times)
    model = getattr(torch.nn, kind)(N_IN, N, num_layers=layers)
    filled(torch, model, **under_pytorchs_names(kind, params))
    hx = [
        torch.stack(each) for each in zip(*[parts(torch, kind, h0) for h0 in starts], strict=True)
    ]
    return (
        (stack(cells, params, x), list(starts)),
        (model, (torch.tensor(x), tuple(hx) if kind == "LSTM" else hx[0])),
    )


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_it_is_the_grid_of_a_stack_with_the_same_weights(torch, grid, kind):
    (ours, starts), (model, inputs) = same_stacks(torch, kind)
    h, vjps = forward(ours, starts)
    wanted = traced_here(vjps, [None, *h[-1][1:]])  # of ½ ‖h‖² on the top row
    found = grid(model, inputs, lambda out: squares(out[0]))
    np.testing.assert_allclose(found.log_h, wanted.log_h, **EQUAL)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_distant_past_is_that_of_a_stack(torch, grid, kind):
    """Losses on two states, of gradients that end at 1e-5000 and less, in double precision."""
    (ours, starts), (model, inputs) = same_stacks(torch, kind, scale=1e-30, times=70, layers=2)
    steps = len(inputs[0])
    on = np.zeros(steps + 1)
    on[[steps // 2, steps]] = 1, 1e-3
    h, vjps = forward(ours, starts)
    g = {(2, t): on[t] * np.ones_like(h[2][t]) for t in np.flatnonzero(on)}
    wanted = traced_here(vjps, g).log_h
    found = grid(model, inputs, lambda out: (out[0].sum((1, 2)) * torch.tensor(on[1:])).sum())
    assert kind != "RNN" or wanted[1:].min() < -10_000
    np.testing.assert_allclose(found.log_h, wanted, **EQUAL)
    assert found.notes == ()


def test_a_long_sequence_in_float32_is_that_in_float64(torch, grid):
    rnn, x, _ = a_recurrent_module(torch, "LSTM", dropout=0.2)
    x = torch.cat([x] * 90)
    logs = []
    for kind in (torch.float64, torch.float32):
        torch.manual_seed(3)
        logs.append(grid(rnn.to(kind), x.to(kind), lambda out: out[0][-1].sum()).log_h)
    assert np.nanmin(logs[0]) < -150  # past the range of float32, within that of float64
    np.testing.assert_allclose(logs[1], logs[0], rtol=1e-4, atol=1e-4)


def test_the_whole_gradient_at_what_is_used_elsewhere_too(torch, grid):
    """The input also makes the start and bypasses the module; float32 leaves its range, too."""

    class Around(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lift = torch.nn.Linear(N_IN, N)
            self.rnn = torch.nn.GRU(N, N, num_layers=2)

        def forward(self, x):
            h = self.seen = self.lift(x)
            start = h.mean(0).expand(2, -1, -1)
            return self.rnn(h, start)[0] + h

    torch.manual_seed(4)
    model = Around().double()
    x = torch.randn(T, 3, N_IN).double()

    def loss(out):
        return out[:, :, 0].sum() * 1e-30

    found = grid(model, x, loss)
    out = model(x)
    model.seen.retain_grad()
    loss(out).backward()
    np.testing.assert_allclose(found.log_h[0, 1:], log_norms(model.seen.grad, 0), **EQUAL)
    single = grid(model.float(), x.float(), lambda out: 1e-10 * loss(out))
    np.testing.assert_allclose(single.log_h + 10 * np.log(10), found.log_h, rtol=1e-4, atol=1e-4)


def test_one_start_for_both_parts_of_an_lstm(torch, grid):
    rnn, x, _ = a_recurrent_module(torch, "LSTM")
    z = torch.zeros(LAYERS, 5, N).double()
    apart = grid(rnn, (x, (z, z.clone())), lambda out: squares(out[0]))
    model = torch.nn.Module()
    model.rnn, model.z = rnn, torch.nn.Parameter(z)
    model.forward = lambda x: rnn(x, (model.z, model.z))
    shared = grid(model, x, lambda out: squares(out[0]))
    np.testing.assert_allclose(shared.log_h, apart.log_h, **EQUAL)


def test_a_loss_on_the_last_states_alone(torch, grid):
    rnn, x, _ = a_recurrent_module(torch, "LSTM")
    found = grid(rnn, x, lambda out: squares(out[1][0]))
    (h, _) = rnn(x)[1]
    np.testing.assert_allclose(found.log_h[LAYERS, T], h[-1].norm().log().item(), **EQUAL)
    assert np.isfinite(found.log_h[1:]).all()


# --- blocks ---


def encoder(torch, layer=None, **options):
    torch.manual_seed(6)
    make = layer or torch.nn.TransformerEncoderLayer
    block = make(8, 2, 16, dropout=0.1, **options)
    if make is torch.nn.TransformerDecoderLayer:
        return torch.nn.TransformerDecoder(block, 4).double()
    return torch.nn.TransformerEncoder(block, 4, enable_nested_tensor=False).double()


def blocks_by_hand(model, blocks, inputs, loss, axis, **more):
    """The rows of the grid by hooks on the blocks that retain gradients."""
    states, handles = [], []

    def keep(state):
        if not state.requires_grad:
            state.requires_grad_()
        state.retain_grad()
        states.append(state)

    handles.append(blocks[0].register_forward_pre_hook(lambda block, args: keep(args[0])))
    for block in blocks:
        handles.append(
            block.register_forward_hook(
                lambda block, args, out: keep(out[0] if isinstance(out, tuple) else out)
            )
        )
    loss(model(*(t.clone() for t in inputs), **more)).backward()
    for handle in handles:
        handle.remove()
    model.zero_grad()
    return retained(states, axis)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_an_encoder_has_the_gradients_that_its_blocks_retain(
    torch, grid, norm_first, batch_first, training
):
    model = encoder(torch, norm_first=norm_first, batch_first=batch_first).train(training)
    x = torch.randn(3, 5, 8).double()
    weights = torch.randn(3, 5, 8).double()

    def loss(out):
        return (weights * out).sum()

    state = torch.random.get_rng_state()
    found = grid(model, x, loss)
    torch.random.set_rng_state(state)
    wanted = blocks_by_hand(model, model.layers, [x], loss, 1 if batch_first else 0)
    assert found.log_h.shape == (5, 5 if batch_first else 3)
    np.testing.assert_allclose(found.log_h, wanted, **EQUAL)
    assert found.axes == ("block", "position")
    assert found.names == ("input", "layers.0", "layers.1", "layers.2", "layers.3")
    assert found.notes == ()


def test_an_encoder_without_a_batch(torch, grid):
    model = encoder(torch, batch_first=True).eval()
    x = torch.randn(5, 8).double()
    found = grid(model, x, squares)
    np.testing.assert_allclose(
        found.log_h, blocks_by_hand(model, model.layers, [x], squares, 0), **EQUAL
    )


def test_a_decoder_has_the_gradients_of_its_own_states(torch, grid):
    model = encoder(torch, torch.nn.TransformerDecoderLayer, batch_first=True).eval()
    x, memory = torch.randn(3, 5, 8).double(), torch.randn(3, 7, 8).double()
    found = grid(model, (x, memory), squares)
    assert found.log_h.shape == (5, 5)
    np.testing.assert_allclose(
        found.log_h, blocks_by_hand(model, model.layers, [x, memory], squares, 1), **EQUAL
    )


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_an_encoder_that_asks_whether_there_are_gradients_is_refused(torch, grid):
    """Frozen, it leaves padding out; with gradients it does not."""
    block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = torch.nn.TransformerEncoder(block, 2).eval()
    padding = torch.arange(5) > torch.tensor([[4], [2]])
    x = torch.randn(2, 5, 8)
    assert np.isfinite(grid(model, (x, None, padding), squares).log_h).all()
    model.requires_grad_(False)
    with pytest.raises(
        ValueError, match=r"^layers.0 \(T.*: expected to compute the same in a trace"
    ):
        grid(model, (x, None, padding), squares)


def gpt(torch, width=8, depth=3, tuples=False):
    """A language model as many are written."""

    class Attention(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv = torch.nn.Linear(width, 3 * width)
            self.out = torch.nn.Linear(width, width)

        def forward(self, x):
            q, k, v = self.qkv(x).chunk(3, dim=-1)
            scores = q @ k.transpose(-2, -1) / width**0.5
            future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
            return self.out(scores.masked_fill(future, -torch.inf).softmax(-1) @ v)

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.ln1, self.ln2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
            self.attention = Attention()
            self.mlp = torch.nn.Sequential(
                torch.nn.Linear(width, 2 * width),
                torch.nn.GELU(),
                torch.nn.Linear(2 * width, width),
            )

        def forward(self, x):
            x = x + self.attention(self.ln1(x))
            x = x + self.mlp(self.ln2(x))
            return (x, None) if tuples else x

    class GPT(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = torch.nn.Embedding(11, width)
            self.positions = torch.nn.Embedding(16, width)
            self.blocks = torch.nn.ModuleList(Block() for _ in range(depth))
            self.norm = torch.nn.LayerNorm(width)
            self.head = torch.nn.Linear(width, 11, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, tokens):
            x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
            for block in self.blocks:
                x = block(x)[0] if tuples else block(x)
            return self.head(self.norm(x))

    torch.manual_seed(7)
    return GPT().double()


@pytest.mark.parametrize("tuples", [False, True])
def test_a_language_model_from_its_embedding_to_its_last_block(torch, grid, tuples):
    model = gpt(torch, tuples=tuples)
    tokens = torch.randint(11, (2, 7))

    def loss(out):
        return torch.nn.functional.cross_entropy(out[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

    found = grid(model, tokens, loss)
    assert found.names == ("input", "blocks.0", "blocks.1", "blocks.2")
    assert (found.log_h[:, -1] == -np.inf).all()  # the loss is on all positions but the last
    with np.errstate(divide="ignore"):
        wanted = blocks_by_hand(model, model.blocks, [tokens], loss, 1)
    np.testing.assert_allclose(found.log_h, wanted, **EQUAL)


def test_what_is_behind_a_causal_mask_has_a_gradient_of_zero(torch, grid):
    model = gpt(torch)
    tokens = torch.randint(11, (2, 7))
    found = grid(model, tokens, lambda out: out[:, 4].square().sum())
    np.testing.assert_array_equal(np.isneginf(found.log_h[:-1]), [[False] * 5 + [True] * 2] * 3)
    np.testing.assert_array_equal(np.isfinite(found.log_h[-1]), np.arange(7) == 4)
    assert found.notes == ()


def test_blocks_that_share_their_weights_are_rows_again(torch, grid):
    class Shared(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)

        def forward(self, x):
            self.seen = [x]
            for _ in range(3):
                self.seen.append(self.block(self.seen[-1]))
            return self.seen[-1]

    torch.manual_seed(8)
    model = Shared().double()
    x = torch.randn(2, 5, 8).double()
    found = grid(model, x, squares, steps="block")
    assert found.names == ("input", "block[0]", "block[1]", "block[2]")
    out = model(x.requires_grad_())
    for h in model.seen:
        h.retain_grad()
    squares(out).backward()
    np.testing.assert_allclose(found.log_h, retained(model.seen, 1), **EQUAL)


def test_tokens_have_no_gradient_and_what_follows_has(torch, grid):
    torch.manual_seed(9)
    parts = [torch.nn.Embedding(11, 8), *encoder(torch, batch_first=True).eval().layers]
    model = torch.nn.Sequential(*parts, torch.nn.Linear(8, 3)).double()
    tokens = torch.randint(11, (2, 7))
    found = grid(model, tokens, squares)
    assert found.log_h.shape == (7, 7)
    assert np.isnan(found.log_h[0]).all()
    assert found.notes == (
        "log_h[0], of input, is nan: whole numbers, and no state at all, have no gradient",
    )
    states = []
    for part in model:
        part.register_forward_hook(lambda part, args, out: keep_gradient(out, states))
    squares(model(tokens)).backward()
    np.testing.assert_allclose(found.log_h[1:], retained(states, 1), **EQUAL)


def positionwise(torch, *weights, dtype="float32"):
    """Blocks that multiply each position by a number of its own, ``h_i ← w_i h_i``."""

    class Scale(torch.nn.Module):
        def __init__(self, w):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor(w, dtype=torch.float64)[:, None])

        def forward(self, h):
            return self.w * h

    return torch.nn.Sequential(*map(Scale, weights)).to(getattr(torch, dtype))


# --- past the float range ---


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_positions_fade_and_grow_past_the_range_side_by_side(torch, grid, dtype):
    """Powers of two, so that every dtype has them exactly; the last position is cut off."""
    powers = np.array([-9, -1, 0, 1, 7, -np.inf])
    depth = 200
    model = positionwise(torch, *[2.0**powers] * depth, dtype=dtype)
    x = torch.zeros(1, 6, 1, dtype=getattr(torch, dtype))
    found = grid(model, x, lambda out: out.sum(), batch_first=True)
    above = np.arange(depth, -1, -1)[:, None]
    with np.errstate(invalid="ignore"):
        wanted = np.where(above == 0, 0, above * powers * np.log(2))
    np.testing.assert_allclose(found.log_h, wanted, rtol=1e-12)
    assert found.notes == ()


def test_a_transformer_past_float32_is_that_in_float64(torch, grid):
    """Attention among positions that lie further apart than float32 reaches."""
    torch.manual_seed(10)
    model = gpt(torch, depth=12)
    tokens = torch.randint(11, (2, 7))
    for block in model.blocks:  # no paths around the layers
        block.ln1, block.ln2 = torch.nn.Identity(), torch.nn.Identity()
        block.register_forward_hook(
            lambda block, args, out: (
                1e-6 * (out - args[0]) + args[0] * 10.0 ** -torch.arange(7)[:, None]
            )
        )
    logs = [
        grid(model.to(kind), tokens, lambda out: out[:, 5].sum())
        for kind in (torch.float64, torch.float32)
    ]
    finite = np.isfinite(logs[0].log_h)
    assert logs[0].log_h[finite].min() < -100
    np.testing.assert_array_equal(np.isneginf(logs[1].log_h), ~finite)
    np.testing.assert_allclose(logs[1].log_h[finite], logs[0].log_h[finite], rtol=1e-3, atol=1e-3)


def test_what_bypasses_blocks_past_the_range_is_counted(torch, grid):
    """A net whose early states are also read by late blocks, as in a U-Net."""

    class Bypassed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = torch.nn.ModuleList(torch.nn.Linear(4, 4) for _ in range(12))

        def forward(self, h):
            kept = []
            for b, block in enumerate(self.blocks):
                if b < 6:
                    kept.append(h)
                h = torch.tanh(1e-5 * block(h))
                if b >= 6:
                    h = h + 1e-21 * kept[11 - b]
            return h

    torch.manual_seed(11)
    model, x = Bypassed(), torch.randn(2, 3, 4)
    exact = grid(model.double(), x.double(), lambda out: out.sum())
    found = grid(model.float(), x, lambda out: out.sum())
    bare = 12 * np.log(1e-5)
    assert exact.log_h.min() < np.log(1e-38)
    assert exact.log_h[0].max() > bare + 10  # the ways around are the wider ones
    np.testing.assert_allclose(found.log_h, exact.log_h, rtol=1e-4)


def scales(torch, *sizes):
    """One block that multiplies its first position by all of these, one after another."""
    return positionwise(torch, *[[size, 1.0] for size in sizes])


@pytest.mark.parametrize(
    "sizes", [(1e-25, 1e-25), (1e-25, 1e-25, 1e20), (1e25, 1e25), (1e30, 1e30, 1e-10)]
)
def test_what_a_block_loses_within_itself_is_found_with_another_seed(torch, grid, sizes):
    model = torch.nn.Sequential(scales(torch, 1.0), scales(torch, *sizes), scales(torch, 1.0))
    found = grid(model, torch.zeros(1, 2, 1), lambda out: out.sum(), steps=[*model])
    product = np.sum(np.log(sizes))
    np.testing.assert_allclose(found.log_h[:, 0], [product, product, 0, 0], rtol=1e-6)
    np.testing.assert_array_equal(found.log_h[:, 1], 0)
    assert found.notes == ()


@pytest.mark.parametrize("sizes", [(1e-25, 1e-25, 1e-26), (1e30, 1e30, 1e30)])
def test_what_no_seed_saves_is_nan_with_a_note(torch, grid, sizes):
    model = torch.nn.Sequential(scales(torch, 1.0), scales(torch, *sizes), scales(torch, 1.0))
    found = grid(model, torch.zeros(1, 2, 1), lambda out: out.sum(), steps=[*model])
    np.testing.assert_array_equal(found.log_h, [[np.nan, 0], [np.nan, 0], [0, 0], [0, 0]])
    assert found.notes == tuple(
        f"log_h[{b}], of {name}, is nan in 1 of 2 columns: it left the float range within one cell"
        " or block (model.double() has more range)"
        for b, name in ((0, "input"), (1, "0"))
    )


def chain_of(torch, do, depth=12):
    """Blocks ``do(linear, h)`` in float32, whose gradients fade past its range."""

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 4)

        def forward(self, h):
            return do(self.linear, h)

    torch.manual_seed(12)
    return torch.nn.Sequential(*[Block() for _ in range(depth)])


def fades(linear, h):
    return 1e-5 * linear(h).tanh()


def fades_in_place(linear, h):
    h.mul_(1e-5)
    return linear(h).sin()


def test_a_state_that_is_changed_in_place_past_the_range_is_nan_with_a_note(torch, grid):
    model, x = chain_of(torch, fades_in_place), torch.randn(2, 3, 4)
    found = grid(model, x, lambda out: out.sum())
    exact = grid(model.double(), x.double(), lambda out: out.sum())
    assert exact.notes == ()
    within = exact.log_h > np.log(1e-30)
    np.testing.assert_allclose(found.log_h[within], exact.log_h[within], rtol=1e-4)
    assert np.isnan(found.log_h[exact.log_h < np.log(1e-38)]).all()
    assert found.notes[0] == (
        "log_h[0], of input, is nan in 3 of 3 columns: it, or what it is made of, is zero or past"
        " the float range, which cannot be told apart where a state is changed in place"
        " (model.double() has more range)"
    )


def test_a_hook_that_clips_past_the_range_is_nan_with_a_note(torch, grid):
    model, x = chain_of(torch, fades), torch.randn(2, 3, 4)
    model[-3].register_full_backward_hook(
        lambda block, before, after: (before[0].clamp(-1e-17, 1e-17),)
    )
    found = grid(model, x, lambda out: out.sum())
    assert np.isnan(found.log_h[0]).all()
    assert np.isfinite(found.log_h[-6:]).all()
    assert found.notes[0] == (
        "log_h[0], of input, is nan in 3 of 3 columns: it, or what it is made of, is zero or past"
        " the float range, which cannot be told apart where a hook changes gradients"
        " (model.double() has more range)"
    )


def test_a_hook_beside_true_zeros_leaves_the_norms_as_they_are(torch, grid):
    """With a loss on one position the others have none; what a hook clips is in range."""
    model, x = chain_of(torch, lambda linear, h: linear(h).tanh(), 3), torch.randn(2, 3, 4)
    model[1].register_full_backward_hook(
        lambda block, before, after: (before[0].clamp(-1e-4, 1e-4),)
    )

    def loss(out):
        return 1e-3 * out[:, 1].sum()

    found = grid(model, x, loss)
    with np.errstate(divide="ignore"):
        wanted = blocks_by_hand(model, [*model], [x], loss, 1)
    np.testing.assert_allclose(found.log_h, wanted, rtol=1e-5)
    assert np.isneginf(found.log_h[:, [0, 2]]).all()
    assert found.notes == ()


def test_what_comes_back_into_the_range_has_all_digits(torch, grid):
    """The gradient passes 1e-44, where float32 has a single digit."""
    sizes = [1e20, 2e-22, 2e-22]
    model = torch.nn.Sequential(*[scales(torch, size) for size in sizes])
    found = grid(model, torch.zeros(1, 2, 1), lambda out: out.sum(), steps=[*model])
    wanted = [*np.cumsum(np.log(sizes)[::-1])[::-1], 0]
    np.testing.assert_allclose(found.log_h[:, 0], wanted, rtol=1e-6)


def test_what_a_module_spoils_is_explained_by_its_name(torch, grid):
    model = chain_of(torch, lambda linear, h: (0 * linear(h)).abs().sqrt(), 2)
    found = grid(model, torch.ones(2, 3, 4), squares)
    (anomaly,) = found.anomalies
    assert (anomaly.way, anomaly.kind, anomaly.module) == ("backward", "nan", "1 (Block)")
    assert np.isnan(found.log_h[:2]).all()
    assert (found.log_h[2] == -np.inf).all()
    assert found.coverage == 1


def test_no_grad_and_detach_pass_exactly_nothing(torch, grid):
    def gap(linear, h):
        with torch.set_grad_enabled(linear is not model[1].linear):
            return linear(h.detach() if linear is model[4].linear else h)

    model = chain_of(torch, gap, 8)
    found = grid(model, torch.ones(2, 3, 4), squares)
    assert (found.log_h[:5] == -np.inf).all()
    assert np.isfinite(found.log_h[5:]).all()
    rnn = torch.nn.GRU(2, 4, 2)

    class Frozen(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = rnn, torch.nn.Linear(4, 1)

        def forward(self, x):
            with torch.no_grad():
                h = self.rnn(x)[0]
            return self.head(h)

    found = grid(Frozen(), torch.ones(5, 3, 2), squares)
    assert (found.log_h.ravel()[1:] == -np.inf).all()
    assert found.notes == (
        "rnn ran under torch.no_grad(): it passes no gradient on, which counts as zero, -inf",
    )


def test_recomputed_blocks_are_the_same(torch, grid):
    from torch.utils.checkpoint import checkpoint

    class Saving(torch.nn.Sequential):
        def forward(self, h):
            for block in self:
                h = checkpoint(block, h, use_reentrant=False)
            return h

    model, x = chain_of(torch, lambda linear, h: h + linear(h).tanh(), 3), torch.randn(2, 3, 4)
    wanted = grid(model, x, squares).log_h
    np.testing.assert_array_equal(grid(Saving(*model), x, squares).log_h, wanted)


# --- the model stays as it was ---


def busy(torch, error=None):
    """Models in which a pass changes much: buffers, random numbers, what modules keep."""

    class Busy(torch.nn.Module):
        def __init__(self, body):
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(8)
            self.body, self.head = body, torch.nn.Linear(8, 2)
            self.seen = []

        def forward(self, x):
            self.seen.append(x.shape)
            x = self.norm(x.transpose(1, 2)).transpose(1, 2)
            out = self.body(x)
            if error is not None:
                raise error("forward")
            return self.head(out[0] if isinstance(out, tuple) else out)

    torch.manual_seed(13)
    return {
        "LSTM": lambda: Busy(torch.nn.LSTM(8, 8, 2, dropout=0.5, batch_first=True)),
        "encoder": lambda: Busy(encoder(torch, batch_first=True).float()),
        "past the range": lambda: Busy(
            torch.nn.Sequential(
                *[
                    torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.1))
                    for _ in range(20)
                ]
            )
        ),
    }


@pytest.mark.parametrize("case", ["LSTM", "encoder", "past the range"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("where", ["nowhere", "loss", "forward"])
def test_the_model_is_left_as_it_was(torch, grid, case, training, where):
    model = busy(torch, KeyboardInterrupt if where == "forward" else None)[case]()
    model.train(training)
    model.head.weight.grad = torch.ones(2, 8)
    model.head.bias.requires_grad_(False)
    handle = model.body.register_forward_hook(lambda module, args, out: None)
    for p in model.body.parameters():
        p.data *= 1e-3 if case == "past the range" else 1.0
    x = torch.randn(3, 5, 8)
    before, x_before, changed = everything(torch, model), x.clone(), []

    def loss(out):
        changed.append(everything(torch, model) != before)
        return interrupted(RuntimeError, where)(out) if where == "loss" else squares(out)

    if where == "nowhere":
        found = grid(model, x, loss)
        assert np.isfinite(found.log_h.ravel()[1:]).all()
        assert (found.log_h[0].max() < np.log(1e-38)) == (case == "past the range")
    else:
        with pytest.raises((RuntimeError, KeyboardInterrupt), match=where):
            grid(model, x, loss)
    assert everything(torch, model) == before
    assert model.seen == []
    assert torch.equal(x, x_before)
    assert not x.requires_grad
    assert any(changed) == (training and where != "forward")
    assert len(model.body._forward_hooks) == 1
    handle.remove()


def test_a_grid_inside_no_grad_or_inference(torch, grid):
    rnn, x, _ = a_recurrent_module(torch, "GRU")
    wanted = grid(rnn, x, lambda out: squares(out[0])).log_h
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = grid(rnn, x, lambda out: squares(out[0])).log_h
            np.testing.assert_array_equal(found, wanted)
            assert not torch.is_grad_enabled()


# --- which modules, and which axis ---


def test_the_longest_stack_or_what_is_asked_for(torch, grid):
    model = gpt(torch)
    tokens = torch.randint(11, (2, 7))
    assert grid(model, tokens, squares).names[1:] == ("blocks.0", "blocks.1", "blocks.2")
    two = grid(model, tokens, squares, steps=["blocks.0", "blocks.2"])
    assert two.names == ("input", "blocks.0", "blocks.2")
    chosen = grid(model, tokens, squares, steps=[*model.blocks])
    np.testing.assert_array_equal(two.log_h, chosen.log_h[[0, 2, 3]])
    rnn = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.GRU(2, 3))
    found = grid(rnn, torch.ones(4, 1, 2), lambda out: squares(out[0]))
    assert found.names == ("input", "1 layer 1")


def test_positions_on_the_axis_that_is_said(torch, grid):
    model = chain_of(torch, lambda linear, h: linear(h).tanh(), 3).double()
    x = torch.randn(5, 2, 4).double()

    def loss(out):
        return (out * torch.arange(40.0).reshape(5, 2, 4)).sum()

    found = grid(model, x, loss, batch_first=False)
    assert found.log_h.shape == (4, 5)

    def turned(out):
        return loss(out.transpose(0, 1))

    wanted = grid(model, x.transpose(0, 1), turned)
    np.testing.assert_allclose(found.log_h, wanted.log_h, **EQUAL)


def wrapped(torch, batch_first):
    """A block of one's own around PyTorch's attention."""

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=batch_first)

        def forward(self, h):
            return h + self.attention(h, h, h)[0]

    return torch.nn.Sequential(Block(), Block())


def test_an_attention_of_ones_own_may_have_to_be_explained(torch, grid):
    x = torch.randn(3, 5, 8)
    assert grid(wrapped(torch, True), x, squares).log_h.shape == (3, 5)
    assert grid(wrapped(torch, False), x, squares, batch_first=False).log_h.shape == (3, 3)
    with pytest.raises(
        ValueError,
        match="batch_first: expected True or False, as 0, a Block, holds an attention with"
        " batch_first=False, got None",
    ):
        grid(wrapped(torch, False), x, squares)


# --- bad input ---


def bad_models(torch):
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.GRU(2, 2)

        def forward(self, x):
            return self.rnn(x[:2])[0].sum() + self.rnn(x[2:])[0].sum()

    class Shrinks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torch.nn.Linear(2, 2)

        def forward(self, x):
            for _ in range(2):
                x = self.block(x)[:, 1:]
            return x

    class Several(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torch.nn.Linear(2, 2)

        def forward(self, pair):
            return self.block(pair[0]), pair[1]

    class Packs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.GRU(2, 2)

        def forward(self, x):
            return self.rnn(torch.nn.utils.rnn.pack_sequence([*x]))[0].data

    class Lengths(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.GRU(2, 2), torch.nn.GRU(2, 2)

        def forward(self, x):
            return self.a(x[:2])[0].sum() + self.b(x[2:3])[0].sum()

    layer = torch.nn.TransformerEncoderLayer
    return {
        "blocks": torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)),
        "single": torch.nn.Linear(2, 2),
        "bare": torch.nn.Tanh(),
        "packs": Packs(),
        "twice": Twice(),
        "rnn": torch.nn.LSTM(2, 2),
        "lengths": Lengths(),
        "and more": torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.RNN(2, 2)),
        "cell": torch.nn.GRUCell(2, 2),
        "conv": torch.nn.Sequential(torch.nn.Conv1d(2, 2, 1), torch.nn.Conv1d(2, 2, 1)),
        "shrinks": Shrinks(),
        "pairs": torch.nn.Sequential(Several(), Several()),
        "turned": torch.nn.Sequential(layer(2, 1), layer(2, 1)),
        "mixed": torch.nn.Sequential(layer(2, 1), layer(2, 1, batch_first=True)),
    }


CHAINS = "gradtrace.torch.trace follows any chain of modules"
BAD = {
    "model a function": (dict(model=squares), TypeError, "model: expected a torch.nn.Module, got"),
    "loss a number": (dict(loss=1.0), TypeError, "loss: expected a function of the model's output"),
    "input a list": (
        dict(input=[1.0]),
        TypeError,
        "input: expected a tensor, .* got a list of 1",
    ),
    "batch_first a number": (
        dict(batch_first=1),
        TypeError,
        "batch_first: expected True, False or None, got int 1",
    ),
    "modules a number": (dict(steps=3), TypeError, "steps: expected names, classes or modules"),
    "neither": (
        dict(model="single"),
        ValueError,
        "model: expected a recurrent module, or blocks in a Sequential or ModuleList, got Linear"
        " with neither; say which modules are the steps",
    ),
    "no parameters": (dict(model="bare"), ValueError, "model: expected modules that have param"),
    "packed": (dict(model="packs"), ValueError, "steps: expected a rec.* reads a PackedSequence"),
    "of other lengths": (
        dict(model="lengths"),
        ValueError,
        r"steps: expected as many steps in every recurrent module, got \[2, 1\] in \['a', 'b'\]",
    ),
    "called twice": (
        dict(model="twice"),
        ValueError,
        f"steps: expected one call of rnn, with the whole sequence, got 2 calls; {CHAINS}",
    ),
    "recurrent and more": (
        dict(model="and more", steps=["0", "1"]),
        ValueError,
        r"steps: expected recurrent modules alone, or blocks, got \['0', '1'\]",
    ),
    "cell": (
        dict(model="cell"),
        ValueError,
        "steps: expected an nn.RNN, nn.LSTM or nn.GRU, or blocks, got the cell GRUCell",
    ),
    "the other axis of an RNN": (
        dict(model="rnn", batch_first=True),
        ValueError,
        "batch_first: expected False, as LSTM says, got True",
    ),
    "the other axis of a layer": (
        dict(model="turned", batch_first=True),
        ValueError,
        "batch_first: expected False, as 0 says, got True",
    ),
    "two axes": (
        dict(model="mixed"),
        ValueError,
        r"steps: expected blocks with the same batch_first, got \['0', '1'\]",
    ),
    "channels": (
        dict(model="conv"),
        ValueError,
        "steps: expected blocks whose states are .batch, positions, width., got 0, a Conv1d,",
    ),
    "no positions": (
        dict(input=(4, 2)),
        ValueError,
        r"steps: expected blocks whose state is one tensor \(batch, positions, width\), got shape"
        rf" \(4, 2\) for what 0 reads; choose other steps; {CHAINS}",
    ),
    "images": (dict(input=(4, 3, 3, 2)), ValueError, r"got shape \(4, 3, 3, 2\) for what 0 reads"),
    "pairs": (dict(model="pairs"), ValueError, "got 2 tensors for what 0 reads"),
    "other lengths": (
        dict(model="shrinks", steps="block"),
        ValueError,
        r"steps: expected as many samples and positions in every state, got \(4, 3\) for what"
        r" block\[0\] reads, but \(4, 2\) for what block\[1\] reads; choose other steps",
    ),
    "no time": (
        dict(model="rnn", input=(0, 3, 2)),
        ValueError,
        "at least one time step, got shape",
    ),
    "a vector": (dict(model="rnn", input=(2,)), ValueError, "at least one time step, got shape"),
    "loss of nothing": (
        dict(loss=lambda out: out.detach().sum()),
        ValueError,
        "loss: expected a number that depends on the model",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(torch, grid, case):
    change, error, message = BAD[case]
    models = bad_models(torch)
    known = {"model": "blocks", "input": (4, 3, 2), "loss": squares} | change
    if isinstance(known["model"], str):
        known["model"] = models[known["model"]]
    if isinstance(known["input"], tuple):
        known["input"] = torch.ones(known["input"])
    if known["model"] is models["pairs"]:
        known["input"] = ((known["input"], known["input"]),)
    before = everything(torch, known["model"]) if known["model"] is not squares else None
    with pytest.raises(error, match=message) as raised:
        grid(**known)
    assert "\n" not in str(raised.value)
    if before is not None:
        assert everything(torch, known["model"]) == before
