import torch
from torch import nn

from ..case import healthy
from ..nets import mlp
from ..training import evaluating, own_loss

NOTE = """An energy-based model: the slope of a learned energy is compared with the way back from
noisy points to clean ones, so that the loss's gradient passes through a gradient. The last bias
never gets one, as an energy has no zero. Judged by where the energy is low."""


class Energy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(2, 48, 48, 1, activation=nn.Softplus)

    def forward(self, clean, noise):
        x = (clean + 0.3 * noise).requires_grad_(True)
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(self.net(x).sum(), x, create_graph=True)
        return (slope * 0.3 - noise).square().sum(1).mean()


def arc(size, generator):
    angle = 3.14 * torch.rand(size, generator=generator)
    return 1.5 * torch.stack([angle.cos(), angle.sin() - 0.5], 1)


@healthy("energy-based model", note=NOTE, updates=800)
def energies_by_score_matching(seed):
    generator = torch.Generator().manual_seed(seed)
    model = Energy()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def draw():
        return {"clean": arc(128, generator), "noise": torch.randn(128, 2, generator=generator)}

    held = torch.Generator().manual_seed(10_000)
    own, other = arc(512, held), 3 * torch.rand(512, 2, generator=held) - 1.5

    def error():
        with evaluating(model):
            wrong = model.net(own) > model.net(other).T
        return 2 * wrong.double().mean().item()

    return own_loss(model, optimizer, draw, error)
