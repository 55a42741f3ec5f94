"""What a rule must not say, and what it must: each on the smallest net that shows it."""

import math
import warnings

import numpy as np
import pytest
from optional import optional

torch = optional("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import gradtrace.torch  # noqa: E402
from benchmarks.diagnosis.__main__ import judged  # noqa: E402
from benchmarks.diagnosis.case import cases_in  # noqa: E402
from benchmarks.diagnosis.nets import mlp  # noqa: E402
from benchmarks.diagnosis.tuned import accused, unnoticed  # noqa: E402
from gradtrace.torch.verdict import graph, updates  # noqa: E402
from gradtrace.torch.verdict.case import Case  # noqa: E402
from gradtrace.torch.verdict.observe import Flow  # noqa: E402
from gradtrace.torch.verdict.rules import chain, examples, mode, steps, units  # noqa: E402
from gradtrace.torch.verdict.task import Task  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def report(model, batch, loss=None, optimizer=None):
    return gradtrace.torch.report(model, batch, loss, optimizer, path=None)


def causes(*args):
    return [finding.cause for finding in report(*args).findings]


def adam(model, lr=1e-3, **options):
    chosen = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.Adam(chosen, lr, **options)


def rows(n=64, width=16, classes=5, seed=0):
    """Numbers, and which of the first few is the largest."""
    x = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
    return x, x[:, :classes].argmax(1)


def case_of(model, batch, loss, optimizer=None):
    """A case outside a report; its task is not put back."""
    task = Task(model, batch, loss)
    context = task.as_found()
    context.__enter__()
    return Case(task, optimizer, None)


# the cases of the corpus that were added for this


@pytest.mark.parametrize("case", cases_in(accused), ids=lambda case: case.name)
def test_a_healthy_model_that_was_accused_is_no_more(case):
    told = judged(case, 0)
    assert told["outcome"] == "healthy", told["findings"]


@pytest.mark.parametrize("case", cases_in(unnoticed), ids=lambda case: case.name)
def test_a_fault_that_was_not_noticed_is_found_and_its_twin_has_none(case):
    assert judged(case, 0)["outcome"] == "right"
    twin = judged(case, 0, repaired=True)
    assert twin["outcome"] == "healthy", twin["findings"]


# modes


def test_a_part_in_evaluation_mode_is_meant_so_if_it_is_frozen_as_a_whole():
    def build(frozen):
        torch.manual_seed(0)
        part = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Dropout())
        nn.init.normal_(part[0].weight, std=0.7)
        part.requires_grad_(not frozen).eval()
        return nn.Sequential(part, nn.Linear(16, 5))

    for frozen, expected in ((True, []), (False, ["evaluation mode"])):
        model = build(frozen)
        assert causes(model, rows(), nn.CrossEntropyLoss(), adam(model)) == expected
    alone = nn.Sequential(nn.Dropout().eval())
    assert not mode.in_frozen_part(case_of(alone, rows()[0], torch.mean), "0")


def test_weights_as_usual_starts_draw_them_are_told_from_trained_ones():
    torch.manual_seed(0)
    w = torch.empty(48, 32)
    for draw in (
        lambda: nn.init.normal_(w),
        lambda: nn.init.normal_(w, std=0.02),
        lambda: nn.init.kaiming_normal_(w),
        lambda: nn.init.kaiming_normal_(w, mode="fan_out"),
        lambda: nn.init.xavier_normal_(w),
        lambda: nn.init.kaiming_uniform_(w, a=5**0.5),
        lambda: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
        lambda: nn.LSTM(32, 12).weight_ih_l0,
        lambda: nn.GRU(32, 16).weight_ih_l0,
        lambda: nn.init.xavier_uniform_(w),
    ):
        assert mode.as_drawn(draw())
    for other in (
        nn.init.normal_(w, std=0.5).clone(),
        nn.init.normal_(w).clone() + 0.2,
        nn.init.normal_(w).clone() ** 3 / 15**0.5,
        nn.init.xavier_uniform_(w).clone() * 1.1,
        torch.zeros(48, 32),
        nn.init.normal_(torch.empty(7, 9)),  # too few numbers to tell
    ):
        assert not mode.as_drawn(other)


