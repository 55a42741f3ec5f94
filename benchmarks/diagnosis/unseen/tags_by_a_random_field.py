import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..training import evaluating, own_loss

NOTE = """A tagger with a conditional random field: the model computes its own loss, a sum over
sequences, by the forward algorithm; transitions start at zero."""


class Tagger(nn.Module):
    def __init__(self, tags=3):
        super().__init__()
        self.embedding = nn.Embedding(12, 16)
        self.scores = nn.Conv1d(16, tags, 3, padding=1)
        self.transitions = nn.Parameter(torch.zeros(tags, tags))

    def emissions(self, ids):
        return self.scores(self.embedding(ids).transpose(1, 2)).transpose(1, 2)

    def forward(self, ids, tags):
        scores = self.emissions(ids)
        own = scores.gather(2, tags[..., None]).sum((1, 2))
        own = own + self.transitions[tags[:, :-1], tags[:, 1:]].sum(1)
        total = scores[:, 0]
        for step in scores[:, 1:].unbind(1):
            total = (total[:, :, None] + self.transitions).logsumexp(1) + step
        return (total.logsumexp(1) - own).sum()

    def best(self, ids):
        """The likeliest tags, by Viterbi's algorithm."""
        scores = self.emissions(ids)
        total, back = scores[:, 0], []
        for step in scores[:, 1:].unbind(1):
            value, place = (total[:, :, None] + self.transitions).max(1)
            total = value + step
            back.append(place)
        tags = [total.argmax(1)]
        for place in reversed(back):
            tags.append(place.gather(1, tags[-1][:, None])[:, 0])
        return torch.stack(tags[::-1], 1)


def spans(size, generator):
    """Inside a span (1 first, 2 after) between the symbols 0 and 1, else 0."""
    ids = torch.randint(12, (size, 12), generator=generator)
    tags = torch.zeros_like(ids)
    inside = torch.zeros(size, dtype=torch.bool)
    for t in range(12):
        opens = ~inside & (ids[:, t] < 3)
        tags[:, t] = torch.where(opens, 1, torch.where(inside & (ids[:, t] >= 3), 2, 0))
        inside = opens | (inside & (ids[:, t] < 9) & (ids[:, t] >= 3))
    return {"ids": ids, "tags": tags}


@healthy("random field on convolutions", note=NOTE, updates=300)
def tags_by_a_random_field(seed):
    model = Tagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    held = sequences(spans, 256, 10_000)()
    draw = sequences(spans, 32, seed)
    commonest = F.one_hot(held["tags"]).double().mean((0, 1)).max()

    def error():
        with evaluating(model):
            wrong = model.best(held["ids"]) != held["tags"]
        return (wrong.double().mean() / (1 - commonest)).item()

    return own_loss(model, optimizer, draw, error)
