"""A report names the planted fault and its module, and leaves everything as it was."""

import copy
import inspect
import itertools
import json
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def report(torch):
    import gradtrace.torch

    def quiet(*args, **kwargs):
        return gradtrace.torch.report(*args, path=None, **kwargs)

    return quiet


@pytest.fixture(scope="module")
def batch(torch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 64, generator=generator)
    return x, torch.randint(10, (64,), generator=generator)


def net(torch, *, depth=3, act=None, n=64, out=10):
    torch.manual_seed(1)
    layers = []
    for _ in range(depth - 1):
        layers += [torch.nn.Linear(n, n), (act or torch.nn.ReLU)()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(n, out))


def adam(torch, model, lr=1e-3):
    return torch.optim.Adam(model.parameters(), lr)


def first_cause(found):
    assert found.findings, str(found)
    return found.findings[0].cause


def function(torch, f):
    class Function(torch.nn.Module):
        def forward(self, h):
            return f(h)

    return Function()


# broken


def broken_cases(torch):
    """``{case: (make model, change batch, loss, make optimiser, cause, module)}``."""
    nn = torch.nn
    ce = nn.CrossEntropyLoss()

    def same(batch):
        return batch

    def usual(model):
        return adam(torch, model)

    def dead():
        model = net(torch, depth=5)
        model[2].bias.data -= 5
        return model

    def constant():
        model = net(torch)
        for p in model.parameters():
            nn.init.constant_(p, 0.01)
        return model

    def loud():
        model = net(torch)
        model[-1].weight.data *= 200
        return model

    def mean():
        middle = function(torch, lambda h: h.mean(0, keepdim=True).expand_as(h))
        return nn.Sequential(nn.Linear(64, 64), nn.Tanh(), middle, nn.Linear(64, 10))

    def softmax():
        return nn.Sequential(*net(torch), nn.Softmax(-1))

    def bounded():
        return nn.Sequential(*net(torch, out=1), nn.Sigmoid())

    def log():
        return nn.Sequential(*net(torch), function(torch, torch.log))

    def root():
        return nn.Sequential(*net(torch), function(torch, lambda h: (0 * h).sqrt() + h))

    def rounded():
        return nn.Sequential(nn.Linear(64, 64), function(torch, torch.round), nn.Linear(64, 10))

    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(64, 64), nn.Linear(64, 10)
            self.unused = nn.Linear(64, 3)

        def forward(self, x):
            return self.head(self.body(x).detach())

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(64, 64), nn.Linear(64, 64)]
            self.head = nn.Linear(64, 10)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x).tanh()
            return self.head(x)

    class Drop(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Linear(64, 64), nn.Dropout(), nn.ReLU(), nn.Linear(64, 10))
            self.eval()

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = nn.GRUCell(8, 16), nn.Linear(16, 10)

        def forward(self, x):
            h = torch.zeros(len(x), 16)
            for part in x.unflatten(1, (8, 8)).unbind(1):
                h = self.cell(part, h.detach())
            return self.head(h)

    class Chosen(nn.Module):
        def __init__(self, how):
            super().__init__()
            self.first, self.table = nn.Linear(64, 20), nn.Embedding(20, 16)
            self.second, self.head, self.how = nn.Linear(20, 16), nn.Linear(16, 10), how

        def forward(self, x):
            if self.how == "argmax":
                return self.head(self.table(self.first(x).argmax(-1)))
            if self.how == "numpy":
                return self.head(self.second(torch.tensor(self.first(x).detach().numpy())))
            with torch.no_grad():
                h = self.first(x)
            return self.head(self.second(h))

    class Twins(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = net(torch, depth=12, act=nn.Sigmoid)

        def forward(self, x):
            return 100 * (self.body(x) - self.body(-x))

    class Order(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.GRU(8, 16), nn.Linear(16, 10)

        def forward(self, x):
            return self.head(self.rnn(x)[0][:, -1])

    def sequence(batch):
        return torch.randn(64, 12, 8, generator=torch.Generator().manual_seed(2)), batch[1]

    def times(factor):
        return lambda batch: (factor * batch[0], batch[1])

    def row(batch):
        return batch[0], batch[0][:, 0]

    def far(batch):
        return batch[0], 100 * batch[0][:, :1]

    def squares(out, target):
        return (out - target).square().mean()

    def frozen():
        return net(torch).requires_grad_(False)

    def none(model):
        return None

    return {
        "dead": (dead, same, ce, usual, "dead units", "3"),
        "tanh of large sums": (
            lambda: net(torch, act=nn.Tanh),
            times(100),
            ce,
            none,
            "input scale",
            "0",
        ),
        "thirty tanh": (lambda: net(torch, depth=30, act=nn.Tanh), same, ce, none, "vanishing", ""),
        "constant": (constant, same, ce, usual, "symmetric start", "0"),
        "constant, no optimiser": (constant, same, ce, none, "symmetric start", "0"),
        "loud": (loud, same, ce, none, "loud start", "4"),
        "mean over the batch": (mean, same, ce, usual, "ignores input", "2"),
        "two softmaxes": (softmax, same, ce, usual, "double softmax", "5"),
        "sigmoid to hundred": (bounded, far, squares, usual, "output bounded", "5"),
        "log": (log, same, ce, usual, "not finite, forward", "5"),
        "root": (root, same, ce, usual, "not finite, backward", "5"),
        "rounded": (rounded, same, ce, usual, "cut off", "1"),
        "detached": (Cut, same, ce, usual, "cut off", "body"),
        "detached, no optimiser": (Cut, same, ce, none, "cut off", "body"),
        "a plain list": (Plain, same, ce, usual, "not in optimizer", ""),
        "evaluation": (Drop, same, ce, usual, "evaluation mode", "1"),
        "column and row": (lambda: net(torch, out=1), row, squares, usual, "target shape", ""),
        "state detached": (Loop, same, ce, usual, "cut off", "cell"),
        "argmax": (lambda: Chosen("argmax"), same, ce, usual, "cut off", "first"),
        "numpy": (lambda: Chosen("numpy"), same, ce, usual, "cut off", "first"),
        "no_grad": (lambda: Chosen("no_grad"), same, ce, usual, "cut off", "first"),
        "deep twins": (Twins, same, ce, none, "vanishing", ""),
        "axes in another order": (Order, sequence, ce, usual, "mixed examples", "rnn"),
        "no logarithm": (softmax, same, nn.functional.nll_loss, usual, "missing logarithm", "5"),
        "all frozen": (frozen, same, ce, none, "frozen", ""),
        "half the optimiser": (
            lambda: net(torch),
            same,
            ce,
            lambda model: adam(torch, model[2:]),
            "not in optimizer",
            "0",
        ),
        "another model's": (
            lambda: net(torch),
            same,
            ce,
            lambda model: adam(torch, net(torch)),
            "not in optimizer",
            "",
        ),
        "steps of hundred": (
            lambda: net(torch),
            same,
            ce,
            lambda model: torch.optim.SGD(model.parameters(), 100.0),
            "step too large",
            "",
        ),
        "steps of nothing": (
            lambda: net(torch),
            same,
            ce,
            lambda model: adam(torch, model, 1e-9),
            "step too small",
            "",
        ),
        "a billionth": (
            lambda: net(torch),
            same,
            lambda out, target: 1e-9 * ce(out, target),
            usual,
            "below epsilon",
            "0",
        ),
    }


BROKEN = [
    *("dead", "tanh of large sums", "thirty tanh", "constant", "constant, no optimiser", "loud"),
    *("mean over the batch", "two softmaxes", "sigmoid to hundred", "log", "root", "rounded"),
    *("detached", "detached, no optimiser", "a plain list", "evaluation", "column and row"),
    *("state detached", "argmax", "numpy", "no_grad", "deep twins", "axes in another order"),
    *("no logarithm", "all frozen", "half the optimiser", "another model's", "steps of hundred"),
    *("steps of nothing", "a billionth"),
]


@pytest.mark.parametrize("case", BROKEN)
def test_a_planted_fault_is_the_first_finding(torch, report, batch, case):
    make, change, loss, optimizer, cause, module = broken_cases(torch)[case]
    model = make()
    found = report(model, change(batch), loss, optimizer(model))
    assert (first_cause(found), found.findings[0].module) == (cause, module), str(found)
    assert not found.healthy


def test_every_planted_fault_is_tried(torch):
    assert [*broken_cases(torch)] == BROKEN


# healthy


def healthy_cases(torch):
    nn = torch.nn

    def zero_head():
        model = net(torch)
        nn.init.zeros_(model[-1].weight)
        return model

    class Adapted(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, 10)
            nn.init.normal_(self.layer.weight, std=0.3)
            self.layer.requires_grad_(False)
            self.A = nn.Parameter(torch.randn(4, 64) / 8)
            self.B = nn.Parameter(torch.zeros(10, 4))

        def forward(self, x):
            return self.layer(x) + x @ self.A.T @ self.B.T

    class Auxiliary(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head, self.other = net(torch), nn.Linear(10, 10), nn.Linear(10, 3)

        def forward(self, x):
            h = self.body(x)
            self.other(h)
            return self.head(h)

    class Target(nn.Module):
        def __init__(self):
            super().__init__()
            self.online = net(torch)
            self.target = copy.deepcopy(self.online)

        def forward(self, x):
            with torch.no_grad():
                aim = self.target(x)
            return self.online(x) - 0.1 * aim

    class Straight(nn.Module):
        def forward(self, h):
            return h + (h.round() - h).detach()

    def attention():
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
        return nn.Sequential(nn.Unflatten(1, (1, 64)), layer, nn.Flatten(), nn.Linear(64, 10))

    def normed():
        return nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))

    return {
        "plain": lambda: net(torch),
        "zero head": zero_head,
        "adapters": Adapted,
        "an auxiliary head": Auxiliary,
        "a target network": Target,
        "straight through": lambda: nn.Sequential(nn.Linear(64, 64), Straight(), net(torch)),
        "attention": attention,
        "batch norm": normed,
    }


HEALTHY = [
    *("plain", "zero head", "adapters", "an auxiliary head", "a target network"),
    *("straight through", "attention", "batch norm"),
]


@pytest.mark.parametrize("with_optimizer", [True, False])
@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_model_has_no_findings(torch, report, batch, case, with_optimizer):
    torch.manual_seed(0)
    model = healthy_cases(torch)[case]()
    optimizer = None
    if with_optimizer:
        chosen = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(chosen, 1e-3)
    found = report(model, batch, torch.nn.CrossEntropyLoss(), optimizer)
    assert found.healthy, str(found)
    assert "No findings" in str(found)


def test_every_healthy_model_is_tried(torch):
    assert [*healthy_cases(torch)] == HEALTHY


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_scale_of_the_loss_changes_no_verdict_without_an_epsilon(torch, report, batch, scale):
    def loss(out, target):
        return scale * torch.nn.functional.cross_entropy(out, target)

    assert report(net(torch), batch, loss).healthy
    deep = net(torch, depth=30, act=torch.nn.Tanh)
    assert first_cause(report(deep, batch, loss)) == "vanishing"
    loud = net(torch)
    loud[-1].weight.data *= 200
    assert first_cause(report(loud, batch, loss)) == "loud start"


def test_the_rows_of_the_table_are_what_plain_pytorch_says(torch, report, batch):
    model = net(torch)
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    rows = {row.module: row for row in report(model, batch, loss, optimizer).modules}
    assert [*rows] == ["0", "1", "2", "3", "4"]
    other = copy.deepcopy(model)
    out = other[:2](batch[0])
    dead = (out == 0).all(0).float().mean().item()
    loss(other(batch[0]), batch[1]).backward()
    g = torch.cat([other[0].weight.grad.flatten(), other[0].bias.grad]).norm().item()
    W = torch.cat([p.flatten() for p in other[0].parameters()]).norm().item()
    assert rows["0"].gradient == pytest.approx(g, rel=1e-5)
    assert rows["0"].weight == pytest.approx(W, rel=1e-5)
    assert rows["1"].dead == pytest.approx(dead)
    assert rows["1"].output == pytest.approx(out.square().mean().sqrt().item(), rel=1e-5)
    ratio = 0.1 * other[0].weight.grad.norm() / other[0].weight.norm()
    assert rows["0"].update == pytest.approx(ratio.item(), rel=0.2)  # the median of twenty
    assert {row.covered for row in rows.values()} == {"yes", ""}


def test_the_updates_are_those_that_training_makes(torch, report, batch):
    model = net(torch)
    loss = torch.nn.CrossEntropyLoss()
    optimizer = adam(torch, model)
    for _ in range(3):  # so that the optimiser has a state
        optimizer.zero_grad()
        loss(model(batch[0]), batch[1]).backward()
        optimizer.step()
    told = report(model, batch, loss, optimizer).losses
    losses = []
    for _ in range(len(told)):
        optimizer.zero_grad()
        value = loss(model(batch[0]), batch[1])
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert losses == pytest.approx(told, rel=1e-6)


# as it was


def everything(torch, model, optimizer, x):
    """All that must stay as it is, as bytes and plain values."""
    found = {name: t.detach().numpy().tobytes() for name, t in model.state_dict().items()}
    found["grads"] = [
        None if p.grad is None else p.grad.numpy().tobytes() for p in model.parameters()
    ]
    found["flags"] = [p.requires_grad for p in model.parameters()]
    found["ids"] = [id(p) for p in model.parameters()]
    found["versions"] = [p._version for p in model.parameters()]
    found["modes"] = [m.training for m in model.modules()]
    found["hooks"] = [sorted(vars(m)) for m in model.modules()]
    state = optimizer.state_dict()
    found["optimiser"] = json.dumps(
        state, default=lambda t: t.tolist() if isinstance(t, torch.Tensor) else str(t)
    )
    found["held"] = [id(p) for group in optimizer.param_groups for p in group["params"]]
    found["random"] = (
        torch.get_rng_state().tolist(),
        str(np.random.get_state()),  # noqa: NPY002
        random.getstate(),
    )
    found["batch"] = x.numpy().tobytes()
    return found


class Fault(Exception):
    pass


@pytest.mark.parametrize("fault", [None, "forward", "loss", "later"])
@pytest.mark.parametrize("kind", ["plain", "lstm"])
def test_all_is_as_it_was_also_after_an_error(torch, report, kind, fault):
    nn = torch.nn
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.LSTM(8, 8, batch_first=True) if kind == "lstm" else nn.Linear(8, 8)
            self.norm, self.drop, self.last = nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
            self.calls = 0
            self.kept = []

        def forward(self, x):
            self.calls += 1
            h = self.first(x)
            h = h[0][:, -1] if kind == "lstm" else h[:, -1]
            self.kept.append(h.detach())
            if fault == "forward" or (fault == "later" and next(passes) > 0):
                raise Fault
            return self.last(self.drop(self.norm(h)))

    passes = itertools.count()  # no report can wind it back

    def loss(out, target):
        if fault == "loss":
            raise Fault
        return nn.functional.cross_entropy(out, target)

    model = Net()
    x, y = torch.randn(16, 5, 8), torch.randint(3, (16,))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, amsgrad=True)
    torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    before_fault, fault = fault, None
    model.last(model.norm(torch.randn(4, 8))).sum().backward()
    optimizer.step()
    fault = before_fault
    before = everything(torch, model, optimizer, x)
    if fault is None:
        report(model, (x, y), loss, optimizer)
    else:
        with pytest.raises(Fault):
            report(model, (x, y), loss, optimizer)
    assert everything(torch, model, optimizer, x) == before
    assert (model.calls, model.kept) == (0, [])