def test_frozen_weights_are_no_fault_of_a_twin_or_of_a_net_that_learns():
    class Two(nn.Module):
        def __init__(self, twins):
            super().__init__()
            self.one = nn.Sequential(nn.Linear(16, 32), nn.ReLU()).requires_grad_(False)
            self.two = nn.Sequential(nn.Linear(16, 32), nn.ReLU()) if twins else nn.Identity()
            self.head = nn.Linear(64 if twins else 48, 5)

        def forward(self, x):
            return self.head(torch.cat([self.one(x), self.two(x)], 1))

    torch.manual_seed(0)
    for twins, expected in ((True, False), (False, True)):
        model = Two(twins)
        slow = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1e-3)
        assert ("frozen" in causes(model, rows(), nn.CrossEntropyLoss(), slow)) is expected
        quick = adam(model, 3e-2)
        assert causes(model, rows(), nn.CrossEntropyLoss(), quick) == []


# units


def test_rectifiers_behind_which_nothing_learns_have_no_dead_units():
    torch.manual_seed(0)
    x, y = rows()
    before = nn.Sequential(nn.ReLU(), nn.Linear(16, 5))
    assert causes(before, (-x.abs(), y), nn.CrossEntropyLoss()) == ["ignores input"]
    after = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 5))
    after[0].bias.data -= 50
    assert causes(after, (x, y), nn.CrossEntropyLoss())[0] == "dead units"


@pytest.mark.parametrize(("dead", "expected"), [(24, False), (28, True), (32, True)])
def test_most_units_of_a_layer_have_to_be_dead(dead, expected):
    torch.manual_seed(0)
    model = mlp(16, 32, 5)
    model[0].bias.data[:dead] -= 50
    model[0].bias.data[dead:] += 1
    assert ("dead units" in causes(model, rows(), nn.CrossEntropyLoss())) is expected


def test_one_number_for_each_example_is_one_unit():
    class Hinge(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(16, 1)

        def forward(self, x):
            return F.relu(self.net(x)[:, 0] - 10) + self.net(x)[:, 0].square()

    torch.manual_seed(0)
    seen = case_of(Hinge(), rows()[0], torch.mean).seen
    assert [flow.units for flow in seen.flows] == [1]


def test_the_hinge_of_a_loss_has_no_units():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(16, 8)

        def forward(self, x):
            out = self.net(x)
            return F.relu(out - 10).mean() + out.square().mean()

    torch.manual_seed(0)
    assert "dead units" not in causes(Own(), {"x": rows()[0]})

    class Inside(Own):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(8, 5)

        def forward(self, x):
            return self.head(F.relu(self.net(x) - 10)).square().mean()

    assert causes(Inside(), {"x": rows()[0]})[0] == "dead units"


@pytest.mark.parametrize("kind", ["sigmoid", "tanh", "softmax"])
@pytest.mark.parametrize("place", [0, 1])
def test_an_output_at_its_flat_end_is_right_where_the_loss_wants_it_there(kind, place):
    squash = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "softmax": lambda t: t.softmax(-1)}

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(16, 4), nn.Linear(16, 4)
            for head in (self.one, self.two):
                head.bias.data[0] = 12 if kind == "softmax" else 0
                if kind != "softmax":
                    head.bias.data -= 6

        def forward(self, x):
            outs = [self.one(x), self.two(x)]
            outs[place] = squash[kind](outs[place])
            return tuple(outs)

    low = {"sigmoid": 0.0, "tanh": -1.0, "softmax": 0.0}[kind]
    right = torch.full((64, 4), low)
    wrong = torch.full((64, 4), 1.0)
    if kind == "softmax":
        right[:, 0], wrong = 1.0, right.roll(1, 1)
    torch.manual_seed(0)
    model = Two()

    def loss(outs, target):
        return (outs[place] - target).square().mean() + 1e-6 * outs[1 - place].square().mean()

    for target, expected in ((right, False), (wrong, True)):
        told = causes(model, (rows()[0], target), loss)
        assert ("saturated" in told) is expected, told


