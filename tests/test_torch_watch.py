"""Training under a watch: bit for bit what it is without, and what the watch says is true."""

import contextlib
import copy
import gc
import pickle
import random
import weakref

import numpy as np
import pytest

CLOSE = {"rtol": 1e-5, "atol": 1e-5}  # of norms and their logarithms, taken in float32


@pytest.fixture(scope="module")
def watch(torch):
    import gradtrace.torch

    return gradtrace.torch.watch


# --- runs: each trains a few models for some updates ---


def mlp(torch):
    nn = torch.nn
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


def step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class Run:
    """Models and optimisers, and ``update(k)`` that returns losses."""

    def __init__(self, pairs, update):
        self.pairs, self.update = pairs, update


def plain(torch, model, inputs, loss, optimizer, clip=None, times=1, zero=True):
    """A run of one model: ``inputs(k)`` gives what it reads, ``loss`` takes its output."""
    clip_norm = torch.nn.utils.clip_grad_norm_

    def update(k):
        optimizer.zero_grad(set_to_none=zero)
        losses = []
        for part in range(times):
            out = loss(model(*inputs(k + part)))
            out.backward()
            losses.append(out.item())
        if clip is not None:
            clip_norm(model.parameters(), clip)
        optimizer.step()
        return losses

    return Run([(model, optimizer)], update)


def squares(out):
    out = out[0] if isinstance(out, tuple) else out
    return out.float().pow(2).mean()


def run_mlp(torch, **more):
    model = mlp(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return plain(torch, model, lambda k: [torch.randn(6, 5)], squares, optimizer, **more)


def run_cnn(torch):
    nn = torch.nn
    model = nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True)),
        *(nn.Conv2d(4, 4, 3, padding=1), nn.Dropout(0.3), nn.Flatten(), nn.Linear(64, 2)),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    train = plain(torch, model, lambda k: [torch.randn(4, 3, 4, 4)], squares, optimizer)

    def update(k):
        losses = train.update(k)
        model.eval()
        with torch.no_grad():
            losses.append(squares(model(torch.randn(2, 3, 4, 4))).item())
        losses.append(squares(model(torch.randn(2, 3, 4, 4))).item())
        model.train()
        return losses

    return Run(train.pairs, update)


def run_recurrent(torch, kind="LSTM", raw=True, dtype="float32", **options):
    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.Embedding(9, 5)
            self.rnn = getattr(torch.nn, kind)(5, 6, batch_first=True, **options)
            width = options.get("proj_size", 6) * (1 + options.get("bidirectional", False))
            self.out = torch.nn.Linear(width, 2)

        def forward(self, x):
            return self.out(self.rnn(x if raw else self.words(x))[0][:, -1])

    model = Reader().to(getattr(torch, dtype))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def inputs(k):
        x = torch.randn(3, 7 + k % 2, 5).to(getattr(torch, dtype))
        return [x if raw else torch.randint(9, (3, 7 + k % 2))]

    return plain(torch, model, inputs, squares, optimizer, clip=0.1)


def run_packed(torch):
    from torch.nn.utils.rnn import pack_sequence

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.GRU(5, 6, num_layers=2)

        def forward(self, *x):
            return self.rnn(pack_sequence(x, enforce_sorted=False))[1]

    model = Reader()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    lengths = 3, 6, 2
    return plain(torch, model, lambda k: [torch.randn(n, 5) for n in lengths], squares, optimizer)


def run_cells(torch, kind="GRUCell", times=6):
    class Loop(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = getattr(torch.nn, kind)(4, 4)

        def forward(self, x):
            h = None
            for x_t in x:
                h = self.cell(x_t, h)
            return h[0] if kind == "LSTMCell" else h

    model = Loop()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-2)
    return plain(torch, model, lambda k: [torch.randn(times, 3, 4)], squares, optimizer)


def run_transformer(torch):
    nn = torch.nn
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    model = nn.Sequential(nn.Embedding(11, 8), nn.TransformerEncoder(layer, 3), nn.Linear(8, 11))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    train = plain(torch, model, lambda k: [torch.randint(11, (2, 5))], squares, optimizer)

    def update(k):
        losses = train.update(k)
        scheduler.step()
        return losses

    return Run(train.pairs, update)


def run_gan(torch):
    maker, judge = mlp(torch), torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.Linear(6, 1))
    of_maker = torch.optim.Adam(maker.parameters(), lr=1e-2)
    of_judge = torch.optim.Adam(judge.parameters(), lr=1e-2)

    def update(k):
        fake = maker(torch.randn(4, 5))
        of_judge.zero_grad()
        real = judge(torch.randn(4, 3)).mean()
        real.backward()
        faked = -judge(fake.detach()).mean()
        faked.backward()
        of_judge.step()
        of_maker.zero_grad()
        loss = judge(fake).mean()
        loss.backward()
        of_maker.step()
        return [real.item(), faked.item(), loss.item()]

    return Run([(maker, of_maker), (judge, of_judge)], update)


