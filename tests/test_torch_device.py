"""A trace reduces gradients where they lie: no float64, and no whole gradient on the host.

Not so where numbers are not finite: that is explained by one operation in a wider dtype.
"""

import contextlib

import numpy as np
import pytest
from torch_nets import squares


@pytest.fixture
def as_on_a_small_device(torch, monkeypatch):
    """A context in which float64 does not exist, and the host takes few numbers at a time."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Refuses(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            for t in tree_leaves(out):
                if isinstance(t, torch.Tensor) and t.dtype in (torch.float64, torch.complex128):
                    raise AssertionError(f"{func} made a tensor of {t.dtype}")
            return out

    @contextlib.contextmanager
    def refusing(most=8):
        with monkeypatch.context() as patch, Refuses():
            for name in ("cpu", "numpy", "tolist", "__array__"):
                patch.setattr(torch.Tensor, name, at_most(most, getattr(torch.Tensor, name)))
            yield

    def at_most(size, method):
        def guarded(tensor, *args, **kwargs):
            if tensor.numel() > size and tensor.is_floating_point():
                raise AssertionError(f"{tensor.numel()} numbers came to the host")
            return method(tensor, *args, **kwargs)

        return guarded

    return refusing


def models(torch):
    """``{name: (model, input, loss)}``, in float32 or less."""
    nn = torch.nn
    torch.manual_seed(0)
    fading = nn.Sequential(*[nn.Linear(8, 8) for _ in range(20)])
    for p in fading.parameters():
        p.data *= 1e-4
    words = nn.Sequential(nn.Embedding(9, 8, sparse=True), nn.Linear(8, 8))
    picture = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3))
    x = torch.randn(4, 8)
    return {
        "layers": (nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8)), x, squares),
        "past the range, down": (fading, x, lambda out: out.sum()),
        "half": (nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)).bfloat16(), x.bfloat16(), squares),
        "recurrent": (nn.LSTM(8, 8, 2), torch.randn(5, 4, 8), lambda out: squares(out[0])),
        "words": (words, torch.tensor([1, 2, 1]), squares),
        "pictures": (picture, torch.randn(2, 3, 8, 8), squares),
    }


NAMES = [
    "layers",
    "past the range, down",
    "half",
    "recurrent",
    "words",
    "pictures",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_needs_neither_float64_nor_the_host(torch, as_on_a_small_device, name):
    from gradtrace.torch import trace

    model, x, loss = models(torch)[name]
    wanted = trace(model, x, loss)
    with as_on_a_small_device():
        log = trace(model, x, loss)
    np.testing.assert_array_equal(log.log_h, wanted.log_h)
    assert np.isfinite(log.log_h[1:]).all()


def test_a_grid_needs_neither_within_the_float_range(torch, as_on_a_small_device):
    from gradtrace.torch import grid

    model, x, loss = models(torch)["recurrent"]
    wanted = grid(model, x, loss)
    with as_on_a_small_device():
        found = grid(model, x, loss)
    np.testing.assert_array_equal(found.log_h, wanted.log_h)


@pytest.mark.parametrize("name", ["layers", "half", "recurrent", "words", "pictures"])
def test_a_watch_needs_neither_either(torch, as_on_a_small_device, name):
    from gradtrace.torch import watch

    model, x, loss = models(torch)[name]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    largest = max(p.numel() for p in model.parameters())
    numbers = 8 * len([*model.parameters()])  # four norms of each, in two parts
    assert numbers < largest or name in ("words", "pictures")
    with as_on_a_small_device(numbers), watch(model, optimizer, every=2) as log:
        for _ in range(3):
            loss(model(x)).backward()
            optimizer.step()
    assert np.isfinite(log.norm).all() and len(log.updates) == 2


@pytest.mark.parametrize("size", [1, 255, 256, 257, 3_000_001])
def test_a_long_sum_in_float32_keeps_its_digits(torch, size):
    from gradtrace.torch.measure import measure

    g = torch.randn(size, generator=torch.Generator().manual_seed(1))
    wanted = np.log(np.linalg.norm(g.numpy().astype(float)))
    assert measure(g)[0] == pytest.approx(wanted, abs=2e-6)


def test_the_guard_guards(torch, as_on_a_small_device):
    with as_on_a_small_device():
        with pytest.raises(AssertionError, match="float64"):
            torch.ones(2).double()
        with pytest.raises(AssertionError, match="9 numbers came to the host"):
            torch.ones(9).numpy()


# --- without the devices themselves: tensors that have a device, a dtype and a shape, but no data


@pytest.fixture
def elsewhere(torch):
    """A function that makes a tensor on a device which need not be there."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True):
        yield lambda size, device, dtype=torch.float32: torch.empty(
            size, device=device, dtype=dtype
        )


