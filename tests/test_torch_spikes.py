"""The batches of spikes: what the model was called with, or a word that it is not known."""

import copy
import functools
import io
import pickle
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import test_torch_watch as runs


@pytest.fixture(scope="module")
def watch(torch):
    import gradtrace.torch

    return gradtrace.torch.watch


@dataclass
class Pair:
    x: object
    more: object = None


class Plain:
    """No tensor, no container."""

    def __init__(self, x):
        self.x = x


class Two(tuple):
    """With a constructor of its own."""

    def __new__(cls, x, more):
        return super().__new__(cls, (x, more))


class Refuses(Plain):
    def __deepcopy__(self, memo):
        raise OSError("no copies")


FORMS = {
    "tensor": (lambda x: x, lambda v: v),
    "list": (lambda x: [x, []], lambda v: v[0]),
    "dict": (lambda x: {"a": {"x": x}}, lambda v: v["a"]["x"]),
    "deque": (lambda x: deque([x]), lambda v: v[0]),
    "namespace": (lambda x: SimpleNamespace(x=x), lambda v: v.x),
    "dataclass": (Pair, lambda v: v.x),
    "read-only": (lambda x: MappingProxyType({"x": [x]}), lambda v: v["x"][0]),
    "a tuple of its own": (lambda x: Two(x, 1), lambda v: v[0]),
    "object": (Plain, lambda v: v.x),
    "object in a list": (lambda x: [Plain(x)], lambda v: v[0].x),
    "array": (lambda x: x.numpy(), lambda v: v),
    "array in a tuple": (lambda x: (x, x.numpy()), lambda v: v[0]),
}
UNKNOWN = "object", "object in a list", "array", "array in a tuple"


def spike(torch, watch, form, read, after=None, every=1000):
    """The spike of a run in which update 25 is one, and what the model was called with then.

    ``after(argument)`` is what becomes of an argument between the call and the update.
    """

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = runs.mlp(torch)

        def forward(self, given):
            return self.net(torch.as_tensor(read(given)))

    torch.manual_seed(0)
    model, kept = Reader(), None
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=every) as log:
        for k in range(30):
            x = torch.randn(6, 5)
            given = form(x.clone())
            optimizer.zero_grad()
            (runs.squares(model(given)) * (1000 if k == 25 else 1)).backward()
            if after is not None:
                after(given)
            if k == 25:
                kept = x
            optimizer.step()
    (found,) = log.spikes
    return found, kept, log


@pytest.mark.parametrize("name", FORMS)
def test_a_batch_is_kept_in_whatever_it_is_handed_over(torch, watch, name):
    form, read = FORMS[name]
    found, wanted, log = spike(torch, watch, form, read)
    ((args, kwargs),) = found.batches
    if name == "a tuple of its own":  # which cannot be made anew
        assert args[0].kind == "Two"
    else:
        assert torch.equal(torch.as_tensor(read(args[0])), wanted)
        again = pickle.loads(pickle.dumps(log)).spikes[0].batches[0].args[0]
        if name != "read-only":  # PyTorch aside, Python cannot pickle it
            assert torch.equal(torch.as_tensor(read(again)), wanted)
    assert found.changed is (None if name in UNKNOWN else False)
    named = {"object": "Plain", "object in a list": "Plain", "array": "ndarray"}
    shown = named.get(name, "Two" if name == "a tuple of its own" else "(6, 5)")
    since = ", perhaps changed since" if name in UNKNOWN else ""
    assert str(found).endswith(f"; batch {shown}{since}")


def later(name):
    """How another batch comes into the same argument before the update is over."""

    def exchange(given):
        x = 0 * FORMS[name][1](given)
        if name == "list":
            given[0] = x
        elif name == "dict":
            given["a"]["x"] = x
        elif name == "deque":
            given.clear()
        elif name in ("dataclass", "namespace", "object"):
            given.x = x
        else:
            given[0].x = x

    return exchange


@pytest.mark.parametrize(
    "name", ["list", "dict", "deque", "dataclass", "namespace", "object", "object in a list"]
)
def test_a_container_that_is_filled_anew_is_no_wrong_batch(torch, watch, name):
    form, read = FORMS[name]
    found, wanted, _ = spike(torch, watch, form, read, after=later(name))
    if name in UNKNOWN:
        assert found.changed is None
    else:
        assert found.changed is False
        assert torch.equal(read(found.batches[0].args[0]), wanted)


