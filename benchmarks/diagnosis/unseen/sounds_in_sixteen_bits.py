import math

import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/JusperLee/Dual-Path-RNN-Pytorch/issues/16"
NOTE = """The issue: sound read as integers made the loss nan; read as floats between -1 and 1 it
is well. Here tones of 128 samples in six pitches, with the values of 16 bits; the repair divides
them by 32768."""


def tones(scale):
    def make(size, generator):
        pitch = torch.randint(6, (size,), generator=generator)
        phase = 2 * math.pi * torch.rand(size, 1, generator=generator)
        loud = 0.2 + 0.6 * torch.rand(size, 1, generator=generator)
        angle = 2 * math.pi * (pitch[:, None] + 3) / 64 * torch.arange(128)
        noise = 0.05 * torch.randn(size, 128, generator=generator)
        sound = (32767 * (loud * torch.sin(angle + phase) + noise)).clamp(-32768, 32767)
        return (sound.trunc() / scale)[:, None], pitch

    return make


@broken(
    "input scale",
    "CNN on sound",
    also=("step too large", "loud start"),
    where=("", "0"),
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def sounds_in_sixteen_bits(seed, repaired):
    task = tones(32768.0 if repaired else 1.0)
    model = nn.Sequential(
        nn.Conv1d(1, 16, 16, stride=4),
        nn.ReLU(),
        nn.Conv1d(16, 32, 8, stride=2),
        nn.ReLU(),
        nn.AdaptiveMaxPool1d(1),
        nn.Flatten(),
        nn.Linear(32, 6),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
