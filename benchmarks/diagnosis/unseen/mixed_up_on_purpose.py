import torch
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import ResNet
from ..training import batches, missed, supervised

NOTE = """Mixup with strong augmentation: each image is a blend of two, targets are blends of their
labels, and the loss never falls below the entropy of these, above 0.5. Group norm, large momentum;
after 60 updates."""


def blended(draw, seed):
    generator = torch.Generator().manual_seed(seed)

    def mixed():
        x, y = draw()
        target = F.one_hot(y, 10).float()
        share = 0.3 + 0.4 * torch.rand(len(y), 1, generator=generator)
        other = torch.randperm(len(y), generator=generator)
        x = share[..., None, None] * x + (1 - share[..., None, None]) * x[other]
        return x, share * target + (1 - share) * target[other]

    return mixed


@healthy("ResNet, blended images", note=NOTE, trained=60, updates=300)
def mixed_up_on_purpose(seed):
    train, test = standard_digits()
    model = ResNet(blocks=2, norm=lambda width: torch.nn.GroupNorm(4, width))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.95, nesterov=True)
    draw = blended(batches(train, 48, seed), seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
