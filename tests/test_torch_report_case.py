"""What rules are told of a model, its batch and its loss, against plain PyTorch."""

import math
from contextlib import contextmanager

import pytest


@pytest.fixture
def batch(torch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, 6, generator=generator)
    return x, torch.randint(3, (16,), generator=generator)


def net(torch):
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))


@contextmanager
def case_of(model, batch, loss, optimizer=None, steps=None):
    from gradtrace.torch.verdict.case import Case
    from gradtrace.torch.verdict.task import Task

    with Task(model, batch, loss).as_found() as task:
        yield Case(task, optimizer, steps)


def test_losses_without_the_models_help(torch, batch):
    from gradtrace.torch.verdict.alike import order

    model, ce = net(torch), torch.nn.CrossEntropyLoss()
    x, y = batch
    out = model(x).detach()
    places = order(16)
    assert sorted(places.tolist()) == [*range(16)]
    assert not (places == torch.arange(16)).any()
    with case_of(model, batch, ce) as case:
        told = {
            "loss": ce(out, y),
            "loss_again": ce(out, y),
            "loss_of_zeros": ce(0 * out, y),
            "loss_of_mean": ce(out.mean(0).expand(16, 3), y),
            "loss_of_shuffled": ce(out[places], y),
        }
        for name, value in told.items():
            assert getattr(case, name) == pytest.approx(value.item(), rel=1e-6), name
        assert case.loss_of_constant == min(case.loss_of_zeros, case.loss_of_mean)
        assert not case.learnt
    with case_of(model, x, lambda out: ce(out, y)) as case:
        assert case.loss_of_zeros == pytest.approx(math.log(3))
    with case_of(torch.nn.Flatten(0), torch.ones(1, requires_grad=True), None) as case:
        assert math.isnan(case.loss_of_zeros) and math.isnan(case.loss_of_constant)


def test_what_has_learnt_loses_half_with_the_outputs_exchanged(torch, batch):
    class Given(torch.nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(scale))

        def forward(self, y):
            return self.scale * torch.nn.functional.one_hot(y, 3).float()

    _, y = batch
    for scale, learnt in ((8.0, True), (0.3, False), (-8.0, False)):
        with case_of(Given(scale), (y, y), torch.nn.CrossEntropyLoss()) as case:
            assert case.learnt is learnt


def images(torch):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(8, 3, 4, 5, generator=generator) * torch.tensor([1.0, 5.0, 0.0]).view(3, 1, 1)
    return x + torch.tensor([2.0, -1.0, 7.0]).view(3, 1, 1), torch.randint(3, (8,))


def conv(torch):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 3),
    )


