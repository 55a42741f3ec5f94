"""gradtrace.torch.trace beside one plain forward and backward pass of the same model.

Every model has a loss on all of its output; one LSTM has it on its last output alone, so that the
gradients of the distant past leave float32.
"""

from . import measure

LSTMS = [(64, 16, 1), (128, 32, 1), (128, 32, 2), (256, 64, 1), (256, 64, 2)]  # n, B, layers
TINY = 5, 3, 2
T, N_IN = 1000, 64
ENCODER, BLOCKS = (256, 8, 128), 12  # width, B, positions
GOALS = {"LSTM": 5, "encoder": 1.6}
PLAIN = "one plain pass, forward and back"
CELLS = "a loop over nn.LSTMCell"
CLOSE = 1e-5  # of losses in float32 by another kernel


def everything(out):
    return out.square().mean()


def last_alone(out):
    return out[-1].square().mean()


def lstm(T, n, B, layers):
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    return torch.nn.LSTM(N_IN, n, layers), torch.randn(T, B, N_IN)


def encoder(n, B, positions, blocks):
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    block = torch.nn.TransformerEncoderLayer(n, 4, 4 * n, dropout=0.0, batch_first=True)
    model = torch.nn.TransformerEncoder(block, blocks, enable_nested_tensor=False)
    return model, torch.randn(B, positions, n)


def first_part(out):
    """What a module gives out, without the state in which it ends."""
    return out[0] if isinstance(out, tuple) else out


def traced(model, x, loss):
    from gradtrace.torch import trace

    def call():
        log = trace(model, x, lambda out: loss(first_part(out)))
        return {"loss": log.loss}

    return call


def plain(model, x, loss):
    def call():
        model.zero_grad(set_to_none=True)
        total = loss(first_part(model(x)))
        total.backward()
        return {"loss": total.item()}

    return call


def cells(model, x, loss):
    """The same net as a loop over nn.LSTMCell."""
    import torch

    widths = [model.input_size] + [model.hidden_size] * model.num_layers
    net = torch.nn.ModuleList(map(torch.nn.LSTMCell, widths[:-1], widths[1:]))
    for layer, cell in enumerate(net):
        for name, weight in cell.named_parameters():
            weight.data = getattr(model, f"{name}_l{layer}").detach().clone()

    def run(x):
        states, outs = [None] * len(net), []
        for h in x:
            for layer, cell in enumerate(net):
                states[layer] = cell(h, states[layer])
                h = states[layer][0]
            outs.append(h)
        return torch.stack(outs)

    def call():
        net.zero_grad(set_to_none=True)
        total = loss(run(x))
        total.backward()
        return {"loss": total.item()}

    return call


def of_lstm(size, loss, what, tiny):
    """The rows beside the plain model and beside the loop."""
    model, x = lstm(6 if tiny else T, *size)
    contestants = {"traced": traced, "plain": plain, "cells": cells}
    calls = {who: make(model, x, loss) for who, make in contestants.items()}
    times = measure.compare(calls, tiny, CLOSE)
    case, goal = f"LSTM {', '.join(map(str, size))}", None if tiny else GOALS["LSTM"]
    return [
        measure.ratio(case, PLAIN + what, times["traced"], times["plain"], goal),
        measure.ratio(case, CELLS + what, times["traced"], times["cells"]),
    ]


def of_encoder(tiny):
    size, blocks = ((8, 2, 3), 2) if tiny else (ENCODER, BLOCKS)
    model, x = encoder(*size, blocks)
    contestants = {"traced": traced, "plain": plain}
    calls = {who: make(model, x, everything) for who, make in contestants.items()}
    times = measure.compare(calls, tiny, CLOSE)
    case, goal = f"encoder {', '.join(map(str, size))}", None if tiny else GOALS["encoder"]
    return measure.ratio(case, PLAIN, times["traced"], times["plain"], goal)


def section(tiny=False):
    sizes = [TINY] if tiny else LSTMS
    rows = [of_lstm(size, everything, "", tiny) for size in sizes]
    last = of_lstm(TINY if tiny else LSTMS[1], last_alone, ", last output alone", tiny)
    beside_plain, beside_cells = zip(*rows, strict=True)
    return {
        "title": "A model of your own in PyTorch",
        "lead": f"gradtrace.torch.trace, in float32: an nn.LSTM over {T} steps (width, batch, "
        f"layers; inputs are {N_IN} wide) and an nn.TransformerEncoder of {BLOCKS} blocks (width, "
        "batch, positions). A trace gives the norms at all states, and those of each step's share "
        "in the gradient of every parameter. With a loss on the last output alone, the gradients "
        "of the distant past leave the float range.",
        "rows": [*beside_plain, of_encoder(tiny), *beside_cells, *last],
    }
