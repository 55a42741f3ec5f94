"""A PyTorch model runs under a trace exactly as without: the plain model is the oracle."""

import copy
import random
from collections import UserDict, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
from torch_nets import EQUAL, log_norm, squares

# --- inputs as people have them ---


@dataclass
class Batch:
    x: object
    scale: object


Pair = namedtuple("Pair", "x scale")


def reader(torch, unpack):
    """Two layers, of which ``unpack`` finds the input and a factor."""

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(3, 3) for _ in range(2))

        def forward(self, *args, **kwargs):
            x, scale = unpack(*args, **kwargs)
            for layer in self.layers:
                x = scale * torch.tanh(layer(x))
            return x

    torch.manual_seed(0)
    return Reader().double()


def by_name(x, scale):
    return x, scale


INPUTS = {
    "two arguments": (by_name, lambda x, s: (x, s)),
    "keywords": (by_name, lambda x, s: {"scale": s, "x": x}),
    "a library's batch": (by_name, lambda x, s: UserDict(x=x, scale=s)),
    "one dict": (lambda batch: (batch["x"], batch["scale"]), lambda x, s: ({"x": x, "scale": s},)),
    "a dataclass": (lambda batch: (batch.x, batch.scale), Batch),
    "a named tuple": (lambda batch: (batch.x, batch.scale), Pair),
    "a list in a tuple": (lambda batch: batch, lambda x, s: ([x, s],)),
}


@pytest.mark.parametrize("case", INPUTS)
def test_an_input_in_any_form_gives_the_same_trace(torch, trace, case):
    unpack, pack = INPUTS[case]
    model = reader(torch, unpack)
    x, scale = torch.randn(4, 3).double(), torch.tensor(0.7).double()
    log = trace(model, pack(x, scale), squares)
    h = x.clone().requires_grad_()
    squares(reader(torch, by_name)(h, scale)).backward()
    assert not x.requires_grad
    np.testing.assert_allclose(log.log_h[0], log_norm(h.grad), **EQUAL)


def test_a_mapping_is_one_argument_where_forward_does_not_know_its_keys(torch, trace):
    class Takes(torch.nn.Sequential):
        def forward(self, batch):
            return super().forward(batch["x"])

    x = torch.ones(2, 3)
    model = Takes(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    log = trace(model, {"x": x}, squares)
    wanted = trace(torch.nn.Sequential(*model), x, squares)
    np.testing.assert_array_equal(log.log_h, wanted.log_h)


@pytest.mark.parametrize("form", ["the loss itself", "a field", "a key"])
def test_a_model_may_compute_its_loss(torch, trace, form):
    Output = namedtuple("Output", "loss logits")

    class Learns(torch.nn.Sequential):
        def forward(self, x, labels):
            out = super().forward(x)
            loss = torch.nn.functional.mse_loss(out, labels)
            if form == "the loss itself":
                return loss
            return Output(loss, out) if form == "a field" else {"loss": loss, "logits": out}

    torch.manual_seed(1)
    model = Learns(torch.nn.Linear(3, 3), torch.nn.Linear(3, 2)).double()
    x, labels = torch.randn(4, 3).double(), torch.randn(4, 2).double()
    log = trace(model, {"x": x, "labels": labels})
    wanted = trace(
        torch.nn.Sequential(*model), x, lambda out: torch.nn.functional.mse_loss(out, labels)
    )
    np.testing.assert_array_equal(log.log_h, wanted.log_h)


def test_without_a_loss_anywhere_it_says_so(torch, trace):
    class Gives(torch.nn.Sequential):
        def forward(self, x):
            return {"logits": super().forward(x), "loss": None}

    with pytest.raises(
        TypeError, match=r"loss: expected a function of the model's output, as that"
    ):
        trace(Gives(torch.nn.Linear(2, 2)), torch.ones(1, 2))


# --- wrappers ---


def plain_net(torch):
    torch.manual_seed(2)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3), torch.nn.Tanh(), torch.nn.Linear(3, 3)
    )


def assert_same_trace(log, wanted):
    np.testing.assert_array_equal(log.log_h, wanted.log_h)
    assert log.names == wanted.names
    assert set(log.log_p) == set(wanted.log_p)
    for name, logs in wanted.log_p.items():
        np.testing.assert_array_equal(log.log_p[name], logs)


