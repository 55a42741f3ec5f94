"""Faults that a report once did not see, and their siblings."""

import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    first_symbol,
    sequences,
    standard_digits,
)
from ..nets import GPT, Reader, Recurrent, mlp
from ..training import (
    batches,
    learning_digits,
    missed,
    supervised,
    with_action,
)
from .accused import Low
from .transformer_left_frozen import ordered_pairs


def first_of_ids(length, symbols=6):
    """A task: name the first symbol of a sequence of ids (size, length)."""

    def make(size, generator):
        ids = torch.randint(symbols, (size, length), generator=generator)
        return ids, ids[:, 0]

    return make


NOTE_ORDER = """An LSTM over embedded symbols was made without ``batch_first``, and the last step is
read: it reads along the batch. General knowledge."""


@broken("mixed examples", "LSTM", where=("1", "1.rnn"), note=NOTE_ORDER, updates=800)
def ids_without_batch_first(seed, repaired):
    task = first_of_ids(8)
    rnn = nn.LSTM(16, 32, batch_first=repaired)
    model = nn.Sequential(nn.Embedding(6, 16), Recurrent(rnn, 6))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 256, 10_000)()
    draw = sequences(task, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))


class Encoded(nn.Module):
    """A transformer of PyTorch over rows of features, averaged or read at its last step."""

    def __init__(self, batch_first):
        super().__init__()
        self.features = nn.Linear(6, 32)
        self.position = nn.Parameter(0.5 * torch.randn(8, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 6)

    def forward(self, x):
        return self.head(self.encoder(self.features(x) + self.position)[:, -1])


NOTE_ENCODER = """A TransformerEncoder is given (batch, time, features) without ``batch_first``: it
attends to other examples, and never to other steps. General knowledge."""


@broken("mixed examples", "transformer", where=("encoder",), note=NOTE_ENCODER, updates=800)
def encoder_without_batch_first(seed, repaired):
    task = first_symbol(8, symbols=6)
    model = Encoded(repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    fixed = sequences(task, 256, 10_000)()
    draw = sequences(task, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))


class Rolled(nn.Module):
    """An MLP whose hidden states are moved on by one along an axis."""

    def __init__(self, axis):
        super().__init__()
        self.first, self.last, self.axis = nn.Linear(64, 64), nn.Linear(64, 10), axis

    def forward(self, x):
        return self.last(F.relu(self.first(x)).roll(1, self.axis))


NOTE_ROLL = """A roll that is meant to go along the features goes along the batch: every example is
answered with what was seen of another. General knowledge."""


@broken("mixed examples", "MLP", where=("",), note=NOTE_ROLL)
def rolled_along_the_batch(seed, repaired):
    train, test = standard_digits(flat=True)
    return learning_digits(Rolled(1 if repaired else 0), train, test, 2e-3, seed)


NOTE_HALF = """All weights are in float16, as after model.half(), and Adam has its usual epsilon of
1e-8, which is zero there: where a gradient is zero or too small to be squared, it divides by
zero. General knowledge."""


@broken("lost to rounding", "MLP", note=NOTE_HALF, updates=200)
def adam_in_float16(seed, repaired):
    (x, y), (x_test, y_test) = standard_digits(flat=True)
    model = mlp(64, 64, 10)
    if not repaired:
        model, x, x_test = model.half(), x.half(), x_test.half()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, x_test, y_test))


NOTE_BFLOAT = """All weights are in bfloat16, which has eight bits of precision, and the updates are
smaller than half of the last one: they are rounded away. General knowledge."""


@broken("lost to rounding", "MLP", note=NOTE_BFLOAT, updates=4000)
def updates_lost_in_bfloat16(seed, repaired):
    (x, y), (x_test, y_test) = standard_digits(flat=True)
    model = mlp(64, 64, 10)
    if not repaired:
        model, x, x_test = model.bfloat16(), x.bfloat16(), x_test.bfloat16()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, x_test, y_test))


NOTE_COSINE = """A cosine schedule over 10 steps, meant for epochs, is stepped once a batch, and at
the report stands at its end: the rate of plain SGD is zero. General knowledge."""


@broken("step too small", "MLP", note=NOTE_COSINE, trained=10)
def cosine_at_its_end(seed, repaired):
    train, test = standard_digits(flat=True)
    model = mlp(64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    draw = batches(train, 64, seed)
    setup = supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))

    def step(n):
        if not repaired and n <= 10:
            schedule.step()

    return with_action(setup, step)


NOTE_ADAPTERS = """Adapters, one end of which is zero, are trained at a rate of a ten millionth.
General knowledge."""


@broken("step too small", "adapters", note=NOTE_ADAPTERS, updates=500)
def adapters_at_a_rate_of_nothing(seed, repaired):
    train, test = standard_digits(flat=True)
    model = nn.Sequential(Low(nn.Linear(64, 64)), nn.ReLU(), Low(nn.Linear(64, 10)))
    for layer in (model[0].layer, model[2].layer):
        nn.init.normal_(layer.weight, std=0.15)
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(chosen, lr=5e-3 if repaired else 1e-7)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))


