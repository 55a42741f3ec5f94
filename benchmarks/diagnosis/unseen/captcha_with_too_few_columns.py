import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import call, evaluating, supervised

SOURCE = "https://github.com/ypwhs/captcha_break/issues/29"
NOTE = """The issue: a captcha is read with the CTC loss, which becomes nan; the output has too few
columns for the label and the blanks it needs, and less pooling across is the advice. Here labels of
four symbols and five columns: labels with two repetitions cannot be aligned and have an infinite
loss. The repair has ten columns."""


class Reader(nn.Module):
    """Logarithms of probabilities (columns, batch, symbols)."""

    def __init__(self, pool):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(6, 24, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(pool),
            nn.Conv1d(24, 24, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(24, 5, 1),
        )

    def forward(self, image):
        return self.body(image).permute(2, 0, 1).log_softmax(2)


def ctc(out, label):
    size = len(label)
    columns = torch.full((size,), len(out))
    return F.ctc_loss(out, label, columns, torch.full((size,), label.shape[1]))


def captchas(size, generator):
    """Four of four symbols, each five columns wide, in noise."""
    shapes = torch.randn(5, 6, 5, generator=torch.Generator().manual_seed(8))
    label = torch.randint(1, 5, (size, 4), generator=generator)
    image = shapes[label].permute(0, 2, 1, 3).flatten(2)
    return image + 0.2 * torch.randn(image.shape, generator=generator), label


@broken(
    "not finite, forward",
    "CTC",
    source=SOURCE,
    note=NOTE,
    updates=400,
)
def captcha_with_too_few_columns(seed, repaired):
    model = Reader(2 if repaired else 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    image, label = sequences(captchas, 128, 10_000)()

    def error():
        """How often a captcha is read wrongly."""
        with evaluating(model):
            out = call(model, image)
        if not out.isfinite().all():
            return float("nan")
        best = out.argmax(2).T
        wrong = 0
        for row, own in zip(best, label, strict=True):
            read = row.unique_consecutive()
            wrong += read[read > 0].tolist() != own.tolist()
        return wrong / len(label)

    return supervised(model, ctc, optimizer, sequences(captchas, 48, seed), error)