def test_data_parallel_models_are_those_inside(torch, trace):
    model, x = plain_net(torch), torch.randn(5, 3)
    wanted = trace(model, x, squares)
    assert_same_trace(trace(torch.nn.DataParallel(model), x, squares), wanted)
    inside = torch.nn.Sequential(*[torch.nn.DataParallel(layer) for layer in model])
    assert_same_trace(trace(inside, x, squares), wanted)


def test_one_rank_of_a_distributed_model_waits_for_no_other(torch, trace, tmp_path):
    """Batch norm's buffers are broadcast by every forward pass of the wrapper, but not here."""
    dist = torch.distributed
    if not dist.is_available():
        pytest.skip("this PyTorch is built without torch.distributed")
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    try:
        model, x = plain_net(torch), torch.randn(5, 3)
        wanted = trace(model, x, squares)
        parallel = torch.nn.parallel.DistributedDataParallel(model)

        def forward(*args):
            raise AssertionError("the wrapper was called")

        parallel.forward = forward
        assert_same_trace(trace(parallel, x, squares), wanted)
    finally:
        dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore")  # of the compiler's own
@pytest.mark.parametrize("way", ["the model", "its layers", "in place", "its layers in place"])
def test_compiled_models_are_those_inside(torch, trace, way):
    model, x = plain_net(torch), torch.randn(5, 3)
    wanted = trace(model, x, squares)
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph

    compiled = model
    if way == "the model":
        compiled = torch.compile(model, backend=backend, fullgraph=True)
    elif way == "its layers":
        layers = [torch.compile(layer, backend=backend, fullgraph=True) for layer in model]
        compiled = torch.nn.Sequential(*layers)
    else:
        for module in [model] if way == "in place" else model:
            module.compile(backend=backend)
    assert_same_trace(trace(compiled, x, squares), wanted)
    assert not calls
    squares(compiled(x))
    assert calls or "in place" in way  # so the model is compiled again


def test_what_cannot_be_traced_is_refused_in_one_sentence(torch, trace):
    net = plain_net(torch).eval()
    with pytest.warns(DeprecationWarning):
        script = torch.jit.script(net)
    with pytest.warns(DeprecationWarning):
        traced = torch.jit.trace(net, torch.ones(1, 3))
    for model, who in ((script, "the whole model"), (torch.nn.Sequential(traced), "0")):
        with pytest.raises(
            TypeError,
            match=f"^model: expected modules that Python runs, got TorchScript, {who}; trace the",
        ):
            trace(model, torch.ones(2, 3), squares)
    lazy = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LazyLinear(3))
    with pytest.raises(ValueError, match=r"got lazy ones in 1; call the model once on a batch"):
        trace(lazy, torch.ones(2, 3), squares)


# --- what a pass changes is put back ---