def test_norms_of_parameters_on_several_devices_meet_where_none_is_waited_for(torch, elsewhere):
    from gradtrace.torch.measure import waiting_norms
    from gradtrace.torch.received import norms_of
    from gradtrace.torch.spikes import quick_norms

    grads = [
        *(elsewhere((3, 4), "cpu"), elsewhere((300, 4), "cuda:1", torch.bfloat16)),
        *(elsewhere((), "cuda:0"), elsewhere((3, 4), "cuda:0", torch.complex64)),
    ]
    norms = quick_norms(grads)
    assert norms.device == torch.device("cuda:1") and norms.shape == (4,)
    assert norms.dtype == torch.float32  # in bfloat16 half the digits were lost
    wide = quick_norms([*grads, elsewhere(5, "cuda:0", torch.float64)])
    assert wide.dtype == torch.float64
    found = norms_of(grads)
    assert [pair.device for pair in found] == [g.device for g in grads]
    assert waiting_norms(elsewhere((2, 3), "cuda:1")).device == torch.device("cuda:1")


def test_an_event_stands_in_the_stream_of_its_norm(torch, elsewhere, monkeypatch):
    from gradtrace.torch import spikes

    recorded = []

    class Event:
        def record(self, stream):
            recorded.append(stream)

        def query(self):
            return False

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: ("stream of", device))
    flag = elsewhere((), "cuda:0")
    one = spikes.Waiting(3, ["a"], elsewhere(1, "cuda:1"), [], flag)
    assert recorded == [("stream of", torch.device("cuda:1"))]
    assert one.numbers.device.type == "cpu" and not one.there()


READERS = "item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__", "__array__"


@pytest.fixture
def reads(torch, monkeypatch):
    """What is read from tensors by the host, in order."""
    found = []

    def heard(name, method):
        def read(tensor, *args, **kwargs):
            found.append(name)
            return method(tensor, *args, **kwargs)

        return read

    for name in READERS:
        monkeypatch.setattr(torch.Tensor, name, heard(name, getattr(torch.Tensor, name)))
    return found


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("zero", ["never", "to None", "in place", "uncounted"])
def test_between_watched_updates_the_host_reads_one_norm_and_its_flag(torch, reads, fused, zero):
    """The norm of two updates before, which has arrived; all else would have to be waited for."""
    from gradtrace.torch import watch

    def loop(times):
        for _ in range(times):
            if zero == "uncounted":
                for p in model.parameters():
                    p.grad.data.zero_()
            elif zero != "never":
                optimizer.zero_grad(set_to_none=zero == "to None")
            loss = squares(model(x))
            (scaler.scale(loss) if fused else loss).backward()
            if fused:
                scaler.step(optimizer)
                scaler.update()
            else:
                optimizer.step()

    model, x, _ = models(torch)["layers"]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
    scaler = torch.amp.GradScaler("cpu", growth_interval=10_000)
    squares(model(x)).backward()
    loop(1)
    reads.clear()
    loop(8)
    plain = [*reads]
    with watch(model, optimizer, every=1000):
        loop(5)  # whether zero_grad is missing is asked once
        reads.clear()
        loop(8)
        watched = [*reads]
    assert sorted(watched) == sorted([*plain, *["tolist"] * 8])
