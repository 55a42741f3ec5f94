"""Healthy models that a report once accused, and their siblings."""

import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import spirals, standard_digits, waves
from ..nets import ConvNet, mlp, scaled_normal
from ..training import (
    batches,
    learning_digits,
    missed,
    own_loss,
    supervised,
    unexplained,
    with_action,
)


@healthy("CNN", note="The features come from training on other images; their dropout is asleep.")
def frozen_features_with_dropout_asleep(seed):
    train, test = standard_digits()
    first = ConvNet()
    setup = learning_digits(first, train, test, 2e-3, seed)
    for _ in range(150):
        setup.update()
    backbone = nn.Sequential(*first.features, nn.Dropout(), nn.Linear(128, 64), nn.ReLU())
    backbone.requires_grad_(False).eval()
    model = nn.Sequential(backbone, nn.Linear(64, 10))
    return learning_digits(model, train, test, 3e-3, seed)


class Experts(nn.Module):
    """Each example goes to the expert that a gate scores highest."""

    def __init__(self, experts=6):
        super().__init__()
        self.gate = nn.Linear(2, experts)
        self.experts = nn.ModuleList([mlp(2, 32, 3) for _ in range(experts)])

    def forward(self, x):
        scores = self.gate(x).softmax(-1)
        best, chosen = scores.max(-1)
        out = x.new_zeros(len(x), 3)
        for i, expert in enumerate(self.experts):
            rows = (chosen == i).nonzero()[:, 0]
            out = out.index_add(0, rows, best[rows, None] * expert(x[rows]))
        return out


@healthy("mixture of experts", updates=600, note="Some experts get no example of the batch.")
def expert_without_examples(seed):
    train, test = spirals(600), spirals(300, seed=1)
    model = Experts()
    nn.init.constant_(model.gate.bias, 0)
    model.gate.bias.data[4:] = -20
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return supervised(
        model, F.cross_entropy, optimizer, batches(train, 64, seed), missed(model, *test)
    )


@healthy("MLP", note="Where a target is -1 nobody knows it, and the loss leaves it out.")
def unknown_labels_masked(seed):
    (x, y), (x_test, y_test) = standard_digits(flat=True)
    target = F.one_hot(y, 10).float()
    unknown = torch.rand(target.shape, generator=torch.Generator().manual_seed(5)) < 0.4
    target = target.masked_fill(unknown, -1)
    model = nn.Sequential(*mlp(64, 64, 10), nn.Sigmoid())

    def loss(out, target):
        known = target >= 0
        each = F.binary_cross_entropy(out, target.clamp(0, 1), reduction="none")
        return (each * known).sum() / known.sum()

    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((x, target), 64, seed)
    return supervised(model, loss, optimizer, draw, missed(model, x_test, y_test))


@healthy("MLP", note="The loss multiplies outputs between 0 and 1 by the largest target, 50.")
def outputs_scaled_by_the_loss(seed):
    x, y = waves(512, inputs=2)
    low, high = y.min(), y.max()
    target = 50 * (y - low) / (high - low)
    model = nn.Sequential(*mlp(2, 64, 64, 1, activation=nn.Tanh), nn.Sigmoid())

    def loss(out, target):
        return (50 * out - target).square().mean()

    class Scaled(nn.Module):
        def forward(self, x):
            return 50 * model(x)

    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    error = unexplained(Scaled(), x, target)
    return supervised(model, loss, optimizer, batches((x, target), 64, seed), error)


@healthy(
    "MLP",
    source="https://github.com/dougbrion/pytorch-classification-uncertainty",
    note="Evidence for a class is never negative; its loss asks for less of that for the others.",
)
def evidence_for_classes(seed):
    train, test = standard_digits(flat=True)
    model = nn.Sequential(*mlp(64, 64, 10), nn.ReLU())

    def loss(evidence, y):
        alpha = evidence + 1
        total = alpha.sum(1, keepdim=True)
        right = F.one_hot(y, 10)
        p = alpha / total
        error = (right - p).square() + p * (1 - p) / (total + 1)
        others = right + (1 - right) * alpha  # its evidence without that for the right class
        sum_others = others.sum(1, keepdim=True)
        divergence = torch.lgamma(sum_others) - torch.lgamma(others).sum(1, keepdim=True)
        slopes = torch.digamma(others) - torch.digamma(sum_others)
        divergence = divergence + ((others - 1) * slopes).sum(1, keepdim=True)
        return error.sum(1).mean() + 0.05 * divergence.mean()

    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return supervised(model, loss, optimizer, batches(train, 64, seed), missed(model, *test))


def focal(p, target):
    """The focal loss of probabilities."""
    right = torch.where(target > 0, p, 1 - p)
    return ((1 - right).square() * -right.clamp_min(1e-7).log()).sum() / target.sum().clamp_min(1)


