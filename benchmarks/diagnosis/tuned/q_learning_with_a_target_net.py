import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..nets import (
    mlp,
)
from ..training import (
    evaluating,
    own_loss,
    with_action,
)

NOTE = """A chain of 12 states: step right for nothing or stay for little, with a prize at the
end. Values are learned from a copy of the net without gradient that is renewed every 20 updates;
the copy is a module of the model and is not given to the optimiser."""


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = mlp(12, 48, 2)
        self.target = mlp(12, 48, 2).requires_grad_(False)
        self.target.load_state_dict(self.online.state_dict())

    def forward(self, state, action, reward, after):
        value = self.online(state).gather(1, action[:, None])[:, 0]
        with torch.no_grad():
            best = reward + 0.9 * self.target(after).max(1).values
        return F.smooth_l1_loss(value, best)


def moved(state, action):
    return (state + action) % 12


def payment(state, action):
    """3 for a step from the last state to the first, 0.1 for staying anywhere."""
    return torch.where(action == 1, 3.0 * (state == 11), 0.1)


def worth():
    """The true values of all states and both actions, (12, 2)."""
    state, action = torch.arange(12)[:, None], torch.arange(2)
    value = torch.zeros(12, 2)
    for _ in range(400):
        value = payment(state, action) + 0.9 * value.max(1).values[moved(state, action)]
    return value


@healthy("Q-learning", note=NOTE, updates=2500)
def q_learning_with_a_target_net(seed):
    generator = torch.Generator().manual_seed(seed)
    model = Agent()
    optimizer = torch.optim.Adam(model.online.parameters(), lr=3e-3)
    places = torch.eye(12)

    def draw():
        state = torch.randint(12, (64,), generator=generator)
        action = torch.randint(2, (64,), generator=generator)
        return {
            "state": places[state],
            "action": action,
            "reward": payment(state, action),
            "after": places[moved(state, action)],
        }

    true = worth()

    def error():
        with evaluating(model):
            value = model.online(places)
        return ((value - true).square().mean() / true.var()).item()

    def action(n):
        if n % 20 == 0:
            model.target.load_state_dict(model.online.state_dict())

    return with_action(own_loss(model, optimizer, draw, error), action)