def test_flat_ends_inside_a_model_are_no_output():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 5))
    model[0].weight.data *= 100
    assert causes(model, rows(), nn.CrossEntropyLoss())[0] == "saturated"


def test_wrong_share_counts_what_is_flat_and_is_to_leave():
    flow = Flow("", "", "sigmoid", 1)
    out = torch.tensor([0.001, 0.001, 0.999, 0.999, 0.5])
    slope = torch.tensor([-1.0, 1.0, 1.0, -1.0, 1.0])
    assert units.wrong_share(flow, out, slope) == pytest.approx(2 / 5)


# the loss


@pytest.mark.parametrize(("factor", "expected"), [(1.0, True), (4.0, True), (6.0, False)])
def test_a_softmax_of_a_wide_range_can_be_sure(factor, expected):
    torch.manual_seed(0)
    model = mlp(16, 32, 5)

    def loss(out, y):
        return F.cross_entropy(factor * torch.sigmoid(out), y)

    assert ("double softmax" in causes(model, rows(), loss)) is expected

    def divided(out, y):
        return F.cross_entropy(torch.sigmoid(out) / (1 / factor), y)

    assert ("double softmax" in causes(model, rows(), divided)) is expected


def test_logits_that_cannot_be_negative_are_no_choice():
    torch.manual_seed(0)
    x, y = rows()

    def loss(out, y):
        return F.binary_cross_entropy_with_logits(10 * torch.sigmoid(out), y)

    assert causes(mlp(16, 32, 1), (x, (y > 2).float()[:, None]), loss)[0] == "double softmax"


def test_a_gate_inside_a_model_is_no_second_softmax():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate, self.net = nn.Linear(16, 16), mlp(16, 32, 5)

        def forward(self, x):
            return self.net(16 * x * torch.sigmoid(self.gate(x)).softmax(-1))

    torch.manual_seed(0)
    assert "double softmax" not in causes(Gated(), rows(), nn.CrossEntropyLoss())


def test_factors_between_nodes_are_multiplied():
    x = torch.rand(3, requires_grad=True)
    node, factor = graph.without_scales((-(x.exp() * 6) / 4).reshape(3, 1).grad_fn)
    assert (graph.passes_through(node), factor) == ("Exp", pytest.approx(-1.5))
    node, factor = graph.without_scales((2 * x.exp()).mean().grad_fn)
    assert graph.passes_through(node) == "Mean"
    node, factor = graph.without_scales((2 * x.exp()).mean().grad_fn, sums=True)
    assert (graph.passes_through(node), factor) == ("Exp", 2.0)
    node, factor = graph.without_scales((x.exp() * torch.ones(3)).grad_fn)
    assert graph.passes_through(node) == "Exp" and math.isnan(factor)


