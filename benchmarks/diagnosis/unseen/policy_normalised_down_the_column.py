import math

import torch
from torch import nn

from ..case import broken
from ..training import loss_over, supervised

SOURCE = "https://github.com/DeepReinforcementLearning/DeepReinforcementLearningInAction/issues/32"
NOTE = """The issue: a policy net ends with ``Softmax(dim=0)``, which is right for one state alone;
given a batch, probabilities are normalised over the states and not over the actions. Here the
policy is trained on actions that were good; the repair normalises over the actions."""


def surprise(probability, action):
    return -(probability.gather(1, action[:, None]) + 1e-9).log().mean()


def good_actions(size, generator):
    """States of a cart with a pole, and the push that keeps the pole up."""
    state = torch.randn(size, 4, generator=generator)
    lean = state[:, 2] + 0.5 * state[:, 3] + 0.2 * state[:, 1]
    return state, (lean > 0).long()


@broken(
    "softmax over examples",
    "policy",
    also=("mixed examples",),
    where=("", "3"),
    source=SOURCE,
    note=NOTE,
    updates=400,
)
def policy_normalised_down_the_column(seed, repaired):
    model = nn.Sequential(
        nn.Linear(4, 32),
        nn.LeakyReLU(),
        nn.Linear(32, 2),
        nn.Softmax(1 if repaired else 0),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=9e-3)
    generator = torch.Generator().manual_seed(seed)
    held = good_actions(64, torch.Generator().manual_seed(10_000))
    error = loss_over(math.log(2), model, surprise, *held)
    return supervised(model, surprise, optimizer, lambda: good_actions(64, generator), error)