NOTE_NEGATED = """The loss has a minus before it, as where a log-likelihood was to be turned round
and had been already. General knowledge."""


@broken("negated loss", "MLP", note=NOTE_NEGATED, updates=200)
def cross_entropy_with_a_minus(seed, repaired):
    train, test = standard_digits(flat=True)
    model = mlp(64, 64, 10)
    sign = 1 if repaired else -1

    def loss(out, y):
        return sign * F.cross_entropy(out, y)

    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return supervised(model, loss, optimizer, batches(train, 64, seed), missed(model, *test))


NOTE_MASK = """The mask of a language model hides what came before and shows what comes after:
trained so, it reads its answers; without them, as when it writes, it knows nothing. The error is
that of its answers where what comes after is not there. General knowledge."""


class Masked(GPT):
    """The same with a mask that may stand the wrong way round."""

    def __init__(self, symbols, causal):
        super().__init__(symbols)
        self.causal = causal

    def forward(self, ids):
        length = ids.shape[1]
        h = self.embedding(ids) + self.position(torch.arange(length))
        hidden = torch.ones(length, length, dtype=torch.bool)
        mask = hidden.triu(1) if self.causal else hidden.tril(-1)
        for block in self.blocks:
            h = block(h, attn_mask=mask)
        return self.head(self.norm(h)).transpose(1, 2)


@broken("answer in input", "transformer", note=NOTE_MASK, updates=300)
def causal_mask_the_wrong_way_round(seed, repaired):
    symbols = 12

    def task(size, generator):
        """Steps of one length for each example: the next is known from the two before."""
        start = torch.randint(symbols, (size, 1), generator=generator)
        step = torch.randint(1, symbols, (size, 1), generator=generator)
        ids = (start + step * torch.arange(17)) % symbols
        return ids[:, :-1], ids[:, 1:]

    model = Masked(symbols, causal=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    ids, answers = sequences(task, 256, 10_000)()

    @torch.no_grad()
    def error():
        """Of the last answer, when nothing stands behind it."""
        wrong = (model(ids[:, :8]).argmax(1)[:, -1] != answers[:, 7]).double().mean()
        return (wrong / (1 - 1 / symbols)).item()

    return supervised(model, F.cross_entropy, optimizer, sequences(task, 32, seed), error)


NOTE_DECAY = """A weight decay that is coupled with the gradient, as in SGD and Adam, pulls more at
the weights than the loss does. General knowledge."""


@broken("too much decay", "MLP", note=NOTE_DECAY, updates=500)
def adam_with_a_decay_of_one(seed, repaired):
    train, test = standard_digits(flat=True)
    model = mlp(64, 64, 64, 10)
    decay = 0.0 if repaired else 1.0
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=decay)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))


@broken("too much decay", "MLP", note=NOTE_DECAY, updates=500)
def sgd_with_a_decay_of_a_tenth(seed, repaired):
    train, test = standard_digits(flat=True)
    model = mlp(64, 64, 64, 64, 10)
    decay = 0.0 if repaired else 0.1
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=decay)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))


NOTE_EMBEDDING = """All but the head was frozen, before any of it had been trained; the embedding
and the weights are normal, as this author draws them. General knowledge."""


@broken(
    "frozen",
    "transformer encoder",
    where=("embedding", "blocks", ""),
    note=NOTE_EMBEDDING,
    updates=1200,
)
def reader_frozen_as_drawn(seed, repaired):
    task = ordered_pairs(12)
    model = Reader(20)
    for name, p in model.named_parameters():
        if p.dim() > 1 and "embedding" not in name:
            nn.init.xavier_normal_(p)
        if not repaired:
            p.requires_grad = "head" in name
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))


NOTE_PADDING = """Sequences of different lengths are padded at their ends, and a GRU is read at the
last step, long after most have ended. General knowledge."""


class Padded(nn.Module):
    """A GRU over symbols, read at the last step of each sequence, or of the longest."""

    def __init__(self, symbols, at_its_end):
        super().__init__()
        self.embedding = nn.Embedding(symbols + 1, 16)
        self.gru = nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, symbols)
        self.at_its_end = at_its_end

    def forward(self, ids):
        out, _ = self.gru(self.embedding(ids))
        if not self.at_its_end:
            return self.head(out[:, -1])
        last = (ids > 0).sum(1) - 1
        return self.head(out[torch.arange(len(ids)), last])


@broken("short reach", "GRU", also=("vanishing",), note=NOTE_PADDING, updates=300)
def last_step_is_padding(seed, repaired):
    symbols, length = 6, 60

    def task(size, generator):
        ids = torch.randint(1, symbols + 1, (size, length), generator=generator)
        ends = torch.randint(2, 12, (size, 1), generator=generator)
        return ids.masked_fill(torch.arange(length) >= ends, 0), ids[:, 0] - 1

    model = Padded(symbols, repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 256, 10_000)()
    draw = sequences(task, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