def test_channels_are_the_features_of_images(torch):
    x, y = images(torch)
    with case_of(conv(torch), (x, y), torch.nn.CrossEntropyLoss()) as case:
        mean, spread = case.input_sizes()
        flat = x.movedim(1, 0).flatten(1)[:2]  # the third never changes
        torch.testing.assert_close(mean, flat.mean(1))
        torch.testing.assert_close(spread, flat.std(1))
        (other,) = case.standardised.task.inputs.args
        channels = other.movedim(1, 0).flatten(1)
        torch.testing.assert_close(channels.mean(1), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(channels.std(1), torch.tensor([1.0, 1.0, 0.0]))
        assert case.first_weights() == "0" and case.last_weights() == "3"
        assert case.with_weights() == ["0", "3"]


def test_the_last_axis_has_the_features_elsewhere(torch, batch):
    x, y = 3 * batch[0] + 1, batch[1]
    with case_of(net(torch), (x, y), torch.nn.CrossEntropyLoss()) as case:
        mean, spread = case.input_sizes()
        torch.testing.assert_close(mean, x.mean(0))
        torch.testing.assert_close(spread, x.std(0))
        (other,) = case.standardised.task.inputs.args
        torch.testing.assert_close(other, (x - x.mean(0)) / x.std(0))
        assert case.standardised.loss != case.loss
    for none in (x[:1], torch.ones(16, 6)):
        with case_of(net(torch), (none, y[: len(none)]), torch.nn.CrossEntropyLoss()) as case:
            assert case.input_sizes() is None and case.standardised is None


class Masked:
    @staticmethod
    def make(torch):
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net(torch)

            def forward(self, x, mask, scale):
                return self.net(x * mask[:, None]) * scale.sum()

        return Net()


def test_another_order_takes_along_what_has_as_many_rows(torch, batch):
    from gradtrace.torch.verdict.alike import order

    x, y = batch
    mask, scale, places = torch.rand(16), torch.ones(3), order(16)
    with case_of(Masked.make(torch), ((x, mask, scale), y), torch.nn.CrossEntropyLoss()) as case:
        one, two, three = case.shuffled_inputs.args
        assert torch.equal(one, x[places]) and torch.equal(two, mask[places])
        assert torch.equal(three, scale)
        assert not case.same_inputs()
        out, _ = case.task.run()
        other = case.output_of(case.shuffled_inputs)
        torch.testing.assert_close(other, out[places])
    same = x[:1].expand(16, 6).clone()
    for inputs in ((same, torch.ones(16), scale), (x[:1], mask[:1], scale)):
        rows = len(inputs[0])
        with case_of(Masked.make(torch), (inputs, y[:rows]), torch.nn.CrossEntropyLoss()) as case:
            assert case.shuffled_inputs is None
            assert case.same_inputs() is (rows > 1)
    with case_of(Masked.make(torch), ((same, mask, scale), y), torch.nn.CrossEntropyLoss()) as case:
        assert not case.same_inputs()


def test_one_example_is_replaced_by_the_one_that_differs_most(torch, batch):
    model = net(torch)
    x = batch[0].round().clone()
    x[3:] = x[0]
    x[3:, :2] += 1
    x[5] = x[0] + 1
    out = model(x).detach()
    with case_of(model, (x, batch[1]), torch.nn.CrossEntropyLoss()) as case:
        other = case.output_of(case.with_one_replaced(0))
        differing = (x != x[0]).sum(1)
        torch.testing.assert_close(other[0], out[int(differing.argmax())])
        torch.testing.assert_close(other[1:], out[1:])
    same = torch.ones_like(x)
    with case_of(model, (same, batch[1]), torch.nn.CrossEntropyLoss()) as case:
        assert case.with_one_replaced(0) is None


def test_ratios_are_of_the_matrix_that_moves_most(torch, batch):
    model = net(torch)
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 1.0}], 1e-3
    )
    with case_of(model, batch, torch.nn.CrossEntropyLoss(), optimizer) as case:
        ups = case.updates
        ratios = case.update_ratios(ups)
        assert len(ratios) == 20
        assert len(case.more_updates.losses) == 101
        first, last = ups.moved["0.weight"], ups.moved["2.weight"]
        assert ratios == [max(pair) for pair in zip(first, last, strict=True)]
        g = case.seen.grads["2.weight"]
        assert last[0] == pytest.approx((g.norm() / model[2].weight.norm()).item(), rel=1e-5)
        ratio = g.norm() / model[2].weight.norm()
        assert case.relative_gradient("2") == pytest.approx(ratio.item(), rel=1e-5)
        assert case.relative_gradient("1") == 0


def test_weights_of_the_same_size_take_the_place_of_others(torch, batch):
    """The norm of the weights is then about the loss itself."""
    model = torch.nn.Sequential(torch.nn.Linear(30, 40, bias=False))
    x = torch.eye(30)

    def loss(out):
        return out.square().mean().sqrt()  # the root mean square of the weights

    with case_of(model, x, loss) as case:
        assert case.loss_if_changed([]) == case.loss_again
        changed = case.loss_if_changed(["0.weight"])
        assert changed != case.loss_again
        assert changed == pytest.approx(case.loss_again, rel=0.1)
        assert case.loss_if_changed(["0.weight"]) == changed
    model[0].weight.data.zero_()
    with case_of(model, x, loss) as case:
        assert case.loss_if_changed(["0.weight"]) == pytest.approx(1, rel=0.1)


def test_values_are_alike_to_five_digits(torch):
    from gradtrace.torch.verdict.alike import alike

    t = torch.tensor([1.0, 100.0])
    assert alike(t, t + 5e-4) and not alike(t, t + 5e-3)
    assert not alike(t, t + 5e-4, 0.0) and alike(t, t.clone(), 0.0)
    assert not alike(t, t[:1])
    whole = torch.tensor([1, 2])
    assert alike([whole, {"a": t}], [whole.clone(), {"a": t}])
    assert not alike([whole], [whole + 1])
    assert not alike(None, None)
    assert alike(torch.ones(0), torch.ones(0))


