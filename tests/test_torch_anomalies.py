"""Where numbers cease to be finite: planted faults, each in a place of its own, are named."""

import numpy as np
import pytest
from torch_nets import function, squares


def planted(torch):
    """``{case: (layers, loss, where nan is born forward, where it is on the way back)}``.

    A place is ``(kind, module, operation)``; None: numbers stay finite, or the fault is the same.
    """

    def lin():
        return torch.nn.Linear(4, 4)

    def layer(f):
        return function(torch, f)

    def nan_weight():
        bad = lin()
        bad.weight.data[1, 1] = torch.nan
        return bad

    relu = torch.nn.ReLU()
    zero, negative = layer(lambda h: 0 * h), layer(lambda h: -h.abs() - 1)
    log, sqrt, exp = layer(torch.log), layer(torch.sqrt), layer(torch.exp)
    pole = "division by zero"
    return {
        "none": ([lin(), relu, lin()], squares, None, None),
        "log of zero": ([lin(), relu, log, lin()], squares, (pole, "2 (Function)", "log"), None),
        "log of a negative number": (
            [lin(), negative, log, lin()],
            squares,
            ("nan", "2 (Function)", "log"),
            None,
        ),
        "in a block": (
            [lin(), torch.nn.Sequential(relu, log), lin()],
            squares,
            (pole, "1.1 (Function)", "log"),
            None,
        ),
        "not the first, which is masked": (
            [lin(), layer(lambda h: h.masked_fill(h < 9, -torch.inf)), negative, sqrt, lin()],
            squares,
            ("nan", "3 (Function)", "sqrt"),
            None,
        ),
        "mended in between": (
            [lin(), relu, log, layer(lambda h: h.clamp(-9, 9)), exp, negative, sqrt],
            squares,
            ("nan", "6 (Function)", "sqrt"),
            None,
        ),
        "a weight": ([lin(), nan_weight()], squares, ("nan", "1 (Linear)", "its weight"), None),
        "exp": (
            [lin(), layer(lambda h: 1e4 * h.abs() + 1e4), exp, lin()],
            squares,
            ("overflow", "2 (Function)", "exp"),
            None,
        ),
        "float16": (
            [lin().half(), layer(lambda h: h.abs() + 6e4), layer(lambda h: h + 6e4), lin().half()],
            lambda out: out.float().sum(),
            ("overflow", "2 (Function)", "add"),
            None,
        ),
        "float16, in place": (
            [lin().half(), layer(lambda h: (h.abs() + 2).mul_(6e4)), lin().half()],
            lambda out: out.float().sum(),
            ("overflow", "1 (Function)", "mul"),
            None,
        ),
        "the loss": (
            [lin(), lin()],
            lambda out: (-1 - out.abs()).sum().log(),
            ("nan", "the loss", "log"),
            None,
        ),
        "slope of a root": (
            [lin(), zero, sqrt, lin()],
            lambda out: out.sum(),
            None,
            (pole, "2 (Function)", "the way back of sqrt"),
        ),
        "slope of a root, of nothing": (
            [lin(), zero, sqrt, zero],
            lambda out: out.sum(),
            None,
            ("nan", "2 (Function)", "the way back of sqrt"),
        ),
        "root of a norm": (
            [lin(), zero, lin(), zero],
            lambda out: out.norm(dim=1).sqrt().sum(),
            None,
            (pole, "the loss", "the way back of sqrt"),
        ),
        "after an explosion": (
            [layer(lambda h: 1e30 * h), lin(), zero, sqrt, lin()],
            lambda out: 1e30 * out.sum(),
            None,
            (pole, "3 (Function)", "the way back of sqrt"),
        ),
        "an explosion": (
            [lin(), layer(lambda h: 1e-30 * h), layer(lambda h: 1e30 * h)] * 2
            + [layer(lambda h: 1e30 * h.detach() + 1e30 * (h - h.detach()))],
            lambda out: 1e20 * (out - out.detach()).sum(),
            None,
            ("overflow", "6 (Function)", "the way back of mul"),
        ),
    }


CASES = [
    "none",
    "log of zero",
    "log of a negative number",
    "in a block",
    "not the first, which is masked",
    "mended in between",
    "a weight",
    "exp",
    "float16",
    "float16, in place",
    "the loss",
    "slope of a root",
    "slope of a root, of nothing",
    "root of a norm",
    "after an explosion",
    "an explosion",
]


@pytest.mark.parametrize("case", CASES)
def test_the_first_module_is_named_forward_and_back(torch, trace, case):
    torch.manual_seed(9)
    layers, loss, *wanted = planted(torch)[case]
    model = torch.nn.Sequential(*layers)
    x = torch.ones(2, 4, dtype=next(model.parameters()).dtype)
    found = {}
    log = trace(model, x, loss)
    for anomaly in log.anomalies:
        found[anomaly.way] = anomaly.kind, anomaly.module, anomaly.operation
        assert str(anomaly) in str(log)
    ways = zip(["forward", "backward"], wanted, strict=True)
    assert found == {way: place for way, place in ways if place is not None}
    plain = loss(model(x))
    np.testing.assert_equal(log.loss, plain.item())
    plain.backward()
    spoilt = any(not p.grad.isfinite().all() for p in model.parameters())
    assert bool(log.anomalies) == (spoilt or not np.isfinite(log.loss))