def test_a_graph_that_was_made_before_still_has_its_way_back(torch, report, batch):
    model = net(torch)
    waiting = torch.nn.functional.cross_entropy(model(batch[0]), batch[1])
    report(model, batch, torch.nn.CrossEntropyLoss(), adam(torch, model))
    waiting.backward()
    assert model[0].weight.grad is not None


@pytest.mark.parametrize("rule", ["LBFGS", "SGD", "RMSprop", "Adagrad", "Rprop", "NAdam"])
def test_any_rule_of_pytorch_is_copied(torch, report, batch, rule):
    model = net(torch)
    optimizer = getattr(torch.optim, rule)(model.parameters(), lr=1e-3)
    before = str(optimizer.state_dict())
    found = report(model, batch, torch.nn.CrossEntropyLoss(), optimizer)
    assert found.losses[-1] < found.losses[0]
    assert str(optimizer.state_dict()) == before


# forms of batch and loss


def test_batches_and_losses_in_the_forms_that_people_have_them_in(torch, report, batch):
    nn = torch.nn
    x, y = batch
    model = net(torch)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = model

        def forward(self, a, b):
            return self.net(a + b)

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = model

        def forward(self, x, labels=None):
            out = self.net(x)
            loss = nn.functional.cross_entropy(out, labels)
            return {"loss": loss, "logits": out}

    ce = nn.CrossEntropyLoss()
    same = [
        report(model, (x, y), ce),
        report(model, [x, y], nn.functional.cross_entropy),
        report(model, x, lambda out: ce(out, y)),
        report(Two(), ((x, 0 * x), y), ce),
        report(Two(), ({"a": x, "b": 0 * x}, y), ce),
        report(Own(), {"x": x, "labels": y}),
    ]
    assert all(found.healthy for found in same), [str(found) for found in same]
    assert len({round(found.losses[0], 5) for found in same}) == 1


