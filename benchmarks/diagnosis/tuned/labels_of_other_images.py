import torch
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..nets import (
    ConvNet,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Labels are shuffled on their own, by a slip in the loader, and do not belong to the
images: all that can be learned is by heart. Nothing in the model is wrong, the targets have nothing
to do with the inputs. General knowledge."""


@broken("wrong labels", "CNN", note=NOTE, updates=300)
def labels_of_other_images(seed, repaired):
    (x, y), test = standard_digits()
    if not repaired:
        y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(1))]
    model = ConvNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
