import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, evaluating, own_loss, supervised

NOTE = """Distillation at a temperature of 4: the loss is the divergence from a frozen teacher,
which is most of the model's parameters, times 16, and a tenth of the cross-entropy."""


class Distilled(nn.Module):
    def __init__(self, teacher):
        super().__init__()
        self.teacher = teacher.requires_grad_(False)
        self.student = mlp(64, 12, 10)

    def forward(self, images, labels):
        out = self.student(images)
        with torch.no_grad():
            soft = (self.teacher(images) / 4).log_softmax(1)
        near = F.kl_div((out / 4).log_softmax(1), soft, reduction="batchmean", log_target=True)
        return 16 * near + 0.1 * F.cross_entropy(out, labels)


@healthy("distillation", note=NOTE, updates=500)
def student_of_a_frozen_teacher(seed):
    train, (images, labels) = standard_digits(flat=True)
    teacher = mlp(64, 128, 128, 10)
    draw = batches(train, 64, seed)
    lesson = torch.optim.Adam(teacher.parameters(), lr=2e-3)
    school = supervised(teacher, F.cross_entropy, lesson, draw, None)
    for _ in range(200):
        school.update()
    model = Distilled(teacher)
    optimizer = torch.optim.SGD(model.student.parameters(), lr=0.02, momentum=0.9)

    def error():
        with evaluating(model):
            return (model.student(images).argmax(1) != labels).double().mean().item() / 0.9

    def keywords():
        x, y = draw()
        return {"images": x, "labels": y}

    return own_loss(model, optimizer, keywords, error)