def test_bad_input_is_told_what_was_expected(torch, report, batch):
    model = net(torch)
    ce = torch.nn.CrossEntropyLoss()
    wrong = {
        "model: expected a torch.nn.Module": (3, batch, ce),
        "loss: expected a function of output and target": (model, batch, 3),
        r"batch: expected \(input, target\)": (model, batch[0], ce),
        "optimizer: expected a torch.optim.Optimizer": (model, batch, ce, "Adam"),
        "loss: expected to return a tensor with one number": (model, batch, lambda out, y: out),
        "loss: expected a function of output and target, such as": (
            model,
            {"input": batch[0]},
        ),
        "with 3 required arguments": (model, batch, lambda a, b, c: a),
    }
    for message, arguments in wrong.items():
        with pytest.raises((TypeError, ValueError), match=message):
            report(*arguments)
    import gradtrace.torch

    with pytest.raises(FileNotFoundError, match="path: expected a file in a folder that exists"):
        gradtrace.torch.report(model, batch, ce, path="/nowhere/at/all.html")
    with pytest.raises(TypeError, match="path: expected the name of a file"):
        gradtrace.torch.report(model, batch, ce, path=3)
    with pytest.raises(TypeError, match="book: expected an address"):
        report(model, batch, ce, book=3)


def test_what_the_model_itself_raises_goes_on_with_a_note(torch, report, batch):
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as raised:
        report(net(torch), (batch[0][:, :3], batch[1]), torch.nn.CrossEntropyLoss())
    assert "called with tensors of shape (64, 3)" in raised.value.__notes__[0]


