"""Models, batches and losses of odd kinds, and what a report says to those that cannot be right."""

import functools
import warnings

import numpy as np
import pytest


@pytest.fixture(scope="module")
def report(torch):
    import gradtrace.torch

    return functools.partial(gradtrace.torch.report, path=None)


@pytest.fixture
def batch(torch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, 6, generator=generator)
    return x, torch.randint(3, (16,), generator=generator)


def net(torch, out=3):
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, out))


def adam(torch, model):
    return torch.optim.Adam(model.parameters(), 1e-3)


def odd_models(torch):
    nn, generator = torch.nn, torch.Generator().manual_seed(3)
    x = torch.randn(16, 6, generator=generator)
    y = torch.randint(3, (16,), generator=generator)
    images = torch.randn(16, 4, 6, generator=generator)

    class Forces(nn.Module):
        """The gradient of an energy."""

        def __init__(self, frozen=False):
            super().__init__()
            self.energy, self.unused = net(torch, 1), nn.Linear(2, 2)
            self.energy[0].requires_grad_(not frozen)

        def forward(self, x):
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.energy(x).sum(), x, create_graph=True)[0]

    class OfSequences(Forces):
        """So that a rule replaces one of the examples."""

        def forward(self, x):
            x = x.detach().requires_grad_()
            slope = torch.autograd.grad(self.energy(x).sum(), x, create_graph=True)[0]
            return slope.mean(1)[:, :3]

    class Penalty(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net(torch)

        def forward(self, x, labels):
            x = x.detach().requires_grad_()
            out = self.net(x)
            slope = torch.autograd.grad(out.square().sum(), x, create_graph=True)[0]
            return nn.functional.cross_entropy(out, labels) + 0.01 * slope.square().mean()

    class Mapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net(torch)

        def forward(self, x):
            return torch.func.vmap(self.net)(x)

    class Jacobian(Mapped):
        def forward(self, x):
            slopes = torch.func.vmap(torch.func.jacrev(self.net))(x)
            return self.net(x) + slopes.sum(-1)

    class Functional(Mapped):
        def forward(self, x):
            own = dict(self.net.named_parameters())
            return torch.func.functional_call(self.net, own, (x,))

    class Graph(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net(torch)

        def forward(self, a, x=None):
            return self.net(a @ (torch.eye(6) if x is None else x))

    class Ragged(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x):
            return self.layer(x).to_padded_tensor(0.0).mean(1)

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net(torch)

        def forward(self, scale, x):
            return scale * self.net(x)

    class Spatial(Scaled):
        def forward(self, steps, scale, x):
            return scale * self.net(x).mean(1)

    rows = [torch.randn(i % 3 + 1, 6, generator=generator) for i in range(16)]
    ragged = torch.nested.nested_tensor(rows, layout=torch.jagged)
    eye = torch.eye(16)
    ce, mse = nn.CrossEntropyLoss(), nn.MSELoss()
    return {
        "forces": (Forces(), (x, x), mse),
        "forces, half frozen": (Forces(True), (x, x), mse),
        "forces of sequences": (OfSequences(), (images, y), ce),
        "penalty": (Penalty(), {"x": x, "labels": y}, None),
        "vmap": (Mapped(), (x, y), ce),
        "jacobian": (Jacobian(), (x, y), ce),
        "functional call": (Functional(), (x, y), ce),
        "sparse": (Graph(), ((eye.to_sparse(), x), y), ce),
        "sparse alone": (Graph(), (x.to_sparse(), y), ce),
        "csr": (Graph(), ((eye.to_sparse_csr(), x), y), ce),
        "csr alone": (Graph(), (x.to_sparse_csr(), y), ce),
        "ragged": (Ragged(), (ragged, y), ce),
        "no axes": (Scaled(), ((torch.tensor(0.5), x), y), ce),
        "no axes, whole": (Scaled(), ((torch.tensor(1), x), y), ce),
        "no axes, second": (Spatial(), ((images.long(), torch.tensor(0.5), images), y), ce),
        "one example": (net(torch), (x[:1], y[:1]), ce),
    }


ODD = [
    *("forces", "forces, half frozen", "forces of sequences", "penalty", "vmap", "jacobian"),
    *("functional call", "sparse", "sparse alone", "csr", "csr alone", "ragged", "no axes"),
    *("no axes, whole", "no axes, second", "one example"),
]


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:The PyTorch API of nested")
@pytest.mark.parametrize("with_optimizer", [True, False])
@pytest.mark.parametrize("case", ODD)
def test_odd_models_have_their_losses_told_and_no_findings(torch, report, case, with_optimizer):
    model, batch, loss = odd_models(torch)[case]
    optimizer = torch.optim.SGD(model.parameters(), 0.1) if with_optimizer else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Sparse CSR|The PyTorch API of nested")
        found = report(model, batch, loss, optimizer)
    assert found.healthy, str(found)
    assert not any("No updates" in note or "less was asked" in note for note in found.notes)
    assert all("Please file an issue" not in note and "aten" not in note for note in found.notes)
    if with_optimizer:
        losses = []
        for _ in found.losses:
            optimizer.zero_grad()
            if loss is None:
                value = model(**batch)
            else:
                inputs = batch[0] if isinstance(batch[0], tuple) else (batch[0],)
                value = loss(model(*inputs), batch[1])
            value.backward()
            optimizer.step()
            losses.append(value.item())
        assert found.losses == pytest.approx(losses, rel=1e-4)


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:The PyTorch API of nested")
def test_every_odd_model_is_tried(torch):
    assert [*odd_models(torch)] == ODD


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:The PyTorch API of nested")
@pytest.mark.parametrize(
    "case", ["forces", "vmap", "jacobian", "sparse alone", "csr alone", "ragged"]
)
def test_what_is_not_finite_is_found_in_odd_models(torch, report, case):
    inner, batch, loss = odd_models(torch)[case]

    class Bad(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def forward(self, *args):
            return self.inner(*args) + (0 * self.inner(*args) - 1).log()

    found = report(Bad(), batch, loss)
    assert found.findings[0].cause == "not finite, forward"
    assert "log" in found.findings[0].sentence


def test_a_trace_within_a_transform_is_refused_in_words(torch, trace):
    model, (x, _), _ = odd_models_of_vmap(torch)
    with pytest.raises(
        ValueError, match=r"net.0: expected to be called with tensors.*inside of vmap"
    ):
        trace(model, x, lambda out: out.square().sum())


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:The PyTorch API of nested")
def odd_models_of_vmap(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return odd_models(torch)["vmap"]


def test_lazy_buffers_are_refused_as_lazy_parameters_are(torch, report, trace, batch):
    nn = torch.nn
    for lazy in (nn.LazyBatchNorm1d(affine=False), nn.LazyBatchNorm1d()):
        model = nn.Sequential(nn.Linear(6, 8), lazy, nn.Linear(8, 3))
        with pytest.raises(ValueError, match=r"model: expected parameters and buffers with values"):
            report(model, batch, nn.CrossEntropyLoss())
        with pytest.raises(
            ValueError, match=r"lazy ones in 1; call the model once on a batch first"
        ):
            trace(model, batch[0], lambda out: out.square().sum())


# models that check what they are given


def test_a_model_that_takes_no_other_order_is_reported_on_all_the_same(torch, report):
    class Packed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = torch.nn.GRU(6, 8, batch_first=True), torch.nn.Linear(8, 3)

        def forward(self, x, lengths):
            if not bool((lengths[:-1] >= lengths[1:]).all()):
                raise AssertionError("sort them")
            return self.head(self.rnn(x)[0][:, -1])

    torch.manual_seed(0)
    x, lengths = torch.randn(8, 5, 6), torch.arange(8, 0, -1)
    found = report(Packed(), ((x, lengths), torch.randint(3, (8,))), torch.nn.CrossEntropyLoss())
    assert found.healthy, str(found)
    assert len(found.losses) > 20
    assert any("less was asked: AssertionError: sort them" in note for note in found.notes)


def test_a_model_that_takes_no_other_numbers_is_reported_on_all_the_same(torch, report):
    class Table(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.table = net(torch), torch.nn.Embedding(900, 3)

        def forward(self, x):
            return self.net(x) + self.table(x[:, 0].long() // 1000)

    x = torch.rand(16, 6) * 1e5 + 5e5
    torch.manual_seed(0)
    found = report(Table(), (x, torch.randint(3, (16,))), torch.nn.CrossEntropyLoss())
    assert any("less was asked: IndexError" in note for note in found.notes)


# what is said


def test_forgotten_and_wrong_losses_are_named(torch, report, trace, batch):
    model, (x, y) = net(torch), batch
    ce = torch.nn.CrossEntropyLoss
    wrong = {
        r"loss: expected .*, as Sequential takes no two arguments, got None": (model, (x, y)),
        r"loss: expected .*, as the batch is a list of 2, as a DataLoader": (model, [x, y]),
        r"loss: expected .*the model does not compute one number itself": (model, x),
        r"loss: expected .* got the class CrossEntropyLoss; call it first": (model, batch, ce),
        r"3 required arguments \(a, b, c\); .*lambda out: loss\(out, …\)": (
            *(model, batch),
            lambda a, b, c: a,
        ),
        r"batch: expected .* a dict with the keys .*\(batch\['x'\], batch\['y'\]\)": (
            *(model, {"x": x, "y": y}),
            ce(),
        ),
        r"batch: expected .* a dict with the keys list \[1\]; .*\(batch, target\)": (
            *(model, {1: x}),
            ce(),
        ),
        r"batch: expected .*; take one batch from it, next\(iter\(loader\)\)": (
            *(model, torch.utils.data.DataLoader([1, 2])),
            ce(),
        ),
        r"batch: expected .* got an array of float32, shape \(16, 6\); torch.from_numpy": (
            *(model, (x.numpy(), y)),
            ce(),
        ),
        r"batch: expected .* got a list of 1; a list that is one argument": (
            *(model, ([x], y)),
            ce(),
        ),
        r"batch: expected a tensor.* got 'text'$": (model, ("text", y), ce()),
        r"batch: expected at least one example, got tensors of shape \(0, 6\)": (
            *(model, (x[:0], y[:0])),
            ce(),
        ),
        r"model: expected a torch.nn.Module, .*; call it first, Linear\(…\)": (
            *(torch.nn.Linear, batch),
            ce(),
        ),
    }
    for message, arguments in wrong.items():
        with pytest.raises((TypeError, ValueError), match=message):
            report(*arguments)
    with pytest.raises(TypeError, match=r"loss: expected .* got the class CrossEntropyLoss"):
        trace(model, x, ce)
    with pytest.raises(TypeError, match=r"loss: expected .* takes no two arguments"):
        trace(model, (x, y))
    with pytest.raises(TypeError, match=r"input: expected .*; torch.from_numpy makes one"):
        trace(model, np.ones((2, 6)))


def test_an_error_of_a_model_with_two_arguments_is_its_own(torch, report, batch):
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net(torch)

        def forward(self, x, y):
            raise TypeError("as asked")

    with pytest.raises(TypeError, match="as asked"):
        report(Two(), batch)


def test_the_loss_that_raises_is_told_from_the_model(torch, report, batch):
    with pytest.raises(RuntimeError) as raised:
        report(net(torch), (batch[0], batch[1].float()), torch.nn.CrossEntropyLoss())
    (note,) = raised.value.__notes__
    assert note == (
        "report: the loss raised this, given an output with tensors of shape (16, 3) and a target"
        " with tensors of shape (16,)."
    )


def test_a_pass_with_other_weights_that_raises_is_no_fault_of_the_batch(torch, report, batch):
    """The note said that the model does not run on the batch, though it had run there."""

    class Checked(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Linear(6, 6), net(torch)

        def forward(self, x):
            if not torch.equal(self.first.weight, start):
                raise ArithmeticError("other weights")
            return self.last(self.first(x))

    model = Checked()
    start = model.first.weight.detach().clone()
    with pytest.raises(ArithmeticError) as raised:
        report(model, batch, torch.nn.CrossEntropyLoss(), adam(torch, model))
    (note,) = raised.value.__notes__
    assert "ran on the batch; it raised this where other inputs or other weights" in note
    assert torch.equal(model.first.weight, start)


@pytest.mark.parametrize("steps", ["nope", [], 3])
def test_steps_that_are_none_are_refused_as_by_a_trace(torch, report, trace, batch, steps):
    with pytest.raises((TypeError, ValueError), match="steps: expected") as of_trace:
        trace(net(torch), batch[0], lambda out: out.sum(), steps)
    with pytest.raises((TypeError, ValueError), match="steps: expected") as raised:
        report(net(torch), batch, torch.nn.CrossEntropyLoss(), steps=steps)
    assert str(raised.value) == str(of_trace.value)


def test_steps_that_the_model_does_not_call_are_refused(torch, report, batch):
    class Unused(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.other = net(torch), torch.nn.Linear(2, 2)

        def forward(self, x):
            return self.net(x)

    with pytest.raises(ValueError, match="steps: expected modules that the model calls"):
        report(Unused(), batch, torch.nn.CrossEntropyLoss(), steps="other")
    assert report(Unused(), batch, torch.nn.CrossEntropyLoss(), steps="net.0").trace is not None


# numbers that were not finite before


@pytest.mark.parametrize("what", ["weight", "running_mean"])
def test_weights_that_are_nan_already_point_to_an_earlier_update(torch, report, batch, what):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    if what == "weight":
        model[3].weight.data[0, 0] = float("nan")
    else:
        model[1].running_mean[2] = float("nan")
        model.eval()
    finding = report(model, batch, nn.CrossEntropyLoss()).findings[0]
    assert finding.module == ("3" if what == "weight" else "1")
    assert f"its {what} holds nan before anything is computed" in finding.sentence
    assert "gradtrace.torch.watch(model, optimizer, every=1)" in finding.remedy


def test_a_number_that_is_born_in_the_pass_points_to_no_earlier_update(torch, report, batch):
    def loss(out, y):
        return torch.nn.functional.cross_entropy((out - 1e9).log(), y)

    finding = report(net(torch), batch, loss).findings[0]
    assert "before anything" not in finding.sentence and "watch" not in finding.remedy


# files


def test_a_file_that_no_report_has_written_is_not_lost(torch, batch, tmp_path):
    import gradtrace.torch

    loss = torch.nn.CrossEntropyLoss()
    path = tmp_path / "report.html"
    path.write_text("<html>my own</html>")
    with pytest.raises(FileExistsError, match=r"path: expected a file that is not there yet"):
        gradtrace.torch.report(net(torch), batch, loss, path=path)
    found = gradtrace.torch.report(net(torch), batch, loss, path=None)
    with pytest.raises(FileExistsError, match=r"give another path, or move the file away"):
        found.save(str(path))
    assert path.read_text() == "<html>my own</html>"
    path.unlink()
    gradtrace.torch.report(net(torch), batch, loss, path=path)
    first = path.read_text()
    model = net(torch)
    model[0].bias.data -= 100
    gradtrace.torch.report(model, batch, loss, path=path)
    assert path.read_text() != first
    found.save(path)
    assert path.read_text() == first
    with pytest.raises(
        IsADirectoryError, match=r"path: expected the name of a file, got the folder"
    ):
        found.save(tmp_path)