def run_bfloat16(torch):
    model = mlp(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**20, growth_interval=4)

    def update(k):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = squares(model(torch.randn(6, 5))) * (torch.inf if k == 3 else 1)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        scaler.step(optimizer)
        scaler.update()
        return [loss.item(), scaler.get_scale()]

    return Run([(model, optimizer)], update)


def run_lbfgs(torch):
    model = mlp(torch)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    losses = []

    def update(k):
        x = torch.randn(6, 5)

        def closure():
            optimizer.zero_grad()
            loss = squares(model(x))
            loss.backward()
            losses.append(loss.item())
            return loss

        optimizer.step(closure)
        return losses[-3:]

    return Run([(model, optimizer)], update)


def run_sparse(torch):
    model = torch.nn.Sequential(torch.nn.Embedding(9, 4, sparse=True))
    optimizer = torch.optim.SparseAdam(model.parameters(), lr=1e-2)
    return plain(torch, model, lambda k: [torch.tensor([1, 2, 1, k % 9])], squares, optimizer)


def run_shared(torch):
    """Tied weights, a frozen layer, a layer that is not used, and checkpoints."""
    from torch.utils.checkpoint import checkpoint

    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.Embedding(9, 5)
            self.blocks = torch.nn.ModuleList(torch.nn.Linear(5, 5) for _ in range(3))
            self.unused = torch.nn.Linear(5, 5)
            self.out = torch.nn.Linear(5, 9, bias=False)
            self.out.weight = self.words.weight
            self.blocks[1].requires_grad_(False)

        def forward(self, x):
            h = self.words(x)
            for k, block in enumerate(self.blocks):
                h = h + checkpoint(lambda h, block=block: block(h).tanh(), h, use_reentrant=k == 2)
            return self.out(h)

    model = Tied()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return plain(torch, model, lambda k: [torch.randint(9, (2, 4))], squares, optimizer)


RUNS = {
    "mlp": run_mlp,
    "clipping": lambda torch: run_mlp(torch, clip=0.05),
    "accumulation": lambda torch: run_mlp(torch, times=3, clip=0.05),
    "zeroed": lambda torch: run_mlp(torch, zero=False),
    "cnn": run_cnn,
    "LSTM": run_recurrent,
    "LSTM, two layers, dropout": lambda torch: run_recurrent(torch, num_layers=2, dropout=0.2),
    "LSTM, two directions": lambda torch: run_recurrent(torch, bidirectional=True),
    "LSTM, projections": lambda torch: run_recurrent(torch, proj_size=3),
    "GRU": lambda torch: run_recurrent(torch, "GRU"),
    "GRU, float64": lambda torch: run_recurrent(torch, "GRU", dtype="float64"),
    "RNN": lambda torch: run_recurrent(torch, "RNN", num_layers=2),
    "words": lambda torch: run_recurrent(torch, raw=False),
    "packed": run_packed,
    "GRU cells": run_cells,
    "LSTM cells": lambda torch: run_cells(torch, "LSTMCell"),
    "transformer": run_transformer,
    "GAN": run_gan,
    "bfloat16": run_bfloat16,
    "LBFGS": run_lbfgs,
    "sparse": run_sparse,
    "shared": run_shared,
}


def seed(torch):
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002


def everything(torch, run, losses):
    """All that a run has made, as plain tensors and numbers in order."""
    found = [losses, torch.get_rng_state(), random.getstate(), np.random.get_state()[1]]  # noqa: NPY002
    for model, optimizer in run.pairs:
        found += [*model.state_dict().values(), [p.grad for p in model.parameters()]]
        found.append(optimizer.state_dict())
    leaves = torch.utils._pytree.tree_leaves(found)
    return [leaf.to_dense() if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]


def assert_same_bits(torch, found, wanted):
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        if isinstance(a, torch.Tensor):
            assert torch.equal(a.isnan(), b.isnan())
            assert torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))
        else:
            assert np.array_equal(a, b, equal_nan=isinstance(a, float))


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("name", RUNS)
def test_training_is_bit_for_bit_that_without_a_watch(torch, watch, name, every):
    seed(torch)
    run = RUNS[name](torch)
    wanted = everything(torch, run, [run.update(k) for k in range(12)])
    seed(torch)
    run = RUNS[name](torch)
    with contextlib.ExitStack() as stack:
        logs = [stack.enter_context(watch(*pair, every=every)) for pair in run.pairs]
        found = everything(torch, run, [run.update(k) for k in range(12)])
    assert_same_bits(torch, found, wanted)
    skipped = name == "bfloat16"  # one update, by the scaler
    for log in logs:
        np.testing.assert_array_equal(log.updates, np.arange(0, 12 - skipped, every))


