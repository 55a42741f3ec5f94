"""What a loss, a hook or a plain object counts and collects is as it was after a report."""

import array
import collections
import copy
import functools
import itertools
import random
import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest

STEP, SEEN = 0, []


@pytest.fixture(scope="module")
def report(torch):
    import gradtrace.torch

    return functools.partial(gradtrace.torch.report, path=None)


@pytest.fixture
def batch(torch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, 6, generator=generator)
    return x, torch.randint(3, (16,), generator=generator)


def net(torch):
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))


class Meter:
    """As everybody writes it."""

    total = 0

    def __init__(self):
        self.sum, self.values, self.best = 0.0, [], {"low": np.inf}

    def add(self, value):
        self.sum += value
        self.values.append(value)
        self.best["low"] = min(self.best["low"], value)
        Meter.total += 1


class Slotted:
    __slots__ = "__own", "_hidden", "count"

    def __init__(self):
        self.count, self.__own = 0, 0

    def add(self, value):
        self.count += 1
        self.__own += 1
        self._hidden = value

    def read(self):
        return self.count, self.__own, hasattr(self, "_hidden")


@dataclass
class Record:
    count: int = 0


def losses(torch):
    """``{case: (loss, what it changes)}``: the second is called, and gives plain values."""
    ce = torch.nn.functional.cross_entropy
    count, seen = 0, []

    def closure(out, y):
        nonlocal count
        count += 1
        seen.append(count)
        return ce(out, y)

    meter = Meter()

    def metered(out, y):
        loss = ce(out, y)
        meter.add(loss.item())
        return loss

    class Callable:
        def __init__(self):
            self.calls, self.noise = 0, np.random.default_rng(3)

        def __call__(self, out, y):
            self.calls += 1
            return ce(out, y) * (1 + 1e-3 * self.noise.random())

        def method(self, out, y):
            return self(out, y)

    one, other = Callable(), Callable()

    def with_state(state, out, y, *, log):
        state["n"] += 1
        log.append(1)
        return ce(out, y)

    state, log = collections.defaultdict(int), collections.deque([0], maxlen=9)
    average, numbers, flat = torch.zeros(3), np.zeros(3), bytearray(b"ab")

    def averaged(out, y):
        average.lerp_(out.detach().mean(0), 0.1)
        numbers[0] += 1
        flat.append(7)
        return ce(out, y)

    generators = torch.Generator().manual_seed(1), random.Random(1), np.random.RandomState(1)

    def noisy(out, y):
        drawn = torch.rand((), generator=generators[0]).item()
        drawn += generators[1].random() + generators[2].rand()
        return ce(out, y) * (1 + 1e-3 * drawn)

    def default(out, y, kept=[], *, more={"n": 0}):  # noqa: B006
        kept.append(1)
        more["n"] += 1
        return ce(out, y)

    def attributes(out, y):
        attributes.calls = getattr(attributes, "calls", 0) + 1
        return ce(out, y)

    def by_name(out, y):
        global STEP, NEW
        STEP += 1
        NEW = STEP
        SEEN.append(STEP)
        return ce(out, y)

    slotted, record, space = Slotted(), Record(), types.SimpleNamespace(n=[0])

    def of_objects(out, y):
        slotted.add(1)
        record.count += 1
        space.n[0] += 1
        return ce(out, y)

    order = collections.OrderedDict(a=1, b=2)
    places, inside = {1, 2}, {"deep": [{"deeper": [collections.Counter(a=1)]}]}

    def of_boxes(out, y):
        order.move_to_end("a")
        places.add(len(places) + 1)
        inside["deep"][0]["deeper"][0]["a"] += 1
        inside[len(inside)] = 0
        return ce(out, y)

    gathered = []
    wrapped = functools.lru_cache(None)(lambda n: gathered.append(n) or n)

    def decorated(out, y):
        wrapped.cache_clear()
        wrapped(len(gathered))
        return ce(out, y)

    teacher = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))

    def taught(out, y):
        with torch.no_grad():
            teacher[0].weight.mul_(0.9)
            teacher(out)
        return ce(out, y)

    def in_no_grad(out, y):
        with torch.no_grad():
            return no_grad_inside(out)

    collected = []

    @torch.no_grad()
    def no_grad_inside(out):
        collected.append(1)
        return out.sum()

    def through_decorator(out, y):
        no_grad_inside(out)
        return ce(out, y)

    def alone(out):
        meter.add(1.0)
        return out.square().mean()

    return {
        "closure": (closure, lambda: (count, [*seen])),
        "meter": (metered, lambda: (meter.sum, [*meter.values], dict(meter.best), Meter.total)),
        "callable": (one, lambda: (one.calls, str(one.noise.bit_generator.state))),
        "method": (other.method, lambda: (other.calls, str(other.noise.bit_generator.state))),
        "partial": (
            functools.partial(with_state, state, log=log),
            lambda: (dict(state), [*log]),
        ),
        "numbers": (averaged, lambda: (average.tolist(), numbers.tolist(), bytes(flat))),
        "generators": (
            noisy,
            lambda: (
                generators[0].get_state().tolist(),
                generators[1].getstate(),
                str(generators[2].get_state()),
            ),
        ),
        "defaults": (
            default,
            lambda: (len(default.__defaults__[0]), default.__kwdefaults__["more"]["n"]),
        ),
        "attributes": (attributes, lambda: dict(vars(attributes))),
        "globals": (by_name, lambda: (STEP, [*SEEN], "NEW" in globals())),
        "objects": (of_objects, lambda: (slotted.read(), record.count, space.n[0])),
        "boxes": (of_boxes, lambda: (list(order), sorted(places), str(inside))),
        "cached": (decorated, lambda: [*gathered]),
        "another net": (
            taught,
            lambda: str([*teacher.state_dict().items()]),
        ),
        "decorated": (through_decorator, lambda: [*collected]),
    }


