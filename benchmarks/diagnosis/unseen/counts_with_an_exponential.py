import torch
from torch import nn

from ..case import healthy
from ..data import sequences
from ..training import call, evaluating, supervised

NOTE = """Poisson regression: outputs are logarithms of rates, the loss falls below zero, and its
best value depends on the data. Most counts are zero, and the time under risk is an offset that is
added and not learned."""


class Rates(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 32), nn.CELU(), nn.Linear(32, 1))

    def forward(self, x, years):
        return self.body(x)[:, 0] + years.log()


def claims(size, generator):
    x = torch.randn(size, 4, generator=generator)
    years = 0.1 + torch.rand(size, generator=generator)
    rate = torch.exp(1.2 * x[:, 0] - 0.8 * x[:, 1].abs() + 0.5)
    return (x, years), torch.poisson(rate * years, generator=generator)


@healthy("count regression", note=NOTE, trained=200, updates=600)
def counts_with_an_exponential(seed):
    model = Rates()
    loss = nn.PoissonNLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    (x, years), count = sequences(claims, 4096, 10_000)()
    share = (count.sum() / years.sum() * years).log()
    true = 1.2 * x[:, 0] - 0.8 * x[:, 1].abs() + 0.5 + years.log()
    constant, best = loss(share, count).item(), loss(true, count).item()

    def error():
        with evaluating(model):
            return (loss(call(model, (x, years)), count).item() - best) / (constant - best)

    return supervised(model, loss, optimizer, sequences(claims, 64, seed), error)