def test_batch_norm_with_one_example_is_a_finding(torch, report, batch):
    model = torch.nn.Sequential(torch.nn.Linear(64, 10), torch.nn.BatchNorm1d(10))
    found = report(model, (batch[0][:1], batch[1][:1]), torch.nn.CrossEntropyLoss())
    assert (first_cause(found), found.findings[0].module) == ("evaluation mode", "1")


# words and chapters


def test_every_cause_has_a_chapter_of_the_book_with_its_title(torch):
    from gradtrace.torch.verdict.causes import BRINGS, CHAPTERS, IN_TIME

    contents = (ROOT / "_toc.yml").read_text()
    for chapter in {*CHAPTERS.values(), *IN_TIME.values()}:
        cells = json.loads((ROOT / chapter.file).read_text())["cells"]
        assert "".join(cells[0]["source"]).splitlines()[0] == f"# {chapter.title}"
        assert f"file: {chapter.file.removesuffix('.ipynb')}\n" in contents
    order = [*CHAPTERS]
    for cause, later in BRINGS.items():
        assert all(order.index(cause) != order.index(other) for other in later)


def test_the_rules_stand_in_the_order_of_origin_and_say_why(torch):
    from gradtrace.torch.verdict.causes import CHAPTERS
    from gradtrace.torch.verdict.rules import RULES

    names = [rule.__name__.replace("_", " ") for rule in RULES]
    assert names == [cause for cause in CHAPTERS if cause in names]
    assert all(len(inspect.getdoc(rule)) > 80 for rule in RULES)