def test_steps_in_time_are_told_from_those_in_depth(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.GRU(6, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.rnn(x)[0][:, -1])

    x, y = torch.randn(4, 9, 6), torch.randint(3, (4,))
    with case_of(Net(), (x, y), nn.CrossEntropyLoss()) as case:
        assert case.in_time == "rnn"
        assert case.chain == (0, 9)
        assert case.grid is not None
    with case_of(net(torch), (x[:, 0], y), nn.CrossEntropyLoss()) as case:
        assert case.in_time == ""
        assert case.chain == (0, len(case.trace.names))


def test_two_branches_are_no_chain(torch, batch):
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (torch.nn.Linear(6, 6) for _ in range(3))
            self.d, self.head = torch.nn.Linear(6, 6), torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.head(self.a(x) + self.d(self.c(self.b(x))))

    steps = ["a", "b", "c", "d"]
    with case_of(Two(), batch, torch.nn.CrossEntropyLoss(), steps=steps) as case:
        assert case.trace.names == ("a", "b", "c", "d")
        assert case.chain == (1, 4)


def test_numbers_of_the_batch_that_are_not_finite_are_its_own(torch, batch):
    x = batch[0].clone()
    x[3, 2] = math.nan
    with case_of(net(torch), (x, batch[1]), torch.nn.CrossEntropyLoss()) as case:
        assert not case.finite
        assert case.anomalies[0].module == "the input"
        assert case.notes == []


def test_a_model_that_is_a_recurrent_module_itself_goes_in_time(torch):
    x = torch.randn(4, 9, 6)
    rnn = torch.nn.GRU(6, 8, batch_first=True)
    with case_of(rnn, x, lambda out: out[0][:, -1].square().mean()) as case:
        assert case.in_time == "GRU"


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("wrong", [True, False])
def test_a_loss_that_forgets_the_order_is_seen_within_a_model_too(torch, batch, own, wrong):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Linear(6, 1)

        def forward(self, x, target=None):
            out = self.net(x)
            return out if target is None else loss(out, target)

    def loss(out, target):
        return (out - target).square().mean() if wrong else (out[:, 0] - target).square().mean()

    x, target = batch[0], batch[0][:, 0] ** 2
    given = {"x": x, "target": target} if own else (x, target)
    with case_of(Net(), given, None if own else loss) as case:
        if wrong:
            assert case.broadcast == ((16, 1), (16,))
            assert case.loss_forgets_order()
        else:
            assert case.broadcast is None


def test_rows_are_alike_within_each_gate_or_third(torch):
    from gradtrace.torch.verdict.updates import spread, spread_within

    def blocks(count):
        return torch.arange(1.0, count + 1).repeat_interleave(4)[:, None].expand(4 * count, 5)

    assert spread(torch.ones(4, 5)) == 0 and spread(torch.zeros(4, 5)) == 0
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert spread(rows) == pytest.approx(0.5**0.5)
    assert spread_within(blocks(3)) == 0 and spread_within(blocks(4)) == 0
    assert spread_within(blocks(5)) > 0.1
    assert spread_within(rows) == pytest.approx(0.5**0.5)  # no gates of less than a row


def test_scales_of_a_norm_are_no_weights(torch, batch):
    model = torch.nn.Sequential(torch.nn.LayerNorm(6), *net(torch), torch.nn.LayerNorm(3))
    with case_of(model, batch, torch.nn.CrossEntropyLoss()) as case:
        assert case.with_weights() == ["1", "3"]


@pytest.mark.parametrize("context", ["no_grad", "inference_mode"])
def test_a_report_needs_no_gradients_around_it(torch, batch, context):
    import gradtrace.torch

    model, loss = net(torch), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with getattr(torch, context)():
        within = gradtrace.torch.report(model, batch, loss, optimizer, path=None)
    assert within.losses == gradtrace.torch.report(model, batch, loss, optimizer, path=None).losses
