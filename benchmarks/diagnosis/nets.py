"""Plain architectures that cases share; each learns as it stands."""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional as F


def mlp(*sizes, activation=nn.ReLU):
    """Linear layers with an activation between them: 0, 2, 4, … are the linear ones."""
    layers = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        if i:
            layers.append(activation())
        layers.append(nn.Linear(n_in, n_out))
    return nn.Sequential(*layers)


class ConvNet(nn.Module):
    """Two convolutions and pooling for images of 8 × 8, then a linear head."""

    def __init__(self, classes=10, width=16, activation=nn.ReLU):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            activation(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            activation(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Linear(8 * width, classes)

    def forward(self, x):
        return self.head(self.features(x))


class ResidualBlock(nn.Module):
    """Two normalised convolutions beside a skip connection."""

    def __init__(self, width, norm=nn.BatchNorm2d, bias=False):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.norm1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.norm2 = norm(width)

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(h)))


class ResNet(nn.Module):
    """A stem, residual blocks, global pooling and a linear head."""

    def __init__(self, classes=10, width=16, blocks=3, norm=nn.BatchNorm2d, bias=False):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1, bias=bias)
        self.norm = norm(width)
        self.blocks = nn.Sequential(*[ResidualBlock(width, norm, bias) for _ in range(blocks)])
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        h = F.relu(self.norm(self.stem(x)))
        h = F.max_pool2d(h, 2)
        return self.head(self.blocks(h).mean((2, 3)))


class Recurrent(nn.Module):
    """A recurrent net that reads (batch, time, features), and a head on its last output."""

    def __init__(self, rnn, outputs):
        super().__init__()
        self.rnn = rnn
        directions = 2 if rnn.bidirectional else 1
        self.head = nn.Linear(directions * rnn.hidden_size, outputs)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.head(out[:, -1])


class TransformerBlock(nn.Module):
    """Attention and a small MLP, each beside a skip connection, normalised before or after."""

    def __init__(self, width, heads=4, before=True, dropout=0.0):
        super().__init__()
        self.before = before
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True, dropout=dropout)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = mlp(width, 4 * width, width, activation=nn.GELU)

    def attend(self, h, **masks):
        return self.attention(h, h, h, need_weights=False, **masks)[0]

    def forward(self, h, **masks):
        if self.before:
            h = h + self.attend(self.norm1(h), **masks)
            return h + self.mlp(self.norm2(h))
        h = self.norm1(h + self.attend(h, **masks))
        return self.norm2(h + self.mlp(h))


class Reader(nn.Module):
    """A transformer that reads ids with padding, averages and classifies."""

    def __init__(self, symbols, width=32, blocks=2, classes=2, before=True, length=64):
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList([TransformerBlock(width, before=before) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, ids, padded):
        h = self.embedding(ids) + self.position[: ids.shape[1]]
        for block in self.blocks:
            h = block(h, key_padding_mask=padded)
        kept = (~padded).unsqueeze(-1)
        h = (self.norm(h) * kept).sum(1) / kept.sum(1)
        return self.head(h)


class GPT(nn.Module):
    """A causal transformer; the output layer has the weights of the embedding if ``tied``."""

    def __init__(self, symbols, width=48, blocks=2, length=64, tied=True, deviation=0.02):
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.position = nn.Embedding(length, width)
        self.blocks = nn.ModuleList([TransformerBlock(width) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, symbols, bias=False)
        nn.init.normal_(self.embedding.weight, std=deviation)
        nn.init.normal_(self.position.weight, std=deviation)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, ids):
        length = ids.shape[1]
        h = self.embedding(ids) + self.position(torch.arange(length))
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        for block in self.blocks:
            h = block(h, attn_mask=mask)
        return self.head(self.norm(h)).transpose(1, 2)


def scaled_normal(linear, gain=1.0):
    """Weights with deviation gain/√n_in, biases zero."""
    nn.init.normal_(linear.weight, std=gain / math.sqrt(linear.in_features))
    nn.init.zeros_(linear.bias)