def test_the_text_names_module_cause_chapter_and_what_to_do(torch, report, batch):
    model = net(torch, depth=5)
    model[2].bias.data -= 5
    text = str(report(model, batch, torch.nn.CrossEntropyLoss()))
    assert re.search(r"dead units in 3\n  seen  (.|\n {8})*3 \(ReLU\)", text)
    assert "  read  Activations: what squashing does to a slope\n" in text
    assert "  do    " in text
    assert text == repr(report(model, batch, torch.nn.CrossEntropyLoss()))
    assert all(len(line) < 80 for line in text.splitlines())


def test_the_page_holds_what_the_report_found_and_links_to_the_book(torch, report, batch, tmp_path):
    model = torch.nn.Sequential()
    model.add_module("<b>", torch.nn.Linear(64, 64))
    model.add_module("relu", torch.nn.ReLU())
    model.add_module("head", torch.nn.Linear(64, 10))
    model[0].bias.data -= 100
    loss = torch.nn.CrossEntropyLoss()
    found = report(model, batch, loss, adam(torch, model), book="https://example.org/book/")
    found.save(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert '<h1 class="bad">Dead units, in relu</h1>' in text
    assert 'href="https://example.org/book/notebooks/activations.html"' in text
    assert "&lt;b&gt;" in text and "<b>" not in text
    assert re.findall(r'<div class="xp-live" id="(\w+)" data-figure="\w+"', text) == [
        "norms",
        "updates",
    ]
    assert "could not be drawn" not in text


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e30])
def test_pages_are_drawn_of_losses_of_any_size(torch, report, batch, scale, tmp_path):
    model = net(torch)

    def loss(out, target):
        return scale * torch.nn.functional.cross_entropy(out, target)

    report(model, batch, loss, torch.optim.SGD(model.parameters(), 0.1)).save(tmp_path / "p.html")
    assert "could not be drawn" not in (tmp_path / "p.html").read_text()