LOSSES = [
    *("closure", "meter", "callable", "method", "partial", "numbers", "generators", "defaults"),
    *("attributes", "globals", "objects", "boxes", "cached", "another net", "decorated"),
]


@pytest.mark.parametrize("case", LOSSES)
def test_what_a_loss_changes_is_put_back(torch, report, batch, case):
    loss, read = losses(torch)[case]
    before = copy.deepcopy(read())
    found = report(net(torch), batch, loss)
    assert read() == before
    assert not any("put back" in note or "iterator" in note for note in found.notes)
    loss(net(torch)(batch[0]), batch[1])
    assert read() != before


def test_every_loss_is_tried(torch):
    assert [*losses(torch)] == LOSSES


def test_objects_stay_the_same_ones(torch, report, batch):
    inner, box = [1], {"a": 1}
    outer = [inner, box]

    def loss(out, y):
        outer[0] = [*outer[0], 2]
        outer.append(3)
        box["b"] = box
        return torch.nn.functional.cross_entropy(out, y)

    report(net(torch), batch, loss)
    assert outer[0] is inner and outer[1] is box and len(outer) == 2
    assert (inner, box) == ([1], {"a": 1})


# of the model: attributes, hooks, gradients and weights


def test_what_a_model_changes_is_put_back(torch, report, batch):
    nn = torch.nn

    class Net(nn.Module):
        calls = 0

        def __init__(self):
            super().__init__()
            self.net, self.meter, self.draws = net(torch), Meter(), np.random.default_rng(2)
            self.memory = np.zeros(3)
            self.bank = [Record()]
            self.loose = torch.zeros(2, requires_grad=True)

        def forward(self, x):
            Net.calls += 1
            self.meter.add(1.0)
            self.memory += 1
            self.bank[0].count += 1
            self.new = 1
            self.net[0].weight.data = self.net[0].weight.data * 0.9  # as a moving average does
            self.net[2].weight.data.clamp_(-0.2, 0.2)
            if self.net[0].bias.grad is not None:
                self.net[0].bias.grad += 1
            self.net[2].bias.grad = None
            self.loose.grad = torch.ones(2)
            self.net[2].register_forward_hook(lambda *args: None)
            self.extra = nn.Linear(1, 1)
            return self.net(x) * (1 + 1e-3 * self.draws.random())

    model = Net()
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    places = [p.data_ptr() for p in model.parameters()]
    kept = {name: (p, p.detach().clone(), p.grad) for name, p in model.named_parameters()}
    state = str(model.draws.bit_generator.state)
    names = [*vars(model)]
    found = report(model, batch, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1))
    assert (Net.calls, model.meter.sum, model.meter.values, model.bank[0].count) == (0, 0.0, [], 0)
    assert model.memory.tolist() == [0, 0, 0]
    assert str(model.draws.bit_generator.state) == state
    assert [*vars(model)] == names
    assert [*model._modules] == ["net"]
    assert not model.net[2]._forward_hooks
    assert model.loose.grad is None
    assert [p.data_ptr() for p in model.parameters()] == places
    for name, p in model.named_parameters():
        same, values, grad = kept[name]
        assert p is same and torch.equal(p, values) and p.grad is grad, name
        assert torch.equal(p.grad, torch.ones_like(p)), name
    assert len(found.losses) > 1


