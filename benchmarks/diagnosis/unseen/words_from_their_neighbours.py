import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..training import evaluating, own_loss

NOTE = """Skip-grams with negative sampling: words in small random vectors, contexts all zero, as in
word2vec, so that at first only contexts get a gradient. 200 words of 10 kinds; only the rows
of a batch get one at all. Judged by whether the nearest word is of the same kind."""


class SkipGram(nn.Module):
    def __init__(self, words=200, width=12):
        super().__init__()
        self.word = nn.Embedding(words, width)
        self.context = nn.Embedding(words, width)
        nn.init.uniform_(self.word.weight, -0.5 / width, 0.5 / width)
        nn.init.zeros_(self.context.weight)

    def forward(self, word, near, other):
        h = self.word(word)
        own = (h * self.context(near)).sum(1)
        false = torch.einsum("nd,nkd->nk", h, self.context(other))
        return -(F.logsigmoid(own) + F.logsigmoid(-false).sum(1)).mean()


@healthy("word vectors", note=NOTE, trained=150, updates=500)
def words_from_their_neighbours(seed):
    generator = torch.Generator().manual_seed(seed)
    model = SkipGram()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def draw():
        word = torch.randint(200, (256,), generator=generator)
        near = (word + 10 * torch.randint(20, (256,), generator=generator)) % 200
        other = torch.randint(200, (256, 4), generator=generator)
        return {"word": word, "near": near, "other": other}

    def error():
        with evaluating(model):
            unit = F.normalize(model.word.weight)
        alike = unit @ unit.T - 2 * torch.eye(200)
        wrong = alike.argmax(1) % 10 != torch.arange(200) % 10
        return wrong.double().mean().item() / 0.9

    return own_loss(model, optimizer, draw, error)
