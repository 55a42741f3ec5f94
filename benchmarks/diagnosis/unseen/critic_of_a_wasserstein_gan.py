import torch
from torch import nn

from ..case import healthy
from ..nets import mlp
from ..training import evaluating, own_loss

NOTE = """The critic of a Wasserstein GAN with a gradient penalty, against a generator that stays:
the loss is a difference and falls below zero, its gradient is taken through a gradient. Judged by
how far scores of real points are apart from those of others."""


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = mlp(2, 16, 2).requires_grad_(False)
        self.score = mlp(2, 64, 64, 1, activation=nn.LeakyReLU)

    def forward(self, real, noise, share):
        drawn = self.generator(noise)
        between = (share * real + (1 - share) * drawn).requires_grad_(True)
        with torch.enable_grad():
            total = self.score(between).sum()
            (slope,) = torch.autograd.grad(total, between, create_graph=True)
        penalty = (slope.norm(dim=1) - 1).square().mean()
        return self.score(drawn).mean() - self.score(real).mean() + 10 * penalty


def ring(size, generator):
    angle = 6.3 * torch.rand(size, generator=generator)
    points = torch.stack([angle.cos(), angle.sin()], 1)
    return 2 * points + 0.1 * torch.randn(size, 2, generator=generator)


@healthy("GAN critic", note=NOTE, trained=100, updates=300)
def critic_of_a_wasserstein_gan(seed):
    generator = torch.Generator().manual_seed(seed)
    model = Critic()
    optimizer = torch.optim.Adam(model.score.parameters(), lr=1e-3, betas=(0.0, 0.9))

    def draw():
        return {
            "real": ring(64, generator),
            "noise": torch.randn(64, 2, generator=generator),
            "share": torch.rand(64, 1, generator=generator),
        }

    held = torch.Generator().manual_seed(10_000)
    real, noise = ring(512, held), torch.randn(512, 2, generator=held)

    def error():
        with evaluating(model):
            own, other = model.score(real), model.score(model.generator(noise))
        return (own < other.T).double().mean().item() * 2

    return own_loss(model, optimizer, draw, error)
