"""What it costs to watch a PyTorch model while it trains, beside training alone."""

from contextlib import ExitStack
from functools import partial
from itertools import pairwise

from . import machine, measure

GOAL = 1.1  # of the time without, at every hundredth update
UPDATES = {100: 100, 1: 10}  # in a turn, by ``every``


def mlp(torch, tiny):
    nn, n = torch.nn, 8 if tiny else 256
    model = nn.Sequential(
        *(nn.Linear(784, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 10))
    )
    return model, torch.randn(64, 784)


def resnet(torch, tiny):
    """Eight blocks of two convolutions in four stages, as in ResNet-18, a quarter as wide."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, before, n, stride):
            super().__init__()
            self.body = nn.Sequential(
                *(nn.Conv2d(before, n, 3, stride, 1, bias=False), nn.BatchNorm2d(n)),
                *(nn.ReLU(), nn.Conv2d(n, n, 3, 1, 1, bias=False), nn.BatchNorm2d(n)),
            )
            self.past = nn.Identity() if before == n else nn.Conv2d(before, n, 1, stride)

        def forward(self, x):
            return torch.relu(self.past(x) + self.body(x))

    widths = [4, 4, 8] if tiny else [16, 16, 16, 32, 32, 64, 64, 128, 128]
    blocks = [Block(before, n, 1 if before == n else 2) for before, n in pairwise(widths)]
    model = nn.Sequential(
        *(nn.Conv2d(3, widths[0], 3, padding=1), *blocks),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10)),
    )
    return model, torch.randn(4 if tiny else 8, 3, 16, 16)


def gpt(torch, tiny):
    """Blocks of attention and a small net, pre-LN, between an embedding and a layer on top."""
    nn, n, depth = torch.nn, 16 if tiny else 96, 2 if tiny else 6
    layer = nn.TransformerEncoderLayer(n, 4, 4 * n, 0.1, "gelu", batch_first=True, norm_first=True)
    blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
    model = nn.Sequential(nn.Embedding(256, n), blocks, nn.Linear(n, 10))
    return model, torch.randint(256, (4, 8 if tiny else 32))


def lstm(torch, tiny):
    n, steps = (8, 6) if tiny else (96, 64)

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(16, n, batch_first=True)
            self.out = torch.nn.Linear(n, 10)

        def forward(self, x):
            return self.out(self.lstm(x)[0][:, -1])

    return Reader(), torch.randn(16, steps, 16)


MODELS = {"MLP": mlp, "ResNet-18, narrow": resnet, "GPT, 6 blocks": gpt, "LSTM, 64 steps": lstm}


class Training:
    """A model that trains on one batch, with clipping; each call is some updates."""

    def __init__(self, torch, make, tiny, updates):
        torch.manual_seed(0)
        self.torch, self.updates = torch, updates
        self.model, self.x = make(torch, tiny)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)

    def __call__(self):
        self.torch.manual_seed(0)  # for the same dropout
        for _ in range(self.updates):
            self.optimizer.zero_grad()
            loss = self.model(self.x).pow(2).mean()
            loss.backward()
            self.torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
        return {"loss": loss.item()}


def seconds(torch, make, every, tiny):
    """By contestant: training alone, watched, and watched with nothing between the updates."""
    from gradtrace.torch import watch

    training = partial(Training, torch, make, tiny, 2 if tiny else UPDATES[every])
    with ExitStack() as stack:
        calls = {"alone": training(), "watched": training(), "no spikes": training()}
        for name, spikes in (("watched", 5), ("no spikes", 0)):
            one = calls[name]
            stack.enter_context(watch(one.model, one.optimizer, every, spikes=spikes))
        return measure.compare(calls, tiny)


def section(tiny=False):
    import torch

    rows, about = [], machine.about()
    for every in UPDATES:
        for name, make in MODELS.items():
            torch.manual_seed(0)
            found = seconds(torch, make, every, tiny)
            goal = GOAL if every == 100 and not tiny else None
            for what, contestant in (("", "watched"), (", spikes=0", "no spikes")):
                beside = f"training alone; every={every}{what}"
                rows.append(measure.ratio(name, beside, found[contestant], found["alone"], goal))
    return {
        "title": "A PyTorch model watched while it trains",
        "lead": "`gradtrace.torch.watch` on a model that trains with AdamW and clipping, beside the"
        " same training alone: parameters and losses are the same, bit for bit. The milliseconds"
        f" are those of {UPDATES[100]} updates at every=100, of {UPDATES[1]} at every=1."
        f" Measured on {about['date']}, {about['CPU']}.",
        "rows": rows,
    }
