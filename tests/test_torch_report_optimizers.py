"""The updates of a report are those of your loop, whatever optimisers and hooks are in it."""

import functools
import inspect
import json

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


def net(torch):
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))


def plain_losses(torch, model, batch, optimizers, count, closure=False):
    """What a loop makes of a model."""
    losses = []
    for _ in range(count):

        def backward():
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(batch[0]), batch[1])
            loss.backward()
            losses.append(loss.item())
            return loss

        if closure:
            before = len(losses)
            optimizers[0].step(backward)
            losses[before + 1 :] = []
        else:
            backward()
            for optimizer in optimizers:
                optimizer.step()
    return losses


def state_of(torch, optimizer):
    return json.dumps(
        optimizer.state_dict(), default=lambda t: t.tolist() if torch.is_tensor(t) else str(t)
    )


def agree(torch, report, model, batch, optimizer, each, closure=False):
    """Whether a report tells the losses that a loop then makes, and touches no optimiser."""
    before = [state_of(torch, one) for one in each]
    found = report(model, batch, torch.nn.CrossEntropyLoss(), optimizer)
    assert [state_of(torch, one) for one in each] == before
    losses = plain_losses(torch, model, batch, each, len(found.losses), closure)
    assert found.losses == pytest.approx(losses, rel=1e-5)
    assert len(losses) > 20
    return found


class Words:
    @staticmethod
    def make(torch):
        torch.manual_seed(0)

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.table = torch.nn.Embedding(20, 8, sparse=True)
                self.head = torch.nn.Linear(32, 3)

            def forward(self, x):
                return self.head(self.table(x).flatten(1))

        generator = torch.Generator().manual_seed(0)
        x = torch.randint(20, (16, 4), generator=generator)
        return Net(), (x, torch.randint(3, (16,), generator=generator))


@pytest.mark.parametrize("kind", [list, tuple])
def test_several_optimisers_make_their_steps_one_after_another(torch, report, kind):
    model, batch = Words.make(torch)
    each = [
        torch.optim.SparseAdam(model.table.parameters(), 1e-2),
        torch.optim.AdamW(model.head.parameters(), 1e-2),
    ]
    plain_losses(torch, model, batch, each, 3)
    found = agree(torch, report, model, batch, kind(each), each)
    assert found.healthy, str(found)
    assert {row.covered for row in found.modules if row.parameters} == {"yes"}


def test_of_several_optimisers_each_has_its_own_epsilon_and_decay(torch, report, batch):
    model = net(torch)
    usual = torch.optim.Adam(model[2].parameters(), 1e-3)
    large = torch.optim.Adam(model[0].parameters(), 1e-3, eps=100.0)
    found = report(model, batch, torch.nn.CrossEntropyLoss(), [usual, large])
    assert ("below epsilon", "0") in {(f.cause, f.module) for f in found.findings}, str(found)
    eaten = torch.optim.SGD(model[0].parameters(), 1e-3, weight_decay=1e4)
    found = report(model, batch, torch.nn.CrossEntropyLoss(), [usual, eaten])
    assert any("decay" in f.sentence for f in found.findings), str(found)


def test_one_optimiser_in_a_list_is_that_one(torch, report, batch):
    model = net(torch)
    optimizer = torch.optim.LBFGS(model.parameters(), 0.1, max_iter=3)
    agree(torch, report, model, batch, [optimizer], [optimizer], closure=True)


def test_one_of_several_may_want_a_closure(torch, report, batch):
    model = net(torch)
    bfgs = torch.optim.LBFGS(model[0].parameters(), 0.1, max_iter=3)
    sgd = torch.optim.SGD(model[2].parameters(), 0.1)
    for each in ([bfgs, sgd], [sgd, bfgs]):
        found = report(model, batch, torch.nn.CrossEntropyLoss(), each)
        assert found.losses[-1] < found.losses[0]
        assert {row.covered for row in found.modules if row.parameters} == {"yes"}


def test_a_wrapper_of_another_library_is_taken_off(torch, report, batch):
    class Accelerated(torch.optim.Optimizer):  # as accelerate's, which is one by its class alone
        def __init__(self, optimizer):
            self.optimizer = optimizer

        def step(self, closure=None):
            raise AssertionError("the gradients are not scaled")

    class Engine:
        def __init__(self, optimizer):
            self.optimizer = optimizer

    model = net(torch)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for wrapped in (Accelerated(optimizer), Engine(Accelerated(optimizer)), [Engine(optimizer)]):
        found = report(model, batch, torch.nn.CrossEntropyLoss(), wrapped)
        assert found.losses == report(model, batch, torch.nn.CrossEntropyLoss(), optimizer).losses


def optimizers(torch):
    """Rules as libraries write them: ``{case: (class, whether it wants a closure)}``."""

    class Plain(torch.optim.Optimizer):
        """Without a closure, and with functions among its attributes."""

        factor = 1.0

        def __init__(self, params):
            super().__init__(params, {"lr": 0.05})
            self.factor = 2.0
            self.clip = torch.sign
            self.rate = self.rate_of
            self.before_hook = abs
            self.count = 0
            self.grow = lambda: setattr(self, "count", self.count + 1)
            self.first = self.param_groups[0]["params"][0]
            self.size = lambda: self.first.detach().norm().item()

        def rate_of(self, group):
            return group["lr"] / (1 + self.count)

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p -= self.factor * self.rate(group) * self.clip(p.grad) / (1 + self.size())
            self.grow()

    class Ignores(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.05})

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p -= group["lr"] * p.grad

    class Sharpness(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.05})
            self.base = torch.optim.SGD(self.param_groups, 0.05, momentum=0.9)

        @torch.no_grad()
        def step(self, closure=None):
            assert closure is not None, "needs a closure"
            closure = torch.enable_grad()(closure)
            closure()
            moved = {}
            for p in self.param_groups[0]["params"]:
                moved[p] = 0.05 * p.grad / (p.grad.norm() + 1e-12)
                p += moved[p]
            closure()
            for p, change in moved.items():
                p -= change
            self.base.step()

    return {
        "no closure": (Plain, False),
        "ignores the closure": (Ignores, False),
        "sharpness": (Sharpness, True),
        "bfgs": (torch.optim.LBFGS, True),
    }


