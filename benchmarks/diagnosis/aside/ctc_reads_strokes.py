import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    sequences,
)
from ..training import (
    evaluating,
    supervised,
)

NOTE = """Connectionist temporal classification: 24 noisy steps, 4 symbols written one after
another, each over several steps with a pause between them."""


class Listener(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(5, 24, 3, padding=1)
        self.gru = nn.GRU(24, 24, batch_first=True, bidirectional=True)
        self.head = nn.Linear(48, 6)

    def forward(self, x):
        h = F.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        return self.head(self.gru(h)[0]).log_softmax(2)


def ctc(log_p, target):
    size, steps, _ = log_p.shape
    length = torch.full((size,), target.shape[1])
    return F.ctc_loss(log_p.transpose(0, 1), target, torch.full((size,), steps), length)


def strokes(size, generator):
    symbols = torch.randint(1, 6, (size, 4), generator=generator)
    x = torch.zeros(size, 24, 5)
    for place in range(4):
        start = 6 * place + torch.randint(2, (size,), generator=generator)
        for step in range(4):
            x[torch.arange(size), start + step, symbols[:, place] - 1] = 1
    return x + 0.3 * torch.randn(x.shape, generator=generator), symbols


@healthy("CTC", note=NOTE, updates=500)
def ctc_reads_strokes(seed):
    model = Listener()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    x, symbols = sequences(strokes, 256, 10_000)()

    def error():
        with evaluating(model):
            best = model(x).argmax(2).tolist()
        wrong = [read(row) != list(word) for row, word in zip(best, symbols.tolist(), strict=True)]
        return sum(wrong) / len(wrong)

    return supervised(model, ctc, optimizer, sequences(strokes, 32, seed), error)


def read(row):
    """Repetitions made one, then blanks (0) taken out."""
    kept = [a for a, b in zip(row, [None, *row], strict=False) if a != b]
    return [a for a in kept if a]