@pytest.mark.parametrize("make", ["cross entropy", "squares", "scaled", "not reduced"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_distance_with_a_minus_before_it(make, sign):
    torch.manual_seed(0)
    x, y = rows()
    losses = {
        "cross entropy": (lambda out, y: sign * F.cross_entropy(out, y), y),
        "squares": (lambda out, t: -F.mse_loss(out, t) * -sign, x[:, :5]),
        "scaled": (lambda out, y: F.cross_entropy(out, y) / (3 * sign), y),
        "not reduced": (
            lambda out, t: (sign * F.smooth_l1_loss(out, t, reduction="none")).mean(),
            x[:, :5],
        ),
    }
    loss, target = losses[make]
    model = mlp(16, 32, 5)
    told = causes(model, (x, target), loss, adam(model))
    assert told == (["negated loss"] if sign < 0 else [])


def test_what_is_negative_by_right_is_not_negated():
    torch.manual_seed(0)
    x, y = rows()
    model = mlp(16, 32, 2)

    def likelihood(out, target):
        return (out[:, 1] + ((target - out[:, 0]) * (-out[:, 1]).exp()).square() / 2).mean() - 9

    assert causes(model, (x, 0.1 * x[:, 0]), likelihood, adam(model)) == []
    rising = torch.optim.SGD(model.parameters(), 0.01, maximize=True)
    assert "negated loss" not in causes(model, (x, y % 2), minus_entropy, rising)
    false = torch.zeros(64, dtype=torch.long)  # a generator whose samples are to be taken for true
    assert "negated loss" not in causes(model, (x, false), minus_entropy, adam(model))


def minus_entropy(out, y):
    return -F.cross_entropy(out, y)


def test_small_targets_are_no_loud_start_and_large_outputs_are():
    torch.manual_seed(0)
    x, _ = rows()
    model = mlp(16, 64, 1)
    assert causes(model, (x, 1e-3 * x[:, :1]), nn.MSELoss(), adam(model)) == []
    model[2].weight.data *= 30
    assert causes(model, (x, 1e-3 * x[:, :1]), nn.MSELoss())[0] == "loud start"


def test_bounds_count_where_the_loss_wants_to_go_beyond_them():
    torch.manual_seed(0)
    x, _ = rows()
    model = nn.Sequential(*mlp(16, 32, 1), nn.Sigmoid())
    far = 40 * torch.sigmoid(x[:, :1])

    def scaled(out, target):
        return (40 * out - target).square().mean()

    assert "output bounded" not in causes(model, (x, far), scaled, adam(model))
    assert "output bounded" in causes(model, (x, far), nn.MSELoss(), adam(model))
    unknown = torch.sigmoid(x[:, :1]).masked_fill(x[:, 1:2] > 0, -1)

    def masked(out, target):
        return ((out - target).square() * (target >= 0)).mean()

    assert "output bounded" not in causes(model, (x, unknown), masked, adam(model))
    assert "output bounded" in causes(model, (x, unknown), nn.MSELoss(), adam(model))


# steps


def test_matrices_that_are_zero_at_the_start_are_not_compared_with():
    class Adapted(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Parameter(torch.randn(4, 16) / 4)
            self.up = nn.Parameter(torch.zeros(5, 4))

        def forward(self, x):
            return x @ self.down.T @ self.up.T

    torch.manual_seed(0)
    model = Adapted()
    assert causes(model, rows(), nn.CrossEntropyLoss(), adam(model, 1e-8)) == ["step too small"]
    assert causes(model, rows(), nn.CrossEntropyLoss(), adam(model, 1e-2)) == []
    head = nn.Linear(16, 5)
    nn.init.zeros_(head.weight)
    assert causes(head, rows(), nn.CrossEntropyLoss(), adam(head, 1e-2)) == []


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_rate_of_zero_is_a_warm_up_before_the_first_update_alone(stepped, momentum):
    torch.manual_seed(0)
    model = mlp(16, 32, 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=momentum)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)
    assert schedule.get_last_lr() == [0.0]
    if stepped:
        F.cross_entropy(model(rows()[0]), rows()[1]).backward()
        optimizer.step()
    found = report(model, rows(), nn.CrossEntropyLoss(), optimizer).findings
    assert [finding.cause for finding in found] == (["step too small"] if stepped else [])
    if stepped:
        assert "rate is zero" in found[0].sentence and "schedule" in found[0].remedy


def test_weights_moved_in_float32_are_those_of_plain_pytorch():
    torch.manual_seed(0)
    x, y = rows()
    model = mlp(16, 32, 5).bfloat16()
    batch = x.bfloat16(), y
    optimizer = adam(model, 1e-3)
    masters = [p.detach().float().clone().requires_grad_() for p in model.parameters()]
    other = torch.optim.Adam(masters, 1e-3)
    twin = mlp(16, 32, 5).bfloat16()
    losses = []
    for _ in range(updates.UPDATES + 1):
        with torch.no_grad():
            for p, master in zip(twin.parameters(), masters, strict=True):
                p.copy_(master)
        loss = F.cross_entropy(twin(batch[0]), y)
        losses.append(loss.item())
        for p, master in zip(torch.autograd.grad(loss, [*twin.parameters()]), masters, strict=True):
            master.grad = p.float()
        if len(losses) <= updates.UPDATES:
            other.step()
    case = case_of(model, batch, nn.CrossEntropyLoss(), optimizer)
    assert case.in_float32.updates.losses == pytest.approx(losses, rel=1e-2)
    way = torch.linalg.vector_norm(masters[0].detach() - model[0].weight.detach().float())
    assert case.in_float32.updates.travelled["0.weight"] == pytest.approx(way.item(), rel=1e-2)
    assert case.updates.losses != case.in_float32.updates.losses


@pytest.mark.parametrize("rate", [1e-3, 1e-5, 1e-9])
def test_what_bfloat16_rounds_away_is_told_from_a_rate_of_nothing(rate):
    torch.manual_seed(0)
    x, y = rows()
    model = mlp(16, 32, 5).bfloat16()
    told = causes(model, (x.bfloat16(), y), nn.CrossEntropyLoss(), adam(model, rate))
    assert told == {1e-3: [], 1e-5: ["lost to rounding"], 1e-9: ["step too small"]}[rate]


def test_an_epsilon_that_is_zero_in_float16_is_named_and_one_that_is_not_does_no_harm():
    torch.manual_seed(0)
    x, y = rows()
    x[:, 8:] = 0  # weights without a gradient, where Adam divides by its epsilon
    model = mlp(16, 32, 5).half()
    found = report(model, (x.half(), y), nn.CrossEntropyLoss(), adam(model)).findings
    assert [finding.cause for finding in found] == ["lost to rounding"]
    assert "divides by zero" in found[0].sentence
    assert causes(model, (x.half(), y), nn.CrossEntropyLoss(), adam(model, eps=1e-4)) == []
    assert steps.epsilon_is_lost(adam(model))
    assert not steps.epsilon_is_lost(adam(model, eps=1e-4))
    assert not steps.epsilon_is_lost(adam(mlp(2, 2)))
    assert not steps.epsilon_is_lost(torch.optim.SGD(model.parameters(), 0.1))


def test_a_decay_is_too_much_only_if_the_net_does_worse_by_it():
    torch.manual_seed(0)
    for decay, expected in ((0.0, []), (1e-3, []), (2.0, ["too much decay"])):
        model = mlp(16, 64, 64, 5)
        optimizer = adam(model, 3e-3, weight_decay=decay)
        assert causes(model, rows(), nn.CrossEntropyLoss(), optimizer) == expected
        assert optimizer.param_groups[0]["weight_decay"] == decay


def test_deep_nets_that_learn_have_no_vanishing_gradients():
    torch.manual_seed(0)
    deep = mlp(*[32] * 10, 5)
    batch = rows(128, 32)
    assert "vanishing" in causes(deep, batch, nn.CrossEntropyLoss())  # with no optimiser to judge
    assert causes(deep, batch, nn.CrossEntropyLoss(), adam(deep, 2e-3)) == []
    slow = torch.optim.SGD(deep.parameters(), 1e-2)
    assert "vanishing" in causes(deep, batch, nn.CrossEntropyLoss(), slow)


def test_without_a_chain_the_first_modules_are_compared_with_the_last():
    torch.manual_seed(0)
    deep = mlp(*[16] * 14, 5, activation=nn.Sigmoid)
    case = case_of(deep, rows(), nn.CrossEntropyLoss())
    (found,) = chain.by_weights(case)
    F.cross_entropy(deep(rows()[0]), rows()[1]).backward()
    ratios = [(layer.weight.grad.norm() / layer.weight.norm()).item() for layer in deep[::2]]
    expected = np.median(ratios[:4]) / np.median(ratios[-4:])
    assert found.evidence["ratio"] == pytest.approx(expected, rel=1e-4)
    torch.manual_seed(0)
    plain = case_of(mlp(*[16] * 7, 5), rows(), nn.CrossEntropyLoss())
    assert chain.by_weights(plain) == []


def test_wrong_share_of_a_tanh_has_its_middle_at_zero():
    flow = Flow("", "", "tanh", 1)
    out, slope = torch.tensor([-0.999, 0.999, 0.999]), torch.tensor([-1.0, 1.0, -1.0])
    assert units.wrong_share(flow, out, slope) == pytest.approx(2 / 3)


# examples and positions


class Reads(nn.Module):
    """A recurrent net or attention over (batch, time), read at its last step."""

    def __init__(self, kind, batch_first):
        super().__init__()
        self.table = nn.Embedding(9, 16)
        if kind == "attention":
            layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=batch_first)
            self.reader = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        else:
            self.reader = getattr(nn, kind)(16, 16, batch_first=batch_first)
        self.head = nn.Linear(16, 9)

    def forward(self, ids):
        h = self.reader(self.table(ids))
        h = h[0] if isinstance(h, tuple) else h
        return self.head(h[:, -1])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM", "attention"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_axes_of_recurrent_nets_and_attention(kind, batch_first):
    torch.manual_seed(0)
    model = Reads(kind, batch_first)
    ids = torch.randint(9, (24, 6))
    found = report(model, (ids, ids[:, -1]), nn.CrossEntropyLoss(), adam(model)).findings
    assert [finding.cause for finding in found] == ([] if batch_first else ["mixed examples"])
    if not batch_first:
        assert found[0].module.startswith("reader") and "batch_first" in found[0].remedy
        assert model.training


def mixing(f, inside=None):
    class Mixing(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(16, 32), nn.Linear(32, 5)

        def forward(self, x):
            return self.last(f(self, F.relu(self.first(x))))

    torch.manual_seed(0)
    return Mixing()


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda self, h: h.roll(1, 0), True),
        (lambda self, h: h.flip(0), True),
        (lambda self, h: h.roll(1, 1), False),
        (lambda self, h: h - h.mean(0), False),
        (lambda self, h: h + h.mean(0), False),
        (lambda self, h: h.roll(1, 0) if self.training else h, False),
    ],
    ids=["roll", "flip", "features", "centred", "context", "in training alone"],
)
def test_an_example_that_is_answered_by_others_is_a_fault_and_a_context_is_none(f, expected):
    model = mixing(f)
    told = causes(model, rows(), nn.CrossEntropyLoss(), adam(model))
    assert ("mixed examples" in told) is expected, told


