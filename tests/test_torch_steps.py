"""Which steps a trace chooses by itself: toy models in the shapes of well-known ones."""

import pytest
from torch_nets import squares


def shapes(torch):
    """``{shape: (model, the steps of a trace, the blocks of a grid)}``; all map ``(n, 4)``."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, parts=1):
            super().__init__()
            self.parts = nn.Sequential(*[nn.Linear(4, 4) for _ in range(parts)])

        def forward(self, h):
            return h + torch.tanh(self.parts(h))

    class Stage(nn.Module):
        def __init__(self, blocks):
            super().__init__()
            self.norm = nn.LayerNorm(4)
            self.blocks = nn.ModuleList(Block() for _ in range(blocks))

        def forward(self, h):
            for block in self.blocks:
                h = block(h)
            return self.norm(h)

    class Other(Block):
        pass

    class Heads(nn.Module):
        """A block that holds a stack of its own, but is no stage: most weights are elsewhere."""

        def __init__(self):
            super().__init__()
            self.heads = nn.ModuleList(Block() for _ in range(2))
            self.mlp = Other(parts=6)

        def forward(self, h):
            return self.mlp(sum(head(h) for head in self.heads))

    class EncoderDecoder(nn.Module):
        def __init__(self, decoder):
            super().__init__()
            self.encoder = nn.ModuleList(Block() for _ in range(2))
            self.decoder = nn.ModuleList(decoder() for _ in range(3))

        def forward(self, h):
            for block in [*self.encoder, *self.decoder]:
                h = block(h)
            return h

    class Few(nn.ModuleList):
        def forward(self, h):
            for block in self:
                h = block(h)
            return h

    class Attributes(nn.Module):
        def __init__(self, **parts):
            super().__init__()
            for name, part in parts.items():
                setattr(self, name, part)

        def forward(self, h):
            for part in self.children():
                h = part(h)
            return h

    def stage(times):
        return nn.Sequential(*[Block() for _ in range(times)])

    def layer():
        return nn.Sequential(nn.Linear(4, 4), nn.Tanh())

    return {
        "stages in a row": (
            Attributes(stem=nn.Linear(4, 4), a=stage(2), b=stage(3), c=stage(1)),
            ["a.0", "a.1", "b.0", "b.1", "b.2", "c.0"],
            ["b.0", "b.1", "b.2"],
        ),
        "stages of a class": (
            nn.Sequential(*[Stage(3) for _ in range(2)]),
            [f"{s}.blocks.{b}" for s in range(2) for b in range(3)],
            [f"0.blocks.{b}" for b in range(3)],
        ),
        "blocks with stacks within": (
            nn.Sequential(Heads(), Heads(), Heads()),
            ["0", "1", "2"],
            ["0", "1", "2"],
        ),
        "two stacks of one class": (
            EncoderDecoder(Block),
            ["encoder.0", "encoder.1", "decoder.0", "decoder.1", "decoder.2"],
            ["decoder.0", "decoder.1", "decoder.2"],
        ),
        "two stacks of two classes": (
            EncoderDecoder(Other),
            ["encoder.0", "encoder.1", "decoder.0", "decoder.1", "decoder.2"],
            ["decoder.0", "decoder.1", "decoder.2"],
        ),
        "blocks as attributes": (
            Attributes(one=Block(), two=Block(), three=Block(), head=nn.Linear(4, 4)),
            ["one", "two", "three"],
            ["one", "two", "three"],
        ),
        "layers in two boxes": (
            Attributes(
                features=nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)),
                classifier=nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 4)),
            ),
            ["features.0", "features.2", "classifier.0", "classifier.2"],
            ["features.0", "features.2"],
        ),
        "layers with their activations": (
            nn.Sequential(layer(), layer(), layer()),
            ["0", "1", "2"],
            ["0", "1", "2"],
        ),
        "blocks between two layers": (
            nn.Sequential(nn.Linear(4, 4), nn.Tanh(), Block(), Block(), nn.Linear(4, 4)),
            ["0", "2", "3", "4"],
            ["0", "2", "3", "4"],
        ),
        "a single block": (
            Attributes(stem=nn.Linear(4, 4), blocks=Few([Block()])),
            ["blocks.0"],
            ["blocks.0"],
        ),
    }


SHAPES = [
    "stages in a row",
    "stages of a class",
    "blocks with stacks within",
    "two stacks of one class",
    "two stacks of two classes",
    "blocks as attributes",
    "layers in two boxes",
    "layers with their activations",
    "blocks between two layers",
    "a single block",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_steps_that_are_chosen_and_what_they_cover(torch, trace, grid, shape):
    model, steps, blocks = shapes(torch)[shape]
    log = trace(model, torch.ones(2, 4), squares)
    assert [*log.names] == steps
    named = dict(model.named_modules())
    inside = sum(p.numel() for name in steps for p in named[name].parameters())
    assert log.coverage == pytest.approx(inside / sum(p.numel() for p in model.parameters()))
    assert f"they cover {100 * log.coverage:.3g} % of the parameters" in str(log)
    found = grid(model, torch.ones(2, 3, 4), squares)
    assert [*found.names[1:]] == blocks
    assert f"they cover {100 * found.coverage:.3g} % of the parameters" in str(found)


@pytest.mark.parametrize("shape", ["stages in a row", "two stacks of one class"])
def test_other_steps_are_those_that_are_said(torch, trace, shape):
    model, chosen, _ = shapes(torch)[shape]
    two = trace(model, torch.ones(2, 4), squares, steps=chosen[:2])
    assert [*two.names] == chosen[:2]
    linear = trace(model, torch.ones(2, 4), squares, steps=torch.nn.Linear)
    assert linear.coverage == 1
    wrapped = torch.nn.DataParallel(model)
    again = trace(wrapped, torch.ones(2, 4), squares, steps=wrapped)
    assert again.names == (type(model).__name__,)