BARE = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        absent = {"ipywidgets", "anywidget", "IPython", "jupyter", "traitlets", "notebook",
                  "jupyterlab", "tqdm", "sklearn", "scipy"}
        found = name.partition(".")[0] not in absent
        return self.finder.find_spec(name, path, target) if found else None

sys.meta_path[:] = map(Without, sys.meta_path)
import torch
import gradtrace.torch
model = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 3))
batch = torch.randn(16, 4), torch.randint(3, (16,))
found = gradtrace.torch.report(model, batch, torch.nn.CrossEntropyLoss(), path=sys.argv[1])
print(found)
"""


def test_a_training_machine_needs_matplotlib_and_torch_alone(torch, tmp_path):
    path = tmp_path / "report.html"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", BARE, str(path)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "No findings" in run.stdout
    assert run.stdout.splitlines()[-1] == f"The page: {path}"
    assert "http://" not in path.read_text().replace("http://www.w3.org", "")


def test_the_books_page_has_every_cause_and_its_chapter():
    """But ``clipped``, which only a watch can see."""
    from gradtrace.torch.verdict.causes import CHAPTERS, IN_TIME

    page = Path(__file__).parents[1].joinpath("book", "diagnose.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1:4] for row in page.splitlines() if row.startswith("| ")]
    told = {cause: chapters for causes, _, chapters in rows for cause in causes.strip().split(", ")}
    told |= {
        f"not finite, {way}": row[2]
        for way in ("forward", "backward")
        for row in rows
        if row[0].strip() == f"not finite, {way}"
    }
    for cause in CHAPTERS.keys() - {"clipped"}:
        for chapter in {CHAPTERS[cause], IN_TIME.get(cause, CHAPTERS[cause])}:
            name = Path(chapter.file).stem
            assert f"../notebooks/{name})" in told[cause], (cause, name)


@pytest.mark.parametrize("raises", [False, True])
def test_what_a_forward_pass_writes_into_weights_is_undone(torch, report, raises):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(20, 8, max_norm=0.5)  # shortens its rows when it reads them
            self.last = nn.Linear(32, 3)

        def forward(self, x):
            self.last.weight.data.clamp_(-0.01, 0.01)
            return self.last(self.words(x).flatten(1))

    def loss(out, y):
        if raises:
            raise RuntimeError("as asked")
        return nn.functional.cross_entropy(out, y)

    torch.manual_seed(0)
    net = Net()
    before = copy.deepcopy(net.state_dict())
    batch = torch.randint(20, (16, 4)), torch.randint(3, (16,))
    if raises:
        with pytest.raises(RuntimeError, match="as asked"):
            report(net, batch, loss)
    else:
        report(net, batch, loss)
    for name, values in net.state_dict().items():
        assert torch.equal(values, before[name]), name