def test_the_range_is_that_of_the_modules_input(torch, trace):
    scale = function(torch, lambda h: h.clamp(0, 3))
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), scale, function(torch, torch.log))
    seen = []
    model[2].register_forward_pre_hook(lambda module, args: seen.append(args[0].detach()))
    torch.manual_seed(10)
    x = torch.randn(64, 4)
    (anomaly,) = trace(model, x, squares).anomalies
    assert anomaly.module == "2 (Function)"
    assert (anomaly.low, anomaly.high) == (0.0, seen[0].max().item())


def attention(torch):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = torch.nn.Linear(4, 4)
            self.attend = torch.nn.MultiheadAttention(4, 1, batch_first=True)

        def forward(self, x, mask):
            h = self.lin(x)
            return self.attend(h, h, h, attn_mask=mask)[0]

    torch.manual_seed(11)
    return Net()


def test_a_row_in_which_everything_is_masked(torch, trace):
    mask = torch.zeros(3, 3).masked_fill(torch.ones(3, 3).triu(1) > 0, -torch.inf)
    x = torch.randn(2, 3, 4)
    assert trace(attention(torch), (x, mask), squares).anomalies == ()
    mask[0] = -torch.inf
    (anomaly,) = trace(attention(torch), (x, mask), squares).anomalies
    assert (anomaly.way, anomaly.kind) == ("forward", "nan")
    assert anomaly.module == "attend (MultiheadAttention)"
    assert anomaly.cause == "a row of attention in which everything is masked"


def test_minus_infinity_that_reaches_the_loss_is_the_inputs(torch, trace):
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
    log = trace(model, torch.full((1, 1), -torch.inf), lambda out: out.sum())
    assert not np.isfinite(log.loss)
    assert log.anomalies[0].module == "the input"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_input_that_is_not_finite_is_the_first(torch, trace, value):
    x = torch.ones(2, 4)
    x[1, 2] = value
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    (anomaly,) = trace(model, x, squares).anomalies
    assert (anomaly.way, anomaly.module) == ("forward", "the input")


def test_what_each_state_is_stands_in_words(torch, trace):
    """An embedding, a cut, a slope that is nan, and sound states, each told apart."""

    class Cut(torch.nn.Linear):
        def forward(self, h):
            return super().forward(h.detach())

    torch.manual_seed(12)
    sound = [torch.nn.Embedding(5, 4), torch.nn.Linear(4, 4), Cut(4, 4), torch.nn.Linear(4, 4)]
    log = trace(torch.nn.Sequential(*sound), torch.tensor([1, 2]), squares)
    zero = "exactly zero"
    assert log.status == ("no gradient (integers)", zero, zero, "finite", "finite")
    root = function(torch, lambda h: (0 * h).sqrt())
    model = torch.nn.Sequential(sound[0], sound[1], root, sound[3])
    log = trace(model, torch.tensor([1, 2]), squares)
    assert log.status == ("no gradient (integers)", "nan", "finite", "finite")
    assert [note.split(",")[0] for note in log.notes] == ["log_h[0]", "log_h[1]"]


def test_what_a_bypassed_chain_loses_is_an_overflow_or_an_underflow(torch, trace):
    class Bypassed(torch.nn.Sequential):
        def forward(self, h):
            before = 0
            for layer in self:
                before, h = h, layer(h) + self.scale * before
            return h

    for factor, word in ((1e-4, "underflow"), (1e4, "overflow")):
        layers = [torch.nn.Linear(1, 1, bias=False) for _ in range(40)]
        for layer in layers:
            layer.weight.data.fill_(factor)
        model = Bypassed(*layers)
        model.scale = factor**1.5
        log = trace(model, torch.zeros(1, 1), lambda out: out.sum())
        assert log.status[0] == word
        assert log.status[-1] == "finite"


def test_a_hook_that_makes_nan_is_named_by_what_it_does(torch, trace):
    model = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(3)])
    model[1].register_full_backward_hook(
        lambda module, before, after: (torch.full_like(before[0], np.nan),)
    )
    log = trace(model, torch.ones(2, 4), squares)
    assert np.isnan(log.log_h[:2]).all()
    assert np.isfinite(log.log_h[2:]).all()
    (anomaly,) = log.anomalies
    assert (anomaly.way, anomaly.kind) == ("backward", "nan")
    assert log.status[:2] == ("nan", "nan")


def test_a_slope_that_is_not_finite_within_forward(torch, trace):
    class Where(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

        def forward(self, h):
            h = 0 * self.a(h)
            return self.b(torch.where(h > 0, h.sqrt(), 0.0))

    (anomaly,) = trace(Where(), torch.ones(2, 4), squares).anomalies
    assert (anomaly.way, anomaly.module) == ("backward", "the model (Where)")


def test_sparse_gradients_and_tokens(torch, trace):
    torch.manual_seed(13)
    model = torch.nn.Sequential(
        torch.nn.Embedding(5, 4, sparse=True),
        torch.nn.Linear(4, 4),
        function(torch, lambda h: (0 * h).sqrt()),
    )
    (anomaly,) = trace(model, torch.tensor([1, 2, 1]), squares).anomalies
    assert (anomaly.way, anomaly.module) == ("backward", "2 (Function)")
