import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    own_loss,
    with_action,
)

NOTE = """Half of the images have no label: the model must agree there with the running mean of
its own weights, a copy without gradient that is a module of the model and is not in the
optimiser."""


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = mlp(64, 48, 10)
        self.teacher = mlp(64, 48, 10).requires_grad_(False)
        self.teacher.load_state_dict(self.student.state_dict())

    def forward(self, images, labels, others):
        with torch.no_grad():
            opinion = self.teacher(others).softmax(1)
        seen = self.student(others + 0.3 * torch.randn_like(others)).softmax(1)
        agreed = F.mse_loss(seen, opinion)
        return F.cross_entropy(self.student(images), labels) + agreed

    @torch.no_grad()
    def follow(self, share=0.02):
        pairs = zip(self.teacher.parameters(), self.student.parameters(), strict=True)
        for old, new in pairs:
            old.lerp_(new, share)


@healthy("mean teacher", note=NOTE, updates=300)
def mean_teacher(seed):
    train, test = standard_digits(flat=True)
    model = Student()
    optimizer = torch.optim.Adam(model.student.parameters(), lr=2e-3)
    rows = batches(train, 64, seed)

    def draw():
        images, labels = rows()
        return {"images": images[:32], "labels": labels[:32], "others": images[32:]}

    def action(n):
        model.follow()

    setup = own_loss(model, optimizer, draw, missed(model.student, *test))
    return with_action(setup, action)