def test_nodes_of_a_graph_and_pairs_of_examples_are_meant_to_mix():
    torch.manual_seed(0)
    x, y = rows(24)
    ring = torch.eye(24).roll(1, 0)
    model = mixing(lambda self, h: self.ring @ h)
    model.register_buffer("ring", ring)
    assert "mixed examples" not in causes(model, (x, y), nn.CrossEntropyLoss())

    class Pairs(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(16, 8)

        def forward(self, x):
            h = F.normalize(self.net(x), dim=1)
            return h.roll(1, 0) @ h.T

    assert "mixed examples" not in causes(Pairs(), (x, torch.arange(24)), nn.CrossEntropyLoss())
    for held, expected in (
        (torch.zeros(2, 9, dtype=torch.long), True),
        (torch.zeros(3, 24, 24), True),
        (torch.eye(3).to_sparse(), True),
        (torch.zeros(2, 9), False),
        (torch.zeros(24, 3), False),
    ):
        assert examples.is_graph(held, 24) is expected


class Writes(nn.Module):
    """A language model of one layer of attention, under any mask."""

    def __init__(self, mask, classes_first=True):
        super().__init__()
        self.table = nn.Embedding(9, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, 9)
        self.mask, self.classes_first = mask, classes_first

    def forward(self, ids):
        h = self.table(ids)
        h = h + self.attention(h, h, h, attn_mask=self.mask, need_weights=False)[0]
        out = self.head(h)
        return out.transpose(1, 2) if self.classes_first else out.flatten(0, 1)


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("kind", ["causal", "none", "the wrong way round"])
def test_a_mask_that_shows_the_answer(kind, flat):
    torch.manual_seed(0)
    ids = torch.randint(9, (16, 13))
    hidden = torch.ones(12, 12, dtype=torch.bool)
    masks = {"causal": hidden.triu(1), "none": None, "the wrong way round": hidden.tril(-1)}
    model = Writes(masks[kind], classes_first=not flat)
    target = ids[:, 1:].flatten() if flat else ids[:, 1:]
    told = causes(model, (ids[:, :-1], target), nn.CrossEntropyLoss(), adam(model))
    assert told == ([] if kind == "causal" else ["answer in input"])
    same = ids[:, :-1].flatten() if flat else ids[:, :-1]  # as of a masked language model
    assert causes(model, (ids[:, :-1], same), nn.CrossEntropyLoss(), adam(model)) == []


def test_targets_that_are_the_input_shifted():
    ids = torch.arange(40).reshape(2, 20) % 7
    target = ids.roll(-1, 1)
    assert examples.is_shifted(ids, target) and examples.is_shifted(ids, target.flatten())
    assert examples.is_shifted(ids, target.masked_fill(ids > 4, -100))
    assert not examples.is_shifted(ids, ids)
    assert not examples.is_shifted(ids, target[:, 1:])
    assert not examples.is_shifted(ids.float(), target)
    assert not examples.is_shifted(ids, torch.full_like(ids, -100))
    same = torch.ones_like(ids)
    assert not examples.is_shifted(same, same)


def test_outputs_by_position():
    out = torch.arange(2 * 5 * 3.0).reshape(2, 5, 3)
    assert torch.equal(examples.by_position(out, (2, 5)), out)
    assert torch.equal(examples.by_position(out.transpose(1, 2), (2, 5)), out)
    assert torch.equal(examples.by_position(out.flatten(0, 1), (2, 5)), out)
    assert examples.by_position(torch.zeros(2, 5, 5), (2, 5)) is None  # either axis may be time
    assert examples.by_position(torch.zeros(3, 5, 2), (2, 5)) is None
    assert examples.by_position(torch.zeros(2), (2, 5)) is None


def test_padding_at_the_end_of_sequences_is_measured():
    class Read(nn.Module):
        def __init__(self, batch_first):
            super().__init__()
            self.gru = nn.GRU(4, 8, batch_first=batch_first)

        def forward(self, x):
            out, _ = self.gru(x)
            return out[:, -1] if self.gru.batch_first else out[-1]

    torch.manual_seed(0)
    x = torch.randn(6, 40, 4)
    x[:, 10:] = 0
    case = case_of(Read(True), x, torch.sum)
    assert case.padding_at_the_end() == pytest.approx(30 / 40)
    assert case_of(Read(False), x.transpose(0, 1), torch.sum).padding_at_the_end() == 0.75
    assert case_of(Read(True), torch.randn(6, 40, 4), torch.sum).padding_at_the_end() == 0
    x[:4, 10:] = 1
    assert case_of(Read(True), x, torch.sum).padding_at_the_end() == 0  # of a third alone
    found = report(
        Read(True), (torch.cat([torch.randn(6, 5, 4), torch.zeros(6, 195, 4)], 1)), torch.sum
    ).findings
    reach = [finding for finding in found if finding.cause in ("vanishing", "short reach")]
    assert reach and all("own last step" in finding.remedy for finding in reach)


def test_a_net_with_gates_is_not_told_to_take_gates():
    class Read(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.rnn = getattr(nn, kind)(4, 8, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0][:, -1]

    for kind in ("GRU", "LSTM", "RNN"):
        torch.manual_seed(0)
        found = report(Read(kind), torch.randn(6, 200, 4), torch.sum).findings
        remedies = [f.remedy for f in found if f.cause in ("vanishing", "short reach")]
        assert remedies and all(("Take gates" in said) is (kind == "RNN") for said in remedies)


@pytest.mark.parametrize(
    ("steps", "keeps", "expected"), [(60, 0.5, True), (25, 0.5, False), (60, 0.99, False)]
)
def test_the_reach_of_a_long_run_is_what_is_heard_of_it(steps, keeps, expected):
    """Of h ← keeps·h + x the gradient of step t is keepsᵗ, so that 99 % come from the last few."""

    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(4, 4, batch_first=True)
            self.rnn.weight_hh_l0.data = keeps * torch.eye(4)
            self.rnn.weight_ih_l0.data *= 0.01
            self.rnn.bias_ih_l0.data.zero_()
            self.rnn.bias_hh_l0.data.zero_()

        def forward(self, x):
            return self.rnn(x)[0][:, -1]

    torch.manual_seed(0)
    case = case_of(Keeps(), torch.randn(6, steps, 4), lambda out: out.sum())
    found = chain.short_reach(case)
    assert bool(found) is expected
    if expected:
        assert found[0].evidence["reach"] == 7  # 1 − 2⁻⁷ > 0.99


def test_a_softmax_at_the_end_that_runs_over_the_examples():
    class Ends(nn.Module):
        def __init__(self, axis):
            super().__init__()
            self.net, self.axis = nn.Linear(16, 5), axis

        def forward(self, x):
            return self.net(x).log_softmax(self.axis)

    torch.manual_seed(0)
    for axis, expected in ((0, True), (1, False), (-1, False)):
        told = causes(Ends(axis), rows(), nn.NLLLoss())
        assert ("softmax over examples" in told) is expected


def test_attention_on_one_place_is_named_as_attention():
    torch.manual_seed(0)

    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
            self.attention.in_proj_weight.data *= 30
            self.head = nn.Linear(16, 5)

        def forward(self, x):
            return self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))

    x = torch.randn(32, 6, 16)
    found = report(Looks(), (x, x[:, 0, :5].argmax(1)), nn.CrossEntropyLoss()).findings
    assert found[0].cause == "saturated" and "rows of attention" in found[0].sentence