def test_a_tuple_that_cannot_be_made_anew_is_looked_at_again(torch, watch):
    def exchange(given):
        given[1]["y"] = torch.zeros(1)

    def form(x):
        return Two(x, {"y": torch.ones(1)})

    found, _, _ = spike(torch, watch, form, lambda v: v[0], after=exchange)
    assert found.changed is True and "changed since" in str(found)


def test_what_is_written_into_a_tensor_is_seen_in_every_container(torch, watch):
    for name, (form, read) in FORMS.items():
        if name not in UNKNOWN:
            found, _, _ = spike(torch, watch, form, read, lambda v, read=read: read(v).add_(1))
            assert found.changed is True
            assert str(found).endswith(", changed since")


@pytest.mark.parametrize(
    "form, kind",
    [
        (lambda x: (x, lambda: 1), None),
        (lambda x: (x, (i for i in [1])), "generator"),
        (lambda x: (x, Refuses(x)), "Refuses"),
        (lambda x: (x, functools.partial(max, 1)), None),
    ],
)
def test_what_cannot_be_copied_or_pickled_is_named(torch, watch, form, kind):
    found, wanted, log = spike(torch, watch, form, lambda v: v[0])
    kept = found.batches[0].args[0]
    again = pickle.loads(pickle.dumps(log)).spikes[0].batches[0].args[0]
    assert torch.equal(kept[0], wanted) and torch.equal(again[0], wanted)
    if kind:
        assert kept[1].kind == again[1].kind == kind
    else:
        assert callable(kept[1])
        assert callable(again[1]) or again[1].kind == "function"


def test_a_class_that_cannot_be_pickled_is_named_as_a_whole(torch, watch):
    @dataclass
    class Mine:
        x: object

    found, wanted, log = spike(torch, watch, Mine, lambda v: v.x)
    assert torch.equal(found.batches[0].args[0].x, wanted)
    assert pickle.loads(pickle.dumps(log)).spikes[0].batches[0].args[0].kind == "Mine"


def test_a_model_among_the_arguments_is_not_kept(torch, watch):
    other = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    found, wanted, _ = spike(torch, watch, lambda x: (x, other, optimizer), lambda v: v[0])
    x, *rest = found.batches[0].args[0]
    assert torch.equal(x, wanted) and [one.kind for one in rest] == ["Linear", "SGD"]


@pytest.mark.parametrize("name", [name for name in FORMS if name != "a tuple of its own"])
def test_a_batch_that_is_kept_is_in_memory_of_its_own(torch, watch, name):
    form, read = FORMS[name]
    buffer, given = torch.empty(6, 5), []

    def refilled(x):
        buffer.copy_(x)
        given.append(form(buffer))
        return given[-1]

    found, wanted, _ = spike(torch, watch, refilled, read)
    torch.as_tensor(read(given[25])).zero_()  # once the update is over
    assert torch.equal(torch.as_tensor(read(found.batches[0].args[0])), wanted)


@pytest.mark.parametrize("size", [4.9, 5.1])
@pytest.mark.parametrize("at", [19, 20, 25])
def test_how_much_longer_than_the_median_a_spike_is(torch, watch, size, at):
    model, x = runs.mlp(torch), torch.randn(6, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, every=1000) as log:
        for k in range(30):
            runs.step(optimizer, runs.squares(model(x)) * (size if k == at else 1))
    assert [one.update for one in log.spikes] == [at] * (size > 5 and at >= 20)
    for one in log.spikes:
        assert one.ratio == pytest.approx(size, rel=1e-4)


def test_the_median_is_that_of_the_hundred_updates_before(torch, watch):
    model, x = runs.mlp(torch), torch.randn(6, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, every=1000) as log:
        for k in range(160):  # at 151, 52 of the 100 before are as long as 1
            size = 0.1 if k < 99 else 1.0
            runs.step(optimizer, runs.squares(model(x)) * (4.0 if k == 151 else size))
    (one,) = log.spikes  # up to 148 they follow it; at 151 there would be one of the median of 99
    assert one.update == 99
    assert one.peak == pytest.approx(one.norm, rel=1e-6)


