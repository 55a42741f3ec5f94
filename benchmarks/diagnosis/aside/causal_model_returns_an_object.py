from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ..case import Setup, healthy
from ..data import (
    poem,
    windows,
)
from ..nets import (
    TransformerBlock,
)
from ..training import (
    entropy,
    evaluating,
)

NOTE = """As in the transformers library: keywords in, an object with ``loss`` and ``logits`` out;
labels of -100 do not count. Boolean causal mask, output layer not tied."""


@dataclass
class Output:
    loss: torch.Tensor
    logits: torch.Tensor


class CausalModel(nn.Module):
    def __init__(self, symbols, width=40, length=40):
        super().__init__()
        self.wte = nn.Embedding(symbols, width)
        self.wpe = nn.Embedding(length, width)
        self.h = nn.ModuleList([TransformerBlock(width) for _ in range(2)])
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, symbols, bias=False)

    def forward(self, input_ids, labels):
        length = input_ids.shape[1]
        h = self.wte(input_ids) + self.wpe(torch.arange(length))
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        for block in self.h:
            h = block(h, attn_mask=later)
        logits = self.lm_head(self.ln_f(h))
        return Output(F.cross_entropy(logits.transpose(1, 2), labels), logits)


@healthy("GPT", note=NOTE, updates=800)
def causal_model_returns_an_object(seed):
    text, symbols = poem()
    model = CausalModel(symbols)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    drawn = windows(40, 12, seed)
    ids, labels = windows(40, 24, 10_000)()

    def draw():
        input_ids, answers = drawn()
        answers = answers.clone()
        answers[:, :2] = -100
        return {"input_ids": input_ids, "labels": answers}

    def update():
        optimizer.zero_grad()
        loss = model(**draw()).loss
        loss.backward()
        optimizer.step()
        return loss.item()

    def error():
        with evaluating(model):
            return model(ids, labels).loss.item() / entropy(text)

    return Setup(model, draw(), None, optimizer, update, error)