RULES = ["no closure", "ignores the closure", "sharpness", "bfgs"]


@pytest.mark.parametrize("case", RULES)
def test_rules_of_other_libraries_run(torch, report, batch, case):
    rule, closure = optimizers(torch)[case]
    model = net(torch)
    optimizer = rule(model.parameters())
    plain_losses(torch, model, batch, [optimizer], 2, closure)
    counted = getattr(optimizer, "count", None)
    report(model, batch, torch.nn.CrossEntropyLoss(), optimizer)
    assert getattr(optimizer, "count", None) == counted
    agree(torch, report, model, batch, optimizer, [optimizer], closure)


def test_every_rule_is_tried(torch):
    assert [*optimizers(torch)] == RULES


def test_what_a_step_raises_goes_on_as_it_was_raised(torch, report, batch):
    class Broken(torch.optim.SGD):
        def step(self, closure=None):
            raise KeyError("as asked")

    class Bare(torch.optim.SGD):
        def step(self):
            raise KeyError("as asked")

    model = net(torch)
    before = [p.detach().clone() for p in model.parameters()]
    for kind in (Broken, Bare):
        with pytest.raises(KeyError, match="as asked"):
            optimizer = kind(model.parameters(), 0.1)
            report(model, batch, torch.nn.CrossEntropyLoss(), optimizer)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_an_optimiser_that_cannot_be_copied_is_refused(torch, report, batch):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    optimizer.stream = (i for i in range(3))
    with pytest.raises(TypeError, match=r"expected one that copy\.deepcopy copies, got SGD"):
        report(model, batch, torch.nn.CrossEntropyLoss(), optimizer)


def test_bad_optimisers_are_told_what_was_expected(torch, report, batch):
    model = net(torch)
    one = torch.optim.SGD(model.parameters(), 0.1)
    wrong = {
        r"optimizer: expected a torch.optim.Optimizer, got 'Adam'": "Adam",
        r"optimizer: expected a torch.optim.Optimizer, got type": torch.optim.Adam,
        r"optimizer: expected a torch.optim.Optimizer, got int 3": [one, 3],
        r"optimizer: expected a list of different optimisers, got an empty one": [],
        r"optimizer: expected a list of different optimisers, got 2, some of them": (one, one),
    }
    for message, optimizer in wrong.items():
        with pytest.raises((TypeError, ValueError), match=message):
            report(model, batch, torch.nn.CrossEntropyLoss(), optimizer)


# hooks on parameters


@pytest.mark.parametrize("with_optimizer", [True, False])
def test_a_mask_on_a_gradient_holds_for_the_copies_that_are_trained(
    torch, report, batch, with_optimizer
):
    model = net(torch)
    mask = torch.zeros(8, 6)
    model[0].weight.register_hook(lambda g: g * mask)
    optimizer = torch.optim.SGD(model.parameters(), 0.1) if with_optimizer else None
    if with_optimizer:
        found = agree(torch, report, model, batch, optimizer, [optimizer])
    else:
        found = report(model, batch, torch.nn.CrossEntropyLoss())
    assert set(found.updates.moved["0.weight"]) == {0.0}
    assert min(found.updates.moved["2.weight"]) > 0


def test_hooks_on_complete_gradients_run_on_the_copies(torch, report, batch):
    model = net(torch)

    def clip(p):
        p.grad.clamp_(-1e-3, 1e-3)

    for p in model.parameters():
        p.register_post_accumulate_grad_hook(clip)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    agree(torch, report, model, batch, optimizer, [optimizer])


def test_a_hook_that_knows_its_own_parameter_alone_is_told(torch, report, batch):
    """As where each parameter has its own optimiser, which steps within the backward pass."""
    model = net(torch)
    own = {p: torch.optim.SGD([p], 0.1) for p in model.parameters()}
    for p in model.parameters():
        p.register_post_accumulate_grad_hook(lambda p: own[p].step())
    before = [p.detach().clone() for p in model.parameters()]
    found = report(model, batch, torch.nn.CrossEntropyLoss())
    [note] = [note for note in found.notes if note.startswith("No updates were tried")]
    assert "a hook of 0.weight, called when its gradient is complete" in note
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_steps_of_pytorch_take_a_closure_as_this_one_supposes(torch):
    from gradtrace.torch.verdict.updates import closure_of, takes_closure, wants_closure

    p = torch.zeros(2, requires_grad=True)
    bfgs, sgd = torch.optim.LBFGS([p]), torch.optim.SGD([p], 0.1)
    assert wants_closure(bfgs) and not wants_closure(sgd)
    assert takes_closure(bfgs) and takes_closure(sgd)
    assert isinstance(closure_of(sgd), inspect.Parameter)
