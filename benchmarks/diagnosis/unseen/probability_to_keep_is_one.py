import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/hassony2/kinetics_i3d_pytorch/issues/6"
NOTE = """The issue: a net for films, carried over from TensorFlow, has a probability to keep of 1,
and hands it to ``nn.Dropout``, where it is the probability to drop. All features are dropped in
training. Here a net of two 3-D convolutions; the repair drops none."""


class FilmNet(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.first = nn.Conv3d(1, 8, 3, padding=1)
        self.second = nn.Conv3d(8, 16, 3)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(16, 4)

    def forward(self, film):
        h = F.relu(self.second(F.relu(self.first(film))))
        return self.head(self.dropout(h.amax((2, 3, 4))))


def films(size, generator):
    """Four pictures of 6 × 6 of a dot, and which of four ways it goes."""
    way = torch.randint(4, (size,), generator=generator)
    steps = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])[way]
    start = torch.randint(6, (size, 2), generator=generator)
    film = torch.zeros(size, 1, 4, 6, 6)
    for t in range(4):
        row, column = ((start + t * steps) % 6).unbind(1)
        film[torch.arange(size), 0, t, row, column] = 1
    return film, way


@broken(
    "ignores input",
    "CNN on films",
    also=("cut off", "dead units"),
    where=("", "dropout", "head"),
    source=SOURCE,
    note=NOTE,
    updates=250,
)
def probability_to_keep_is_one(seed, repaired):
    model = FilmNet(0.0 if repaired else 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    fixed = sequences(films, 256, 10_000)()
    draw = sequences(films, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