@healthy(
    "CNN",
    source="https://arxiv.org/abs/1708.02002",
    note="Its last bias makes every class rare at the start, as for a detector of few objects.",
    updates=500,
)
def prior_of_a_rare_class(seed):
    (x, y), (x_test, y_test) = standard_digits()
    model = nn.Sequential(ConvNet(), nn.Sigmoid())
    nn.init.constant_(model[0].head.bias, -4.6)
    target = F.one_hot(y, 10).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches((x, target), 64, seed)
    return supervised(model, focal, optimizer, draw, missed(model, x_test, y_test))


class Ranked(nn.Module):
    """Scores two items, and computes a hinge on their difference, one number for each pair."""

    def __init__(self):
        super().__init__()
        self.score = mlp(2, 32, 1)

    def forward(self, better, worse):
        margin = self.score(better) - self.score(worse)
        return F.relu(0.1 - margin[:, 0]).mean()


@healthy(
    "ranking",
    trained=900,
    updates=1000,
    note="Most pairs keep the margin, so that their hinge is zero.",
)
def hinge_of_most_pairs_is_zero(seed):
    x, y = waves(512, inputs=2)
    model = Ranked()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(seed)

    def draw():
        rows = torch.randint(len(x), (2, 64), generator=generator)
        first = y[rows[0]] > y[rows[1]]
        one, two = x[rows[0]], x[rows[1]]
        return {"better": torch.where(first, one, two), "worse": torch.where(first, two, one)}

    rows = torch.arange(256)

    @torch.no_grad()
    def error():
        right = (model.score(x[rows]) > model.score(x[rows + 256])) == (y[rows] > y[rows + 256])
        return 2 * (1 - right.double().mean().item())

    return own_loss(model, optimizer, draw, error)


@healthy("MLP", note="Its first operation keeps what is positive of the raw input; half is empty.")
def rectifier_before_any_weights(seed):
    train, test = ((F.pad(x - 0.5, (0, 300), value=-1.0), y) for x, y in standard_digits(flat=True))
    model = nn.Sequential(nn.ReLU(), *mlp(364, 64, 10))
    return learning_digits(model, train, test, 2e-3, seed)


@healthy("MLP", updates=600, note="Ten layers as PyTorch starts them, with Adam.")
def ten_plain_layers(seed):
    train, test = standard_digits(flat=True)
    model = mlp(*[64] * 10, 10)
    return learning_digits(model, train, test, 1e-3, seed)


@healthy("MLP", updates=1500, note="Targets of a fiftieth, far below a usual start's outputs.")
def targets_of_a_fiftieth(seed):
    x, y = waves(512)
    y = 0.02 * y
    model = mlp(1, 64, 64, 1, activation=nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.997)
    draw = batches((x, y), 128, seed)
    setup = supervised(model, F.mse_loss, optimizer, draw, unexplained(model, x, y))
    return with_action(setup, lambda n: schedule.step())


@healthy(
    "random features", note="The first layer is random and stays so, as in an extreme learner."
)
def random_features_that_stay(seed):
    train, test = standard_digits(flat=True)
    model = mlp(64, 512, 10)
    model[0].requires_grad_(False)
    optimizer = torch.optim.Adam(model[2].parameters(), lr=1e-2)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))


class Convolved(nn.Module):
    """Two layers of a graph convolution over one graph, some of whose nodes have no neighbour."""

    def __init__(self, edges, count, width, classes):
        super().__init__()
        self.first, self.second = nn.Linear(width, 32), nn.Linear(32, classes)
        ones = torch.eye(count)
        ones[edges[0], edges[1]] = 1.0
        scale = ones.sum(1).rsqrt()
        self.register_buffer("adjacency", scale[:, None] * ones * scale)

    def forward(self, x):
        h = F.relu(self.adjacency @ self.first(x))
        return self.adjacency @ self.second(h)


def communities(count=120, groups=3, seed=3):
    """Noisy features, edges within groups for the most part, and the groups; some nodes alone."""
    generator = torch.Generator().manual_seed(seed)
    group = torch.arange(count) % groups
    same = group[:, None] == group
    chance = torch.where(same, 0.15, 0.01)
    linked = torch.rand(count, count, generator=generator) < chance
    linked[:10] = linked[:, :10] = False
    linked = (linked | linked.T).fill_diagonal_(False)
    x = F.one_hot(group, groups).float() + torch.randn(count, groups, generator=generator)
    return x, linked.nonzero().T, group


