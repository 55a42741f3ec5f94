import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..nets import mlp
from ..training import missed, own_loss

NOTE = """Actor and critic: one loss for the actor, whose gain the critic's error weighs without
gradient, one for the critic, and a bonus for entropy, negative. The sum hovers near zero from
the start. Orthogonal weights, the actor's last layer a hundredth of the usual."""


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = mlp(3, 48, 48, activation=nn.Tanh)
        self.actor = nn.Linear(48, 4)
        self.critic = nn.Linear(48, 1)
        nn.init.orthogonal_(self.actor.weight, 0.01)
        nn.init.orthogonal_(self.critic.weight)

    def policy(self, state):
        return self.actor(torch.tanh(self.body(state)))

    def forward(self, state, action, reward):
        logits = self.policy(state).log_softmax(1)
        value = self.critic(torch.tanh(self.body(state)))[:, 0]
        gain = (reward - value).detach()
        chosen = logits.gather(1, action[:, None])[:, 0]
        entropy = -(logits.exp() * logits).sum(1).mean()
        return -(chosen * gain).mean() + 0.5 * F.mse_loss(value, reward) - 0.01 * entropy


@healthy("actor-critic", note=NOTE, updates=800)
def actor_and_critic_share_a_body(seed):
    generator = torch.Generator().manual_seed(seed)
    taste = torch.randn(3, 4, generator=torch.Generator().manual_seed(4))
    model = ActorCritic()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3, alpha=0.99, eps=1e-5)

    def draw():
        state = torch.randn(128, 3, generator=generator)
        with torch.no_grad():
            share = model.policy(state).softmax(1)
        action = torch.multinomial(share, 1, generator=generator)[:, 0]
        reward = (action == (state @ taste).argmax(1)).float()
        return {"state": state, "action": action, "reward": reward}

    held = torch.randn(1024, 3, generator=torch.Generator().manual_seed(10_000))
    judged = nn.Sequential(model.body, nn.Tanh(), model.actor)
    return own_loss(model, optimizer, draw, missed(judged, held, (held @ taste).argmax(1)))
