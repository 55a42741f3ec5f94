import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, missed, supervised

SOURCE = "https://github.com/huggingface/peft/issues/282"
NOTE = """The issue: ``PeftModel.from_pretrained`` loads an adapter frozen by default, and a model
that was to be trained further has no trainable parameters. Here adapters of low rank beside two
frozen layers are frozen as well, and only the bias of the head is left; the repair asks for them
to be trainable."""


class Adapted(nn.Module):
    """A frozen linear layer and a trainable one of low rank beside it."""

    def __init__(self, base, rank=8):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.normal_(self.up.weight, std=0.02)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


class Adapters(nn.Module):
    def __init__(self, base, trainable):
        super().__init__()
        self.first = Adapted(base[0])
        self.second = Adapted(base[2])
        self.bias = nn.Parameter(torch.zeros(10))
        for layer in (self.first, self.second):
            layer.down.requires_grad_(trainable)
            layer.up.requires_grad_(trainable)

    def forward(self, x):
        return self.second(F.relu(self.first(x))) + self.bias


@broken(
    "frozen",
    "MLP with adapters",
    where=("first", "second"),
    source=SOURCE,
    note=NOTE,
    updates=400,
)
def adapters_loaded_for_inference(seed, repaired):
    train, test = standard_digits(flat=True)
    turned = train[0].unflatten(1, (8, 8)).transpose(1, 2).flatten(1), train[1]
    base = mlp(64, 48, 10)
    before = torch.optim.Adam(base.parameters(), lr=3e-3)
    school = supervised(base, F.cross_entropy, before, batches(turned, 64, seed), None)
    for _ in range(100):
        school.update()
    model = Adapters(base, trainable=repaired)
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(chosen, lr=5e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
