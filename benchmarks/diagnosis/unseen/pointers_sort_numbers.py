import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..training import missed, supervised

NOTE = """A pointer net that sorts five numbers, taught with the right places as its own input
(teacher forcing). Places that are used up have scores of -1e4, so that most scores get no
gradient; the last step has one place left, a loss of zero."""


class Pointer(nn.Module):
    """Scores (batch, places, steps) of which place comes next, given those before."""

    def __init__(self, width=32):
        super().__init__()
        self.encoder = nn.GRU(1, width, batch_first=True, bidirectional=True)
        self.decoder = nn.GRUCell(1, 2 * width)
        self.key = nn.Linear(2 * width, width, bias=False)
        self.query = nn.Linear(2 * width, width)
        self.point = nn.Linear(width, 1, bias=False)

    def forward(self, numbers, places):
        h, final = self.encoder(numbers[..., None])
        state = final.transpose(0, 1).flatten(1)
        key = self.key(h)
        used = torch.zeros_like(numbers, dtype=torch.bool)
        last = torch.full_like(numbers[:, :1], -1)
        steps = []
        for step in range(numbers.shape[1]):
            state = self.decoder(last, state)
            score = self.point(torch.tanh(key + self.query(state)[:, None]))[..., 0]
            steps.append(score.masked_fill(used, -1e4))
            place = places[:, step : step + 1]
            used = used.scatter(1, place, True)
            last = numbers.gather(1, place)
        return torch.stack(steps, 2)


def lists(size, generator):
    numbers = torch.rand(size, 5, generator=generator)
    places = numbers.argsort(1)
    return (numbers, places), places


@healthy("pointer net", note=NOTE, updates=400)
def pointers_sort_numbers(seed):
    model = Pointer()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(lists, 256, 10_000)()
    draw = sequences(lists, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
