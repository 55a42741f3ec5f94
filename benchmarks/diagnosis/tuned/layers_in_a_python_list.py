import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import spirals
from ..training import batches, missed, supervised

SOURCE = "https://github.com/pytorch/pytorch/issues/715"
NOTE = """The issue: hidden layers in a plain Python list are not among the module's parameters,
and the optimiser never gets them. Their weights are leaves with a gradient that belong to no
module by name; the module that holds the list, the model itself, is the right answer."""


class Net(nn.Module):
    def __init__(self, registered):
        super().__init__()
        hidden = [nn.Linear(2 if i == 0 else 16, 16) for i in range(4)]
        self.hidden = nn.ModuleList(hidden) if registered else hidden
        self.classifier = nn.Linear(16, 3)

    def forward(self, h):
        for layer in self.hidden:
            h = torch.tanh(layer(h))
        return self.classifier(h)


@broken("not in optimizer", "MLP, tanh", source=SOURCE, note=NOTE, updates=1500)
def layers_in_a_python_list(seed, repaired):
    model = Net(registered=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    draw = batches(spirals(2048), 128, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *spirals(1024, 1)))
