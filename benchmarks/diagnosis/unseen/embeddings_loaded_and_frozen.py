import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..training import supervised, unexplained

SOURCE = "https://github.com/RUCAIBox/RecBole/issues/2046"
NOTE = """The issue: a recommender with loaded embeddings does not learn; one is told that
``Embedding.from_pretrained`` freezes unless it is told not to. Here the loaded vectors are random,
so that nothing can be learned without them; the repair does not freeze."""


class Factors(nn.Module):
    def __init__(self, freeze):
        super().__init__()
        self.users = nn.Embedding.from_pretrained(0.3 * torch.randn(60, 6), freeze=freeze)
        self.items = nn.Embedding.from_pretrained(0.3 * torch.randn(40, 6), freeze=freeze)
        self.head = nn.Linear(6, 1)

    def forward(self, user, item):
        return self.head(self.users(user) * self.items(item))


def ratings(size, generator):
    """What users think of items: a matrix of rank three."""
    source = torch.Generator().manual_seed(5)
    matrix = torch.randn(60, 3, generator=source) @ torch.randn(3, 40, generator=source)
    user = torch.randint(60, (size,), generator=generator)
    item = torch.randint(40, (size,), generator=generator)
    return (user, item), matrix[user, item][:, None]


@broken(
    "frozen",
    "recommender",
    where=("users", "items"),
    source=SOURCE,
    note=NOTE,
    trained=50,
    updates=800,
)
def embeddings_loaded_and_frozen(seed, repaired):
    model = Factors(freeze=not repaired)
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adagrad(chosen, lr=0.2)
    generator = torch.Generator().manual_seed(seed)
    held = ratings(2048, torch.Generator().manual_seed(10_000))
    error = unexplained(model, *held)
    return supervised(model, F.mse_loss, optimizer, lambda: ratings(256, generator), error)