def test_inputs_off_their_centre_that_do_no_harm_are_no_finding():
    torch.manual_seed(0)
    x, y = rows()
    model = mlp(16, 32, 5)
    assert causes(model, (x + 4, y), nn.CrossEntropyLoss(), adam(model, 3e-3)) == []


# batches


@pytest.mark.parametrize("runs", [1, 3, 40])
def test_a_model_that_does_not_run_on_is_reported_on_without_updates(runs):
    deep = mlp(*[32] * 14, 5)

    class Ends(nn.Module):
        def __init__(self):
            super().__init__()
            self.deep, self.count = deep, torch.nn.Buffer(torch.zeros(()))

        def forward(self, x):
            self.count += 1
            if self.count > runs:
                raise RuntimeError("no more of this")
            return self.deep(x)

    torch.manual_seed(0)
    found = report(Ends(), rows(64, 32), nn.CrossEntropyLoss(), adam(deep))
    assert "vanishing" in [finding.cause for finding in found.findings]
    assert any("no more of this" in note for note in found.notes)


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match=r"batch: expected at least one example, .*\(0, 16\)"):
        report(mlp(16, 5), (torch.zeros(0, 16), torch.zeros(0, dtype=torch.long)), F.cross_entropy)


def test_an_expert_without_examples_has_no_dead_units():
    class Routed(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = mlp(16, 32, 5), mlp(16, 32, 5)

        def forward(self, x):
            empty = self.two(x[:0]).sum()
            return self.one(x) + empty

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert causes(Routed(), rows(), nn.CrossEntropyLoss()) == []