def test_the_comparison_sees_one_bit(torch):
    seed(torch)
    run = run_mlp(torch)
    before = copy.deepcopy(everything(torch, run, [0.5]))
    with torch.no_grad():
        weight = run.pairs[0][0][0].weight
        weight[0, 0] = torch.nextafter(weight[0, 0], torch.tensor(torch.inf))
    with pytest.raises(AssertionError):
        assert_same_bits(torch, everything(torch, run, [0.5]), before)


# --- what it says, beside plain PyTorch ---


def norm(tensors):
    return np.sqrt(sum(float(t.double().pow(2).sum()) for t in tensors))


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("by_value", [False, True])
def test_norms_clipping_and_moves_are_those_of_plain_pytorch(torch, watch, times, zero, by_value):
    seed(torch)
    model = mlp(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    wanted = {"norm": [], "clipped": [], "moved": [], "weight": []}
    with watch(model, optimizer, every=2) as log:
        for _ in range(5):
            optimizer.zero_grad(set_to_none=zero)
            for _ in range(times):
                squares(model(torch.randn(6, 5))).backward()
            before = [p.grad.clone() for p in model.parameters()]
            if by_value:
                for p in model.parameters():
                    p.grad.data.clamp_(-0.01, 0.01)
            else:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
            weights = [p.detach().clone() for p in model.parameters()]
            after = norm(p.grad for p in model.parameters())
            optimizer.step()
            moves = [p.detach() - w for p, w in zip(model.parameters(), weights, strict=True)]
            wanted["norm"].append(norm(before))
            wanted["clipped"].append(1 - after / norm(before))
            wanted["moved"].append(
                [norm([d]) / norm([w]) for d, w in zip(moves, weights, strict=True)]
            )
            wanted["weight"].append(np.log(norm(before[:1])))
    np.testing.assert_allclose(log.norm, wanted["norm"][::2], **CLOSE)
    np.testing.assert_allclose(log.clipped, wanted["clipped"][::2], **CLOSE)
    np.testing.assert_allclose(log.log_p["0.weight"], wanted["weight"][::2], **CLOSE)
    moved = np.array([*log.moved.values()]).T
    np.testing.assert_allclose(moved, wanted["moved"][::2], rtol=1e-4)  # W + ΔW is rounded
    assert [*log.moved] == [name for name, _ in model.named_parameters()]
    assert (np.array(wanted["clipped"]) > 0.01).all()


def test_without_clipping_nothing_is_clipped(torch, watch):
    run = run_mlp(torch, times=2)
    with watch(*run.pairs[0], every=1) as log:
        run.update(0)
    assert log.clipped == pytest.approx(0, abs=1e-6)


def test_a_scaler_leaves_norms_as_they_are(torch, watch):
    for fused in (False, True):
        logs = []
        for scale in (1.0, 2.0**16):
            seed(torch)
            model = mlp(torch)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=fused)
            scaler = torch.amp.GradScaler("cpu", init_scale=scale)
            with watch(model, optimizer, every=1) as log:
                for _ in range(3):
                    optimizer.zero_grad()
                    scaler.scale(squares(model(torch.randn(6, 5)))).backward()
                    if not fused:
                        scaler.unscale_(optimizer)
                        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
                    scaler.step(optimizer)
                    scaler.update()
            logs.append(log)
        np.testing.assert_allclose(logs[0].norm, logs[1].norm, **CLOSE)
        np.testing.assert_allclose(logs[0].clipped, logs[1].clipped, **CLOSE)
        assert (logs[0].clipped > 0.01).all() != fused


def test_an_update_that_a_scaler_skips_is_none(torch, watch):
    run = run_bfloat16(torch)
    with watch(*run.pairs[0], every=1) as log:
        for k in range(5):
            run.update(k)
    assert len(log.updates) == 4 and np.isfinite(log.norm).all()


