import torch
from torch import nn

from ..case import healthy
from ..nets import (
    mlp,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """A contextual bandit with 5 actions: log-probabilities times the reward beyond the
batch's mean. The loss is near 0 by design and says nothing of success; judged by the reward."""


def policy_loss(logits, target):
    action, advantage = target
    chosen = logits.log_softmax(1).gather(1, action[:, None])[:, 0]
    return -(chosen * advantage).mean()


@healthy("policy gradient", note=NOTE, updates=1000)
def policy_gradient(seed):
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    model = mlp(4, 64, 5, activation=nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def draw():
        state = torch.randn(64, 4, generator=generator)
        with torch.no_grad():
            p = model(state).softmax(1)
        action = torch.multinomial(p, 1, generator=generator)[:, 0]
        reward = (action == (state @ matrix).argmax(1)).float()
        return state, (action, reward - reward.mean())

    held = torch.randn(1024, 4, generator=torch.Generator().manual_seed(2))
    error = missed(model, held, (held @ matrix).argmax(1))
    return supervised(model, policy_loss, optimizer, draw, error)