def test_generators_flags_and_gradients_are_as_they_were(torch, trace):
    class Restless(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
            self.of_torch = torch.Generator().manual_seed(1)
            self.of_numpy = np.random.default_rng(1)
            self.idle = torch.nn.Parameter(torch.ones(1))
            self.old = np.random.RandomState(1)
            self.others = [random.Random(1)]

        def draw(self):
            return (
                torch.rand((), generator=self.of_torch).item()
                + self.of_numpy.random()
                + self.old.rand()
                + self.others[0].random()
                + random.random()
                + np.random.rand()  # noqa: NPY002
                + torch.rand(()).item()
            )

        def forward(self, x, given):
            self.b.train(not self.b.training)
            self.idle.requires_grad_(False)
            noise = self.draw() + given.random()
            y = self.b(torch.tanh(self.a(x)) * noise)
            with torch.enable_grad():
                self.a(x.detach()).sum().backward()
            return y

    torch.manual_seed(3)
    model, given = Restless(), np.random.default_rng(4)
    x = torch.randn(4, 3)
    losses = []

    def loss(out):
        losses.append(squares(out).item())
        return squares(out)

    model.draw()
    twin = copy.deepcopy((model, given))
    shared = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    for _ in range(2):
        trace(model, (x, given), loss)
        assert model.b.training
        assert model.idle.requires_grad
        assert model.a.weight.grad is None
        assert model.of_numpy.bit_generator.state == twin[0].of_numpy.bit_generator.state
        assert given.bit_generator.state == twin[1].bit_generator.state
    torch.set_rng_state(shared[0])
    random.setstate(shared[1])
    np.random.set_state(shared[2])  # noqa: NPY002
    losses.append(squares(twin[0](x, twin[1])).item())
    assert len({*losses}) == 1


# --- recurrent modules ---

RECURRENT = {
    "plain": {},
    "two layers": {"num_layers": 2},
    "dropout": {"num_layers": 3, "dropout": 0.4},
    "both ways": {"bidirectional": True},
    "both ways, dropout": {"num_layers": 2, "dropout": 0.4, "bidirectional": True},
    "batch first": {"num_layers": 2, "batch_first": True, "bidirectional": True},
    "projected": {"num_layers": 2, "proj_size": 2},
    "projected, both ways": {"num_layers": 2, "proj_size": 2, "bidirectional": True},
    "without bias": {"bias": False, "num_layers": 2, "proj_size": 2},
}
CASES = [
    (kind, case)
    for kind in ("RNN", "LSTM", "GRU")
    for case in RECURRENT
    if kind == "LSTM" or "proj_size" not in RECURRENT[case]
]
FORMS = ["batch", "alone", "packed", "packed, unsorted", "started"]


def sequence(torch, kind, form, options, dtype):
    """A recurrent module, its arguments, and the lengths of the samples."""
    torch.manual_seed(4)
    rnn = getattr(torch.nn, kind)(3, 4, **options).to(dtype)
    x, lengths = torch.randn(6, 5, 3, dtype=dtype), [6] * 5
    if form == "alone":
        return rnn, (x[:, 0],)
    if "packed" in form:
        lengths = [6, 5, 5, 2, 1] if form == "packed" else [2, 6, 1, 5, 5]
    first = options.get("batch_first", False)
    x = x.transpose(0, 1).contiguous() if first else x
    if "packed" in form:
        pack = torch.nn.utils.rnn.pack_padded_sequence
        return rnn, (pack(x, lengths, batch_first=first, enforce_sorted=form == "packed"),)
    if form == "batch":
        return rnn, (x,)
    rows = rnn.num_layers * (1 + rnn.bidirectional)
    h = torch.randn(rows, 5, rnn.proj_size or 4, dtype=dtype)
    return rnn, (x, (h, torch.randn(rows, 5, 4, dtype=dtype)) if kind == "LSTM" else h)


def all_of(torch, out):
    """Every number that a recurrent module gives out, its tensors one by one."""
    x, end = out
    packed = isinstance(x, torch.nn.utils.rnn.PackedSequence)
    return [x.data if packed else x, *(end if isinstance(end, tuple) else [end])]


def weighted(torch, parts):
    """A loss that every entry moves, each by another amount."""
    return sum(
        (part * torch.linspace(1, 2, part.numel()).reshape(part.shape)).sum() for part in parts
    )


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind, case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_recurrent_module_gives_out_the_same_bits(torch, trace, kind, case, form, dtype):
    rnn, inputs = sequence(torch, kind, form, RECURRENT[case], getattr(torch, dtype))
    seen = []

    def loss(out):
        seen.append([part.detach().clone() for part in all_of(torch, out)])
        return weighted(torch, all_of(torch, out))

    torch.manual_seed(5)
    trace(rnn, inputs, loss)
    wanted = all_of(torch, rnn(*inputs))
    assert len(seen[0]) == len(wanted)
    for part, other in zip(seen[0], wanted, strict=True):
        assert torch.equal(part, other)
        assert part.stride() == other.stride()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind, case", CASES)
def test_the_gradient_at_what_a_recurrent_module_starts_from(torch, trace, kind, case, form):
    """Where steps are of all layers, their first state is the start that PyTorch is given."""
    rnn, inputs = sequence(torch, kind, form, RECURRENT[case], torch.float64)
    if rnn.bidirectional or form == "alone":
        rows, batch = rnn.num_layers * (1 + rnn.bidirectional), () if form == "alone" else (5,)
    else:
        rows, batch = rnn.num_layers, (5,)
    h = torch.randn(rows, *batch, rnn.proj_size or 4).double()
    hx = (h, torch.randn(rows, *batch, 4).double()) if kind == "LSTM" else h
    torch.manual_seed(6)
    log = trace(rnn, (inputs[0], hx), lambda out: weighted(torch, all_of(torch, out)))
    starts = [part.clone().requires_grad_() for part in (hx if kind == "LSTM" else [hx])]
    torch.manual_seed(6)
    weighted(
        torch, all_of(torch, rnn(inputs[0], tuple(starts) if kind == "LSTM" else starts[0]))
    ).backward()
    if not rnn.bidirectional:
        norms = torch.stack([part.grad.norm() for part in starts])
        np.testing.assert_allclose(log.log_h[0], log_norm(norms), **EQUAL)
        assert log.names == tuple(f"{kind}[{t}]" for t in range(6))
        return
    ways = [f"l{layer}{way}" for layer in range(rnn.num_layers) for way in ("", "_reverse")]
    names = [
        f"{kind}.{way}[{t}]"
        for way in ways
        for t in (range(6) if "reverse" not in way else range(5, -1, -1))
    ]
    assert log.names == tuple(names)
    for row in range(rows):
        norms = torch.stack([part.grad[row].norm() for part in starts])
        np.testing.assert_allclose(log.log_h[6 * row], log_norm(norms), **EQUAL)


@pytest.mark.parametrize("form", ["batch", "packed, unsorted"])
@pytest.mark.parametrize("kind, case", CASES)
def test_the_shares_of_a_recurrent_module_add_up_to_its_gradient(torch, trace, kind, case, form):
    """With one step they are its gradient; the norm of a sum is no longer than all norms."""
    rnn, inputs = sequence(torch, kind, form, RECURRENT[case], torch.float64)

    def loss(out):
        return weighted(torch, all_of(torch, out))

    torch.manual_seed(7)
    log = trace(rnn, inputs, loss)
    torch.manual_seed(7)
    loss(rnn(*inputs)).backward()
    assert set(log.log_p) == {name for name, _ in rnn.named_parameters()}
    for name, p in rnn.named_parameters():
        shares = log.log_p[name][~np.isnan(log.log_p[name])]
        assert len(shares) == 6
        assert log_norm(p.grad) <= np.logaddexp.reduce(shares) + 1e-12
    if form == "batch":
        rnn.zero_grad()
        axis = 1 if rnn.batch_first else 0
        x = inputs[0].narrow(axis, 0, 1)
        torch.manual_seed(7)
        log = trace(rnn, x, loss)
        torch.manual_seed(7)
        loss(rnn(x)).backward()
        for name, p in rnn.named_parameters():
            shares = log.log_p[name][~np.isnan(log.log_p[name])]
            np.testing.assert_allclose(shares, [log_norm(p.grad)], **EQUAL)


@pytest.mark.parametrize("form", ["batch", "packed, unsorted"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_two_directions_are_two_modules_of_which_one_reads_backwards(torch, trace, kind, form):
    """The oracle runs the reverse lane on each sample turned round, and retains gradients."""
    options = {"bidirectional": True}
    rnn, inputs = sequence(torch, kind, form, options, torch.float64)
    log = trace(rnn, inputs, lambda out: weighted(torch, all_of(torch, out)[:1]))
    cells = {"RNN": torch.nn.RNNCell, "LSTM": torch.nn.LSTMCell, "GRU": torch.nn.GRUCell}
    lengths = [6] * 5 if form == "batch" else [2, 6, 1, 5, 5]
    x = inputs[0]
    if form != "batch":
        x = torch.nn.utils.rnn.pad_packed_sequence(x)[0]
    outs, rows = torch.zeros(6, 5, 8).double(), {}
    columns = []
    for b, length in enumerate(lengths):
        pieces = []
        for way in ("", "_reverse"):
            cell = cells[kind](3, 4).double()
            for name, p in cell.named_parameters():
                p.data = getattr(rnn, f"{name}_l0{way}").data
            h = torch.zeros(2, 1, 4).double()
            state = (h[0], h[1]) if kind == "LSTM" else h[0]
            found = {}
            for t in range(length) if not way else range(length - 1, -1, -1):
                state = cell(x[t, b][None], state)
                parts = [*state] if kind == "LSTM" else [state]
                parts = [torch.ops.aten.alias(part) for part in parts]  # c without what h tells it
                state = tuple(parts) if kind == "LSTM" else parts[0]
                for part in parts:
                    part.retain_grad()
                rows.setdefault((way, t), []).extend(parts)
                found[t] = parts[0][0]
            pieces.append(torch.stack([found[t] for t in range(length)]))
        columns.append(torch.nn.functional.pad(torch.cat(pieces, 1), (0, 0, 0, 6 - length)))
    outs = torch.stack(columns, 1)
    if form != "batch":
        outs = torch.nn.utils.rnn.pack_padded_sequence(outs, lengths, enforce_sorted=False).data
    weighted(torch, [outs]).backward()

    def of(way, t):
        grads = [part.grad for part in rows[way, t] if part.grad is not None]  # the last c has none
        return torch.stack([g.norm() for g in grads]).norm().log().item()

    np.testing.assert_allclose(log.log_h[1:6], [of("", t) for t in range(5)], **EQUAL)
    np.testing.assert_allclose(
        log.log_h[7:], [of("_reverse", t) for t in range(5, -1, -1)], **EQUAL
    )


def test_several_recurrent_modules_are_steps_one_after_another(torch, trace):
    class Translates(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.LSTM(3, 4)
            self.decoder = torch.nn.LSTM(2, 4)

        def forward(self, x, y):
            self.passed = self.encoder(x)[1]
            return self.decoder(y, self.passed)[0]

    torch.manual_seed(8)
    model = Translates().double()
    x, y = torch.randn(5, 2, 3).double(), torch.randn(4, 2, 2).double()
    log = trace(model, (x, y), squares)
    names = [f"encoder[{t}]" for t in range(5)] + [f"decoder[{t}]" for t in range(4)]
    assert log.names == tuple(names)
    out = model(x, y)
    for part in model.passed:
        part.retain_grad()
    squares(out).backward()
    passed = torch.stack([part.grad.norm() for part in model.passed]).norm()
    np.testing.assert_allclose(log.log_h[5], passed.log().item(), **EQUAL)
    assert log.notes == ()


def test_what_a_recurrent_module_gives_out_may_be_changed_in_place(torch, trace):
    class Changes(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.LSTM(3, 4, batch_first=True)

        def forward(self, x):
            out, (h, c) = self.rnn(x)
            out += 1
            h.mul_(2)
            return out, h

    torch.manual_seed(9)
    model, x = Changes().double(), torch.randn(2, 5, 3).double()
    losses = []

    def loss(out):
        losses.append(squares(out))
        return losses[-1]

    log = trace(model, x, loss)
    assert losses[0].item() == squares(model(x)).item()
    assert np.isfinite(log.log_h).all()


# --- the grid of recurrent modules ---


@pytest.mark.parametrize("kind, case", CASES)
def test_every_lane_is_a_row_of_the_grid(torch, grid, kind, case):
    """The last row against PyTorch's own gradient of what comes out."""
    options = RECURRENT[case] | {"dropout": 0.0}
    rnn, (x,) = sequence(torch, kind, "batch", options, torch.float64)

    def loss(out):
        return squares(out[0])

    found = grid(rnn, x, loss)
    ways = ["", " reverse"] if rnn.bidirectional else [""]
    layers = range(1, rnn.num_layers + 1)
    assert found.names == ("input", *(f"{kind} layer {l}{way}" for l in layers for way in ways))
    h = x.clone().requires_grad_()
    starts = torch.zeros(rnn.num_layers * len(ways), 5, rnn.proj_size or 4).double()
    starts = starts.requires_grad_()
    c = torch.zeros(len(starts), 5, 4).double()
    out = rnn(h, (starts, c) if kind == "LSTM" else starts)
    loss(out).backward()
    time = 1 if rnn.batch_first else 0
    each = h.grad.movedim(time, 0).flatten(1).norm(dim=1).log()
    np.testing.assert_allclose(found.log_h[0, 1:], each, **EQUAL)
    np.testing.assert_allclose(
        found.log_h[1:, 0], starts.grad.flatten(1).norm(dim=1).log(), **EQUAL
    )


def test_a_pile_of_recurrent_modules_is_one_grid(torch, grid):
    class Pile(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.GRU(3, 4), torch.nn.GRU(4, 4)

        def forward(self, x):
            return self.b(self.a(x)[0])[0]

    torch.manual_seed(10)
    model, whole = Pile().double(), torch.nn.GRU(3, 4, num_layers=2).double()
    for name, p in whole.named_parameters():
        module, of_layer = (model.a, name) if name.endswith("0") else (model.b, name[:-1] + "0")
        p.data = getattr(module, of_layer).data
    x = torch.randn(5, 2, 3).double()
    found = grid(model, x, squares)
    wanted = grid(whole, x, lambda out: squares(out[0]))
    assert found.names == ("input", "a layer 1", "b layer 1")
    np.testing.assert_allclose(found.log_h, wanted.log_h, **EQUAL)