def test_what_a_parallel_model_does_when_a_pass_ends_is_no_clipping(torch, watch):
    model = mlp(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def mean_over_processes():
        for p in model.parameters():
            p.grad /= 2

    def ready(p):  # DistributedDataParallel queues the end of its reduction so
        torch.autograd.Variable._execution_engine.queue_callback(mean_over_processes)

    with watch(model, optimizer, every=1) as log:
        model[0].weight.register_post_accumulate_grad_hook(ready)
        optimizer.zero_grad()
        squares(model(torch.randn(6, 5))).backward()
        wanted = norm(p.grad for p in model.parameters())
        optimizer.step()
    assert log.norm == pytest.approx(wanted, rel=1e-5)
    assert log.clipped == pytest.approx(0, abs=1e-6)


def test_a_closure_is_heard_at_its_first_call(torch, watch):
    run = run_lbfgs(torch)
    model, optimizer = run.pairs[0]
    seed(torch)
    other = copy.deepcopy(model)
    squares(other(torch.randn(6, 5))).backward()
    seed(torch)
    with watch(model, optimizer, every=1) as log:
        run.update(0)
    assert log.norm == pytest.approx(norm(p.grad for p in other.parameters()), rel=1e-5)
    assert log.clipped == pytest.approx(0, abs=1e-6)


def test_norms_past_the_range_of_squares(torch, watch):
    for size in (1e-30, 1e30):
        model = torch.nn.Linear(3, 1, bias=False)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        with watch(model, optimizer, every=1) as log:
            model(torch.full((1, 3), size)).sum().backward()
            optimizer.step()
        assert log.log_p["weight"] == pytest.approx(np.log(size * np.sqrt(3)))
        assert log.norm == pytest.approx(size * np.sqrt(3))


def test_gradients_that_are_zero_missing_set_by_hand_or_zeroed(torch, watch):
    model = torch.nn.ModuleDict({name: torch.nn.Linear(2, 1, bias=False) for name in "abcd"})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1) as log:
        (model["a"](torch.ones(1, 2)) + 0 * model["b"](torch.ones(1, 2))).sum().backward()
        model["d"](torch.ones(1, 2)).sum().backward()
        model["d"].weight.grad.zero_()
        optimizer.step()
        optimizer.zero_grad()
        model["c"].weight.grad = torch.full((1, 2), 3.0)
        optimizer.step()
    half = np.log(2) / 2
    np.testing.assert_allclose(log.log_p["a.weight"], [half, -np.inf])
    np.testing.assert_allclose(log.log_p["b.weight"], [-np.inf, -np.inf])
    np.testing.assert_allclose(log.log_p["c.weight"], [-np.inf, half + np.log(3)])
    np.testing.assert_allclose(log.log_p["d.weight"], [-np.inf, -np.inf])
    np.testing.assert_allclose(log.clipped, [0, np.nan], atol=1e-6)
    assert log.moved["b.weight"][0] == 0


def test_weights_that_are_zero_move_without_end(torch, watch):
    model = torch.nn.Linear(2, 1)
    torch.nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1) as log:
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    assert log.moved["bias"] == np.inf


def test_a_group_that_is_added_later_has_no_norms_before(torch, watch):
    model = mlp(torch)
    optimizer = torch.optim.SGD(model[4].parameters(), lr=0.1)
    with watch(model, optimizer, every=1) as log:
        for k in range(4):
            if k == 2:
                optimizer.add_param_group({"params": [*model[0].parameters()]})
            optimizer.zero_grad()
            squares(model(torch.randn(6, 5))).backward()
            optimizer.step()
    np.testing.assert_array_equal(np.isnan(log.log_p["0.weight"]), [True, True, False, False])
    assert np.isfinite(log.log_p["4.weight"]).all() and "2.weight" not in log.log_p


def test_a_step_within_a_step_is_one_update(torch, watch):
    class Mine(torch.optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    torch.optim.SGD(mlp(torch).parameters(), lr=0.1)  # PyTorch wraps its step now
    run = run_mlp(torch)
    model, _ = run.pairs[0]
    optimizer = Mine(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1) as log:
        for _ in range(3):
            step(optimizer, squares(model(torch.randn(6, 5))))
    assert [*log.updates] == [0, 1, 2]
    assert log.clipped == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("spikes", [0, 5])
def test_after_an_error_in_a_step_counting_goes_on(torch, watch, spikes):
    class Fails(torch.optim.SGD):
        """With an error in each second step, before it moves anything."""

        steps = 0

        def step(self, closure=None):
            self.steps += 1
            if closure is not None:
                closure()
            if self.steps % 2:
                raise RuntimeError("out of memory")
            super().step()

    model = mlp(torch)
    optimizer, wanted = Fails(model.parameters(), lr=0.1), []
    with watch(model, optimizer, every=2, spikes=spikes) as log:
        for k in range(12):
            optimizer.zero_grad()
            squares(model(torch.randn(6, 5))).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            wanted.append(norm(p.grad for p in model.parameters()))
            try:
                optimizer.step(*[lambda: None] * (k % 3 == 0))
            except RuntimeError:
                wanted.pop()
    assert [*log.updates] == [0, 2, 4]
    found = log.norm * (1 - log.clipped)
    np.testing.assert_allclose(found, wanted[::2], **CLOSE)
    assert (log.clipped > 0.01).all()


def test_within_a_parallel_wrapper_names_are_those_of_the_model(torch, watch):
    inner = mlp(torch)
    model = torch.nn.DataParallel(inner)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1) as log:
        step(optimizer, squares(model(torch.randn(6, 5))))
    assert [*log.log_p] == [name for name, _ in inner.named_parameters()]
    assert np.isfinite(log.norm).all() and np.isfinite(log.log_h[:, 1:]).all()