@healthy("graph net", note="One graph is the batch; ten of its nodes have no neighbour.")
def graph_with_lonely_nodes(seed):
    x, edges, group = communities()
    model = Convolved(edges, len(x), 3, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return supervised(
        model, F.cross_entropy, optimizer, lambda: (x, group), missed(model, x, group)
    )


class Passed(nn.Module):
    """The sum of the messages from neighbours, none of oneself; the sum for each graph."""

    def __init__(self):
        super().__init__()
        self.message, self.node, self.head = mlp(6, 32, 32), mlp(35, 32, 32), nn.Linear(32, 1)

    def forward(self, x, edges, graph):
        pairs = torch.cat([x[edges[0]], x[edges[1]]], 1)
        got = x.new_zeros(len(x), 32).index_add(0, edges[1], self.message(pairs))
        h = F.relu(self.node(torch.cat([x, got], 1)))
        total = h.new_zeros(int(graph.max()) + 1, 32).index_add(0, graph, h)
        return self.head(total)


@healthy("graph net", updates=600, note="Several graphs as one; some have no edge at all.")
def messages_in_small_graphs(seed):
    model = Passed()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    generator = torch.Generator().manual_seed(seed)

    def draw(count=32, generator=generator):
        graph = torch.arange(count).repeat_interleave(6)
        x = torch.randn(6 * count, 3, generator=generator)
        linked = torch.rand(len(x), len(x), generator=generator) < 0.3
        linked &= (graph[:, None] == graph) & (graph % 8 > 0)[:, None]
        linked.fill_diagonal_(False)
        edges = linked.nonzero().T
        weight = x.new_zeros(len(x)).index_add(0, edges[1], x[edges[0], 0].relu())
        target = x.new_zeros(count).index_add(0, graph, weight + x[:, 1])
        return (x, edges, graph), target[:, None] / 3

    inputs, target = draw(64, torch.Generator().manual_seed(10_000))
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, inputs, target))


@healthy("MLP", note="Ten times a sigmoid: a softmax of numbers from 0 to 10 can be sure.")
def ten_times_a_sigmoid(seed):
    train, test = standard_digits(flat=True)

    class Scores(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp(64, 64, 10)

        def forward(self, x):
            return 10 * torch.sigmoid(self.net(x))

    return learning_digits(Scores(), train, test, 3e-3, seed)


@healthy("MLP", note="A loss of a millionth, and a small net: it learns, more slowly.", updates=800)
def small_net_with_a_loss_of_a_millionth(seed):
    train, test = standard_digits(flat=True)
    model = mlp(64, 128, 128, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def loss(out, y):
        return 5e-7 * F.cross_entropy(out, y)

    return supervised(model, loss, optimizer, batches(train, 64, seed), missed(model, *test))


class Low(nn.Module):
    """A layer with an adapter that is zero at the start."""

    def __init__(self, layer, rank=8):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x):
        return self.layer(x) + x @ self.down.T @ self.up.T


@healthy("adapters", updates=600, note="Both layers have adapters of zero; only these learn.")
def adapters_of_zero(seed):
    train, test = standard_digits(flat=True)
    base = mlp(64, 64, 10)
    for layer in (base[0], base[2]):
        scaled_normal(layer, 1.1)
    setup = learning_digits(base, train, test, 2e-3, seed)
    for _ in range(60):
        setup.update()
    turned = [(x.flip(1), y) for x, y in (train, test)]
    model = nn.Sequential(Low(base[0]), nn.ReLU(), Low(base[2]))
    return learning_digits(model, *turned, 3e-3, seed)


@healthy("MLP", updates=600, note="A decay that is strong, and does not hinder this net.")
def strong_decay_that_helps(seed):
    train, test = standard_digits(flat=True)
    model = mlp(64, 128, 10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.5)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))


@healthy("flow", updates=600, note="The negative log-likelihood is below zero, and rightly so.")
def likelihood_of_a_narrow_normal(seed):
    x, y = waves(512)
    y = 0.05 * y

    def loss(out, y):
        mean, log_deviation = out.chunk(2, 1)
        return (log_deviation + ((y - mean) / log_deviation.exp()).square() / 2).mean()

    model = mlp(1, 64, 64, 2, activation=nn.Tanh)
    model[-1].bias.data[1] = -3.0
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def middle(x):
        return model(x)[:, :1]

    @torch.no_grad()
    def error():
        return ((middle(x) - y).square().mean() / y.var()).item()

    return supervised(model, loss, optimizer, batches((x, y), 64, seed), error)


@healthy("transformer", updates=400, note="Rows of a table that attend to each other, by design.")
def attention_between_examples(seed):
    train, test = standard_digits()

    class Between(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Linear(8, 16)
            self.within = nn.MultiheadAttention(16, 2, batch_first=True)
            self.between = nn.MultiheadAttention(128, 4, batch_first=True)
            self.head = nn.Linear(128, 10)

        def forward(self, x):
            h = self.features(x[:, 0])
            h = (h + self.within(h, h, h)[0]).flatten(1)
            h = h + self.between(h[None], h[None], h[None])[0][0]
            return self.head(h)

    return learning_digits(Between(), train, test, 2e-3, seed)


@healthy("CNN", note="Normalised by the batch in training, by its own averages afterwards.")
def batch_norm_by_hand(seed):
    train, test = standard_digits(flat=True)

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(64, 64), nn.Linear(64, 10)
            self.register_buffer("mean", torch.zeros(64))

        def forward(self, x):
            h = self.first(x)
            mean = h.mean(0) if self.training else self.mean
            if self.training:
                self.mean.lerp_(mean.detach(), 0.1)
            return self.last(F.relu(h - mean))

    return learning_digits(Own(), train, test, 2e-3, seed)
