import math

import torch
from torch import nn
from torch.distributions import Categorical

from ..case import broken
from ..nets import mlp
from ..training import loss_over, supervised

SOURCE = "https://github.com/rlworkgroup/garage/pull/1357"
NOTE = """The pull request: what a policy net returns goes to ``Categorical`` as its first argument,
which are logits in TensorFlow, though it is probabilities; with ``probs=`` it learns better. Here a
policy is trained by imitation of 16 actions; its distribution can never be sure of one. The repair
names the argument."""


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = mlp(6, 64, 16, activation=nn.Tanh)
        self.probabilities = nn.Softmax(-1)

    def forward(self, state):
        return self.probabilities(self.body(state))


def as_logits(out, action):
    return -Categorical(logits=out).log_prob(action).mean()


def as_probabilities(out, action):
    return -Categorical(probs=out).log_prob(action).mean()


def watched(size, generator):
    """States and what an expert does in them."""
    state = torch.randn(size, 6, generator=generator)
    taste = torch.randn(6, 16, generator=torch.Generator().manual_seed(1))
    return state, (state @ taste).argmax(1)


@broken(
    "double softmax",
    "policy, imitation",
    also=("output bounded",),
    where=("", "probabilities"),
    source=SOURCE,
    note=NOTE,
    trained=300,
    updates=800,
)
def policy_takes_probabilities_for_logits(seed, repaired):
    model = Policy()
    loss = as_probabilities if repaired else as_logits
    optimizer = torch.optim.NAdam(model.parameters(), lr=5e-3)
    generator = torch.Generator().manual_seed(seed)
    held = watched(1024, torch.Generator().manual_seed(10_000))
    error = loss_over(math.log(16), model, loss, *held)
    return supervised(model, loss, optimizer, lambda: watched(64, generator), error)