@pytest.mark.parametrize(
    "how, times", [("wrapped", 1), ("in place", 1), ("known by another name", 2)]
)
def test_a_compiled_model_is_not_compiled_again_and_again(torch, watch, how, times):
    torch.compiler.reset()
    compiled = []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph

    inner = mlp(torch)
    model = inner
    if how == "in place":
        model.compile(backend=backend)
    else:
        model = torch.compile(inner, backend=backend)
    optimizer = torch.optim.SGD(inner.parameters(), lr=0.1)
    watched = inner if how == "known by another name" else model
    with watch(watched, optimizer, every=2) as log:
        for _ in range(20):
            step(optimizer, squares(model(torch.randn(6, 5))))
    assert len(compiled) == times
    assert [*log.log_p] == [name for name, _ in inner.named_parameters()]
    assert np.isfinite(log.norm).all()
    called = "none of the steps 0, 2, 4 was called in the last pass"
    why = called if watched is not model else "the steps 0, 2, 4 are compiled"
    assert log.notes[0].startswith(f"log_h is empty: {why}")


# --- states, beside a trace ---


def once(torch, watch, model, x, loss, **options):
    """The log of one update that moves nothing."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, every=1, **options) as log:
        step(optimizer, loss(model(*x)))
    return log


def chains(torch):
    """``{name: (model, inputs)}``."""
    nn = torch.nn
    cells = run_cells(torch).pairs[0][0]
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    inner = nn.ReLU(inplace=True)

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.W, self.U = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x, h):
            return torch.tanh(self.U(x) + self.W(h))

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = Mine()

        def forward(self, x):
            h = x.new_zeros(x.shape[1:])
            for x_t in x:
                h = self.cell(x_t, h)
            return h

    return {
        "layers": (mlp(torch), [torch.randn(6, 5)]),
        "an activation at the end": (nn.Sequential(mlp(torch), nn.Tanh()), [torch.randn(6, 5)]),
        "in place": (nn.Sequential(nn.Linear(5, 5), inner, nn.Linear(5, 5)), [torch.randn(6, 5)]),
        "blocks": (nn.TransformerEncoder(layer, 3), [torch.randn(2, 4, 8)]),
        "cells": (cells, [torch.randn(6, 3, 4)]),
        "cells of one's own": (Loop(), [torch.randn(6, 3, 4)]),
        "one module again and again": (nn.Sequential(*[nn.Linear(5, 5)] * 4), [torch.randn(6, 5)]),
    }


CHAINS = [
    "layers",
    "an activation at the end",
    "in place",
    "blocks",
    "cells",
    "cells of one's own",
    "one module again and again",
]


@pytest.mark.parametrize("name", CHAINS)
def test_states_are_those_of_a_trace(torch, watch, name):
    from gradtrace.torch import trace

    torch.manual_seed(0)
    model, x = chains(torch)[name]
    steps = type(model.cell) if name == "cells of one's own" else None
    wanted = trace(model, tuple(x), squares, steps=steps)
    log = once(torch, watch, model, x, squares, steps=steps)
    assert log.names == wanted.names and np.isnan(log.log_h[0, 0])
    np.testing.assert_allclose(log.log_h[0, 1:], wanted.log_h[1:], **CLOSE)


def test_a_state_that_nothing_comes_back_to_is_exactly_zero(torch, watch):
    class Cut(torch.nn.Sequential):
        def forward(self, x):
            return self[2](self[1](self[0](x)).detach())

    model = Cut(*[torch.nn.Linear(3, 3) for _ in range(3)])
    log = once(torch, watch, model, [torch.randn(2, 3)], squares, steps=["0", "1", "2"])
    np.testing.assert_array_equal(np.isneginf(log.log_h[0]), [False, True, True, False])


def test_states_are_those_of_the_last_pass_and_evaluation_is_none(torch, watch):
    torch.manual_seed(0)
    model = mlp(torch)
    one, other, third = torch.randn(3, 6, 5)
    wanted = once(torch, watch, model, [other], squares).log_h
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, every=1) as log:
        squares(model(one)).backward()
        loss = squares(model(other))
        with torch.no_grad():
            model(third)
        model(third)
        loss.backward()
        optimizer.step()
    np.testing.assert_array_equal(log.log_h, wanted)
    assert log.names == ("0", "2", "4")


def test_passes_of_several_lengths_stand_in_one_array(torch, watch):
    run = run_recurrent(torch)
    model, _ = run_cells(torch).pairs[0]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, every=1) as log:
        for length in (3, 5):
            step(optimizer, squares(model(torch.randn(length, 2, 4))))
    assert log.log_h.shape == (2, 6) and len(log.names) == 5
    np.testing.assert_array_equal(np.isnan(log.log_h[0]), [True, *3 * [False], True, True])
    with watch(*run.pairs[0], every=1) as log:
        for k in range(2):
            run.update(k)
    np.testing.assert_array_equal(np.isnan(log.log_x["rnn"]).sum(axis=1), [1, 0])


def last_output(out):
    return out[0][-1].pow(2).sum() / 2


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_by_time_a_recurrent_module_gets_the_gradients_of_a_grid(torch, watch, kind, layers, raw):
    from gradtrace.torch import grid

    torch.manual_seed(0)
    net = getattr(torch.nn, kind)(4, 8, layers)
    x = torch.randn(30, 3, 4, requires_grad=not raw)
    wanted = grid(net, (x.detach(),), last_output).log_h[0, 1:]
    log = once(torch, watch, net, [x], last_output)
    np.testing.assert_allclose(log.log_x[kind][0], wanted, **CLOSE)
    assert log.log_h.shape == (1, 0) and log.notes == ()
    assert (x.grad is None) == raw


def test_of_a_packed_sequence_times_are_told_apart(torch, watch):
    from torch.nn.utils.rnn import pack_sequence

    torch.manual_seed(0)
    net = torch.nn.GRU(4, 8)
    packed = pack_sequence([torch.randn(n, 4) for n in (2, 6, 3)], enforce_sorted=False)

    def loss(out):
        return out[1].pow(2).sum()

    data = packed.data.requires_grad_()
    (g,) = torch.autograd.grad(loss(net(packed._replace(data=data))), data)
    wanted = [np.log(norm([part])) for part in g.split(packed.batch_sizes.tolist())]
    log = once(torch, watch, net, [packed._replace(data=data.detach())], loss)
    np.testing.assert_allclose(log.log_x["GRU"][0], wanted, **CLOSE)


def test_in_two_directions_there_is_no_reach(torch, watch):
    net = torch.nn.GRU(4, 8, bidirectional=True)
    log = once(torch, watch, net, [torch.randn(5, 2, 4)], last_output)
    assert log.reach == {} == log.log_x
    assert log.notes == ("log_h is empty: GRU reads in two directions, and hides its states",)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("far", [False, True])
def test_the_reach_is_about_that_of_a_trace(torch, watch, kind, far):
    from gradtrace.torch import trace
    from gradtrace.torch.history import reach

    torch.manual_seed(0)
    net = getattr(torch.nn, kind)(4, 32)
    if far and kind == "LSTM":
        net.bias_ih_l0.data[32:64] += 3
    elif far:
        torch.nn.init.orthogonal_(net.weight_hh_l0)
    x = torch.randn(100, 8, 4)
    wanted = reach(trace(net, (x,), last_output).log_p["weight_hh_l0"])
    found = once(torch, watch, net, [x], last_output).reach[kind]
    assert found == pytest.approx(wanted, abs=3, rel=0.05)
    assert (wanted > 50) == (far and kind == "LSTM")


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
def test_the_reach_of_a_loop_over_cells_is_about_that_of_a_trace(torch, watch, kind):
    from gradtrace.torch import trace
    from gradtrace.torch.history import reach

    torch.manual_seed(0)
    model = run_cells(torch, kind).pairs[0][0]
    x = torch.randn(60, 8, 4)
    wanted = reach(trace(model, x, squares).log_p["weight_hh"])
    log = once(torch, watch, model, [x], squares)
    assert log.reach["cell"] == pytest.approx(wanted, abs=3)
    assert log.log_h.shape == (1, 61)


def test_an_lstm_cell_counts_what_reaches_its_memory_through_its_output(torch, watch):
    torch.manual_seed(0)
    model = run_cells(torch, "LSTMCell").pairs[0][0]
    x = torch.randn(5, 2, 4)
    state, states = None, []
    for x_t in x:
        state = model.cell(x_t, state)
        for part in state:
            part.retain_grad()
        states.append(state)
    squares(state[0]).backward()
    wanted = [np.log(norm(part.grad for part in state)) for state in states[:-1]]
    log = once(torch, watch, model, [x], squares)
    np.testing.assert_allclose(log.log_h[0, 1:-1], wanted, **CLOSE)


def test_a_loss_that_a_module_does_not_reach_has_no_reach(torch, watch):
    net = torch.nn.GRU(4, 8)
    log = once(torch, watch, net, [torch.randn(5, 2, 4)], lambda out: net.bias_hh_l0.sum())
    assert log.reach["GRU"] == 0 and np.isneginf(log.log_x["GRU"]).all()


# --- spikes ---


def test_a_spike_is_found_with_its_batch(torch, watch):
    torch.manual_seed(0)
    model, seen = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Linear(8, 3)), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=1000) as log:
        for k in range(60):
            x = torch.randn(6, 5) * (100 if k == 47 else 1)
            seen.append(x.clone())
            optimizer.zero_grad()
            squares(model(x)).backward()
            wanted = norm(p.grad for p in model.parameters())
            if k == 47:
                at = wanted, np.log(norm([model[1].weight.grad]))
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
            optimizer.step()
            with torch.no_grad():
                model(torch.zeros(6, 5))
    (spike,) = log.spikes
    assert spike.update == 47 and spike.ratio > 5 and not spike.changed
    assert spike.norm == pytest.approx(at[0], rel=1e-5)
    assert spike.log_p["1.weight"] == pytest.approx(at[1], abs=1e-5)
    ((args, kwargs),) = spike.batches
    assert torch.equal(args[0], seen[47]) and kwargs == {}
    assert "update 47: ‖g‖ = " in str(log) and "batch (6, 5)" in str(log)


def test_a_spike_has_all_batches_of_its_update_and_says_if_they_were_changed(torch, watch):
    torch.manual_seed(0)
    model, optimizer = run_mlp(torch).pairs[0]
    one, other = torch.randn(2, 6, 5)
    for writes in (False, True):
        with watch(model, optimizer, every=1000) as log:
            for k in range(30):
                optimizer.zero_grad()
                for x in (one, other):
                    loss = squares(model(x)) * (1000 if k == 25 else 1)
                    loss.backward()
                    if writes:
                        x.add_(0)
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
                optimizer.step()
        (spike,) = log.spikes
        assert torch.equal(spike.batches[0].args[0], one) and len(spike.batches) == 2
        assert spike.changed == writes


def test_the_largest_spikes_are_kept_and_nan_is_one_once(torch, watch):
    sizes = {30: 1e3, 40: 1e5, 50: 1e4, 60: 1e2, 70: np.nan}  # then the weights are nan
    x = torch.randn(6, 5)
    for most, wanted in {0: [], 2: [40, 70], 3: [40, 50, 70], 9: [30, 40, 50, 60, 70]}.items():
        model = mlp(torch)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        with watch(model, optimizer, every=1000, spikes=most) as log:
            for k in range(80):
                step(optimizer, squares(model(x)) * sizes.get(k, 1))
        assert [spike.update for spike in log.spikes] == wanted
    assert str(log.spikes[-1]) == "update 70: ‖g‖ = nan; batch (6, 5)"


@pytest.mark.parametrize("on_its_way", [False, True])
def test_a_norm_that_is_on_its_way_is_judged_later(torch, watch, monkeypatch, on_its_way):
    from gradtrace.torch import spikes

    monkeypatch.setattr(spikes.Waiting, "there", lambda self: not on_its_way)
    model, optimizer = run_mlp(torch).pairs[0]
    optimizer.param_groups[0]["lr"] = 0.0
    watching, sizes = watch(model, optimizer, every=1), {25: 1e3, 29: 1e4}
    with watching as log:
        for k in range(30):
            x = torch.full((6, 5), float(k))
            step(optimizer, squares(model(x)) * sizes.get(k, 1))
            assert len(watching.spikes.waiting) == (min(k + 1, 2) if on_its_way else 0)
    assert [spike.update for spike in log.spikes] == [25, 29]
    assert [spike.batches[0].args[0][0, 0] for spike in log.spikes] == [25, 29]


def test_a_spike_under_a_scaler_is_that_of_the_loss(torch, watch):
    model, optimizer = run_mlp(torch).pairs[0]
    optimizer.param_groups[0]["lr"] = 0.0
    x, found = torch.randn(6, 5), []
    for scale in (1.0, 1024.0):
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        with watch(model, optimizer, every=1000) as log:
            for k in range(30):
                optimizer.zero_grad()
                scaler.scale(squares(model(x)) * (100 if k == 25 else 1)).backward()
                scaler.step(optimizer)
                scaler.update()
        (spike,) = log.spikes
        found.append([spike.norm, spike.median, *spike.log_p.values()])
    np.testing.assert_allclose(*found, **CLOSE)


# --- nothing is left behind ---


def hooks_of(model, optimizer):
    found = [*optimizer._optimizer_step_pre_hooks, *optimizer._optimizer_step_post_hooks]
    for m in model.modules():
        found += [*m._forward_hooks, *m._forward_pre_hooks, *m._forward_hooks_with_kwargs]
    for p in model.parameters():
        found += [*(p._backward_hooks or []), *(p._post_accumulate_grad_hooks or [])]
    return found


@pytest.mark.parametrize("fails", [None, "in forward", "in backward", "in step"])
def test_no_hooks_are_left_and_the_model_dies(torch, watch, fails):
    class Stop(Exception):
        pass

    def stop(*args):
        raise Stop

    run = run_recurrent(torch, "GRU")
    model, optimizer = run.pairs[0]
    with contextlib.suppress(Stop), watch(model, optimizer, every=1) as log:
        run.update(0)
        assert hooks_of(model, optimizer)
        if fails == "in forward":
            model.out.register_forward_hook(stop)
        elif fails == "in backward":
            model.out.register_forward_hook(lambda m, x, out: out.register_hook(stop) and None)
        elif fails == "in step":
            optimizer.register_step_pre_hook(stop)
        run.update(1)
    model.out._forward_hooks.clear()
    optimizer._optimizer_step_pre_hooks = {
        k: hook for k, hook in optimizer._optimizer_step_pre_hooks.items() if hook is not stop
    }
    assert not hooks_of(model, optimizer)
    assert len(log.updates) == (1 if fails else 2)
    alive = weakref.ref(model), weakref.ref(optimizer), weakref.ref(model.out.weight)
    del run, model, optimizer
    gc.collect()
    assert [ref() for ref in alive] == [None, None, None]
    assert log.norm.shape == log.updates.shape


def test_copies_and_pickles_made_while_it_watches_are_free_of_it(torch, watch):
    run = run_mlp(torch)
    model, optimizer = run.pairs[0]
    with watch(model, optimizer, every=1) as log:
        run.update(0)
        twin, reread = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
        again = pickle.loads(pickle.dumps(log))
        for other in (twin, reread):
            squares(other(torch.randn(6, 5))).backward()
        run.update(1)
    assert len(log.updates) == 2
    np.testing.assert_array_equal(again.norm, log.norm[:1])


# --- bad input ---


class Fake:
    optimizer = None


BAD = {
    "model": [(None, TypeError), ("model", TypeError)],
    "optimizer": [(None, TypeError), (Fake(), TypeError), ([], TypeError)],
    "every": [
        (0, ValueError),
        (-1, ValueError),
        (1.5, TypeError),
        ("1", TypeError),
        (True, TypeError),
    ],
    "spikes": [(-1, ValueError), (None, TypeError)],
    "steps": [("nowhere", ValueError), (3, TypeError)],
    "callbacks": [(3, TypeError), ([3], TypeError), (None, TypeError)],
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_refused_by_name(torch, watch, name):
    model = mlp(torch)
    good = {"model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.1)}
    for bad, error in BAD[name]:
        with pytest.raises(error, match=rf"^{name}: expected .*, got "):
            watch(**good | {name: bad})
    assert not hooks_of(model, good["optimizer"])


def test_an_optimiser_of_another_model_or_one_that_is_watched_is_refused(torch, watch):
    model, optimizer = run_mlp(torch).pairs[0]
    with pytest.raises(ValueError, match="optimizer: expected one of the model's parameters"):
        watch(mlp(torch), optimizer)
    with watch(model, optimizer):
        again = watch(model, optimizer)
        with pytest.raises(ValueError, match="optimizer: expected one that is not watched yet"):
            again.__enter__()
        assert hooks_of(model, optimizer)
    with watch(model, optimizer) as log:
        pass
    assert log.notes == ("no update: optimizer.step was not called while it was watched",)
    assert log.updates.shape == log.norm.shape == (0,) and log.log_p == {}
    assert str(log).startswith("no update")


def test_lazy_models_and_torchscript_are_refused(torch, watch):
    lazy = torch.nn.Sequential(torch.nn.LazyLinear(3))
    other = mlp(torch)
    with pytest.raises(ValueError, match="model: expected parameters and buffers with values"):
        watch(lazy, torch.optim.SGD(other.parameters(), lr=0.1))


def test_a_model_that_is_never_called_has_norms_but_no_states(torch, watch):
    model = mlp(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1) as log:
        model[0].weight.pow(2).sum().backward()
        optimizer.step()
    assert np.isfinite(log.norm).all() and log.log_h.shape == (1, 0)
    assert "none of the steps 0, 2, 4 was called" in log.notes[0]


def test_a_long_run_is_thinned_out(torch, watch, monkeypatch):
    from gradtrace.torch import history

    monkeypatch.setattr(history, "MOST", 4)
    run = run_mlp(torch)
    with watch(*run.pairs[0], every=2) as log:
        for k in range(40):
            run.update(k)
    gaps = np.diff(log.updates)
    assert len(log.updates) <= 5 and (gaps == gaps[0]).all() and gaps[0] == 16


def test_a_frozen_recurrent_module_gets_no_graph(torch, watch):
    """It may keep its state from call to call, as its output has nothing to go back through."""

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.LSTM(4, 8, batch_first=True).requires_grad_(False)
            self.last = torch.nn.Linear(8, 3)
            self.state = None

        def forward(self, x):
            out, self.state = self.rnn(x, self.state)
            assert not out.requires_grad
            return self.last(out[:, -1])

    def trained(watched):
        torch.manual_seed(0)
        net = Reader()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with watch(net, optimizer, every=3) if watched else contextlib.nullcontext():
            for _ in range(8):
                optimizer.zero_grad()
                net(torch.randn(5, 6, 4)).pow(2).sum().backward()
                optimizer.step()
        return net.last.weight

    assert torch.equal(trained(True), trained(False))