@pytest.mark.parametrize("how", ["module", "every module", "parameter", "accumulated", "method"])
def test_what_hooks_collect_is_put_back(torch, report, batch, how):
    model, features, meter = net(torch), {}, Meter()

    def hook(*args):
        features[len(features)] = args
        meter.add(1.0)

    handles = []
    if how == "module":
        handles += [model[0].register_forward_hook(hook), model[1].register_forward_pre_hook(hook)]
    if how == "every module":
        handles.append(torch.nn.modules.module.register_module_forward_hook(hook))
    if how == "parameter":
        handles.append(model[0].weight.register_hook(hook))
    if how == "accumulated":
        handles.append(model[0].weight.register_post_accumulate_grad_hook(hook))
    if how == "method":
        handles.append(model[0].register_forward_hook(lambda *args: meter.values.append(1)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    report(model, batch, torch.nn.CrossEntropyLoss(), optimizer)
    assert (features, meter.sum, meter.values) == ({}, 0.0, [])
    torch.nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    assert meter.values
    for handle in handles:
        handle.remove()


def test_weights_that_a_loss_holds_in_a_list_are_trained_with_the_others(torch, report, batch):
    model = net(torch)
    weights = [*model.parameters()]
    groups = {"all": tuple(weights), "first": weights[0]}

    def loss(out, y):
        decay = sum(p.square().sum() for p in weights) + groups["first"].square().sum()
        return torch.nn.functional.cross_entropy(out, y) + 0.1 * decay

    told = report(model, batch, loss, torch.optim.SGD(model.parameters(), 0.1)).losses
    assert all(one is p for one, p in zip(weights, model.parameters(), strict=True))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    plain = []
    for _ in range(len(told)):
        optimizer.zero_grad()
        value = loss(model(batch[0]), batch[1])
        value.backward()
        optimizer.step()
        plain.append(value.item())
    assert told == pytest.approx(plain, rel=1e-5)


def test_a_loss_that_counts_is_the_same_at_every_pass(torch, report, batch):
    """Else the trace would be refused, as of a loss that depends on the pass."""
    step = [0]

    def annealed(out, y):
        step[0] += 1
        return step[0] * torch.nn.functional.cross_entropy(out, y)

    found = report(net(torch), batch, annealed)
    assert found.trace is not None
    assert found.trace.loss == pytest.approx(found.losses[0], rel=1e-6)


# what cannot be put back is named


class Big:
    def __init__(self):
        self.rows = np.zeros(2**25 + 1)  # 256 MB and 8 bytes
        self.small = [0]


def test_what_cannot_be_put_back_is_named(torch, report, batch):
    stream, big = iter(range(10**6)), Big()
    writer = types.ModuleType("nothing")  # is not looked into
    stranger = collections.ChainMap({}, {})
    stranger.object = object()
    lines = array.array("d", [0.0])

    def loss(out, y):
        next(stream)
        big.rows[3] += 1
        big.small[0] += 1
        stranger.step = getattr(stranger, "step", 0) + 1
        writer.step = 1
        lines.append(1.0)
        return torch.nn.functional.cross_entropy(out, y)

    found = report(net(torch), batch, loss)
    notes = "\n".join(found.notes)
    assert "loss.stream is an iterator" in notes
    assert "loss.big.rows was written into, and was too large, or odd, to be kept" in notes
    assert "loss.stranger, a ChainMap, was changed" in notes
    assert "big.small" not in notes
    assert big.small == [0]
    assert big.rows[3] > 0


def test_what_was_not_touched_is_not_named(torch, report, batch):
    big, stranger = Big(), collections.ChainMap({}, {})
    stranger.object = object()

    def loss(out, y):
        return torch.nn.functional.cross_entropy(out, y) + 0 * big.rows[0] + 0 * len(stranger)

    notes = " ".join(report(net(torch), batch, loss).notes)
    assert "big" not in notes and "stranger" not in notes


def test_far_more_objects_than_can_be_kept_are_named(torch, report, batch):
    samples = [[i] for i in range(20_000)]

    def loss(out, y):
        samples[-1][0] += 1
        samples[0][0] += 1
        return torch.nn.functional.cross_entropy(out, y)

    found = report(net(torch), batch, loss)
    [note] = [note for note in found.notes if "More than 10,000 objects" in note]
    assert "from loss.samples[" in note
    assert samples[0] == [0] and samples[-1][0] > 19_999


def test_files_threads_and_locks_are_left_alone(torch, report, batch, tmp_path):
    import threading

    class Log:
        def __init__(self, file):
            self.file, self.lock, self.lines = file, threading.Lock(), 0

    with open(tmp_path / "log.txt", "w") as file:
        log = Log(file)

        def loss(out, y):
            with log.lock:
                log.lines += 1
                log.file.write("one\n")
            return torch.nn.functional.cross_entropy(out, y)

        report(net(torch), batch, loss)
    assert log.lines == 0
    assert "one\n" in (tmp_path / "log.txt").read_text()


def test_a_pass_leaves_a_graph_usable_whose_tensors_hold_nan(torch, report, batch):
    """To write the same numbers would forbid an earlier graph its way back."""
    model = net(torch)
    model.register_buffer("odd", torch.tensor([float("nan"), 1.0]))
    w = torch.ones(2, requires_grad=True)
    waiting = (w * model.odd).sum()
    report(model, batch, torch.nn.CrossEntropyLoss())
    waiting.backward()
    assert w.grad[1] == 1


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors", "ignore:Sparse CSR")
@pytest.mark.parametrize("layout", ["sparse", "csr", "nested", "jagged"])
def test_tensors_of_any_layout_are_put_back(torch, report, batch, layout):
    if layout in ("sparse", "csr"):
        eye = torch.eye(3)
        kept = eye.to_sparse() if layout == "sparse" else eye.to_sparse_csr()
    else:
        kind = torch.jagged if layout == "jagged" else torch.strided
        kept = torch.nested.nested_tensor([torch.ones(2), torch.ones(1)], layout=kind)

    def loss(out, y):
        kept.mul_(2)
        return torch.nn.functional.cross_entropy(out, y)

    report(net(torch), batch, loss)
    parts = kept.unbind() if kept.is_nested else [kept.to_dense()]
    assert max(part.max() for part in parts) == 1


def test_code_is_told_apart_by_where_it_lies(torch):
    from gradtrace.torch.own import is_own

    assert is_own("__main__") and is_own(__name__)
    others = ["builtins", "json.decoder", "torch.nn", "numpy", "pytest", "gradtrace.torch.report"]
    assert not any(is_own(name) for name in others)
    assert not is_own(None)
    made = types.ModuleType("made_here")
    sys.modules["made_here"] = made
    assert is_own("made_here")
    del sys.modules["made_here"]


def test_an_iterator_of_ones_own_is_wound_back(torch, report, batch):
    class Numbers:
        def __init__(self):
            self.at = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.at += 1
            return self.at

    numbers = Numbers()
    step = itertools.chain

    def loss(out, y):
        assert step is itertools.chain
        return next(numbers) * torch.nn.functional.cross_entropy(out, y)

    report(net(torch), batch, loss)
    assert numbers.at == 0


def test_a_dict_gets_its_order_back(torch, report, batch):
    kept = {"a": 1, "b": 2, "c": 3}
    other = {"a": 1, "b": 2}

    def loss(out, y):
        kept["b"] = kept.pop("b")
        del other["a"]
        return torch.nn.functional.cross_entropy(out, y)

    report(net(torch), batch, lambda out, y: loss(out, y) if "a" in other else out.sum())
    assert [*kept.items()] == [("a", 1), ("b", 2), ("c", 3)]
    assert [*other.items()] == [("a", 1), ("b", 2)]