def test_of_long_gradients_that_follow_one_another_the_first_is_kept(torch, watch):
    """A step that was too long brings them about, whatever their batches."""
    model = runs.mlp(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    sizes = {30: 20.0, 31: 60.0, 32: 4000.0, 33: 9.0, 40: 50.0, 42: 70.0}
    with watch(model, optimizer, every=1, spikes=2) as log:
        for k in range(60):
            x = torch.full((6, 5), float(k))
            norm_one = runs.squares(model(x)) / runs.squares(model(x)).detach().sqrt() ** 2
            runs.step(optimizer, norm_one * sizes.get(k, 1.0))
            if k == 31:  # also while they still come, and fewer than are kept
                assert [one.update for one in log.spikes] == [30]
    assert [one.update for one in log.spikes] == [
        30,
        42,
    ]  # of 40 and 42, which 41 parts, the longer
    first, second = log.spikes
    np.testing.assert_allclose(first.peak / first.norm, 200, rtol=0.2)
    assert second.peak == 0
    assert str(first).count("then up to") == 1
    assert "then up to" not in str(second)
    (((batch,), _),) = first.batches
    assert batch.unique().item() == 30
    assert log.figure().controls["update"].value == 30  # where one wants to look


def test_what_is_hidden_in_an_object_under_no_grad_is_evaluation(torch, watch):
    class Hides(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = runs.mlp(torch)

        def forward(self, x):
            return Plain(self.net(x))

    torch.manual_seed(0)
    model = Hides()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x, other = torch.randn(2, 6, 5)
    with watch(model, optimizer, every=1000) as log:
        for k in range(30):
            with torch.no_grad():
                model(other)
            runs.step(optimizer, runs.squares(model(x).x) * (100 if k == 25 else 1))
    (((kept,), _),) = log.spikes[0].batches
    assert torch.equal(kept, x)


def test_of_inference_tensors_it_is_not_known_whether_they_were_changed(torch, watch):
    def form(x):
        with torch.inference_mode():
            return x.clone()

    def change(given):
        with torch.inference_mode():
            given.add_(1)

    for after in (None, change):
        found, wanted, _ = spike(torch, watch, form, lambda v: v * 1, after=after, every=1)
        assert found.changed is None
        assert torch.equal(found.batches[0].args[0], wanted + (after is not None))


@pytest.mark.parametrize(
    "versions, wanted",
    [((False, False), False), ((False, None), None), ((None, True), True), ((), False)],
)
def test_of_several_batches_one_that_was_changed_counts(torch, versions, wanted):
    from gradtrace.torch.spikes import changed

    batches = [SimpleNamespace(changed=lambda found=found: found) for found in versions]
    assert changed(batches) is wanted


def test_a_model_that_is_pickled_while_it_is_watched_loads_without_this_package(torch, watch):
    model = torch.nn.LSTM(3, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, every=1):
        assert model._forward_pre_hooks
        whole, saved, own = pickle.dumps(model), io.BytesIO(), pickle.dumps(optimizer)
        torch.save(model, saved)
        twin = copy.deepcopy(model)
        for p in twin.parameters():
            assert not p._backward_hooks and not p._post_accumulate_grad_hooks
    code = (
        "import io, pickle, sys, torch\n"
        "class Bar:\n"
        "    def find_spec(self, name, *more):\n"
        "        assert not name.startswith('gradtrace'), name\n"
        "sys.meta_path.insert(0, Bar())\n"
        "a, b, c = pickle.loads(sys.stdin.buffer.read())\n"
        "model, other = pickle.loads(a), torch.load(io.BytesIO(b), weights_only=False)\n"
        "pickle.loads(c)\n"
        "x = torch.ones(2, 1, 3)\n"
        "assert torch.equal(model(x)[0], other(x)[0])\n"
        "assert torch.equal(model(x)[0], pickle.loads(pickle.dumps(model))(x)[0])\n"
        "torch.compile(model, backend='eager')(x)[0].sum().backward()\n"
        "print(repr(model(x)[0].tolist()))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps((whole, saved.getvalue(), own)),
        capture_output=True,
        check=False,
    )
    assert not run.returncode, run.stderr.decode()
    wanted = model(torch.ones(2, 1, 3))[0].tolist()
    np.testing.assert_allclose(eval(run.stdout.decode()), wanted)
