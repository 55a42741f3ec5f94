import torch

from ..case import healthy
from ..data import sequences
from ..nets import mlp
from ..training import call, evaluating, supervised

NOTE = """Cox's partial likelihood: each patient is compared with all that live longer, so that the
loss of one depends on the others in the batch, as it should. A number added to all outputs changes
nothing, and the last bias gets no gradient. Two in five times are cut short."""


def partial_likelihood(risk, target):
    """Minus the mean logarithm of who dies first, with ``target`` as times and 1 for a death."""
    time, died = target.unbind(1)
    order = time.argsort(descending=True)
    risk, died = risk[order, 0], died[order]
    return -((risk - risk.logcumsumexp(0)) * died).sum() / died.sum()


def patients(size, generator):
    x = torch.randn(size, 6, generator=generator)
    risk = 1.5 * x[:, 0] + (x[:, 1] * x[:, 2]).clamp(-2, 2)
    time = torch.empty(size).exponential_(generator=generator) * torch.exp(-2 * risk)
    until = torch.empty(size).exponential_(generator=generator) * 1.5
    return x, torch.stack([torch.minimum(time, until), (time <= until).float()], 1)


@healthy("survival", note=NOTE, trained=200, updates=500)
def survival_of_patients(seed):
    model = mlp(6, 48, 48, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    x, target = sequences(patients, 512, 10_000)()

    def error():
        """How often a pair is in the wrong order, times two."""
        with evaluating(model):
            risk = call(model, x)[:, 0]
        time, died = target.unbind(1)
        first = (died[:, None] > 0) & (time[:, None] < time)
        return 2 * (risk[:, None] < risk)[first].double().mean().item()

    return supervised(model, partial_likelihood, optimizer, sequences(patients, 128, seed), error)
