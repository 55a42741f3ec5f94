"""What the tests of the PyTorch bridge share: small nets, losses, and what to compare."""

import numpy as np

EQUAL = {"rtol": 1e-10, "atol": 1e-10}  # of logarithms: as many digits of the norms themselves


def squares(out):
    """``½ ‖out‖²``, of all parts."""
    return sum(part.pow(2).sum() for part in (out if isinstance(out, tuple) else (out,))) / 2


def log_norm(g):
    """``ln ‖g‖`` of a tensor."""
    wide = g if g.is_complex() else g.double()
    return wide.norm().log().item()


def filled(torch, module, **values):
    """``module`` in float64 with the given weights; the others are zero."""
    for name, weight in module.double().named_parameters():
        value = (
            torch.tensor(np.ascontiguousarray(values[name]))
            if name in values
            else torch.zeros_like(weight)
        )
        weight.data = value
    return module


def parts(torch, kind, start):
    """Our state as PyTorch's arguments."""
    return [
        torch.tensor(part) for part in (np.split(start, 2, axis=-1) if kind == "LSTM" else [start])
    ]


def function(torch, f):
    """A module that computes ``f``."""

    class Function(torch.nn.Module):
        def forward(self, h):
            return f(h)

    return Function()


def keep_gradient(out, states):
    """A hook's work: hold on to the gradient of what a layer gives out."""
    out.retain_grad()
    states.append(out)


def everything(torch, model):
    """All that a trace must leave as it was: of the model, and of PyTorch's random numbers."""
    return {
        "flags": [m.training for m in model.modules()],
        "hooks": [
            (dict(m._forward_hooks), dict(m._forward_pre_hooks), dict(m._backward_hooks))
            for m in model.modules()
        ],
        "forward": ["forward" in vars(m) for m in model.modules()],
        "parameters": [
            (name, id(p), p.grad, p._backward_hooks, p.requires_grad, p.detach().clone().tolist())
            for name, p in model.named_parameters()
        ],
        "order": [[*m._parameters] for m in model.modules()],
        "buffers": [(name, id(b), b.tolist()) for name, b in model.named_buffers()],
        "random": torch.random.get_rng_state().tolist(),
    }


def interrupted(kind, where):
    """A loss or a layer that raises."""

    def raises(out):
        raise kind(where)

    return raises
