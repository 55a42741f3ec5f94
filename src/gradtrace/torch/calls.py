"""Standing at the door of modules: their calls, hooks included, go through functions of ours."""

from contextlib import contextmanager
from functools import wraps


@contextmanager
def calls_through(wraps):
    """While it lasts, a module of ``wraps`` is called as ``wraps[module](call)``, not as ``call``.

    No hook is registered, as PyTorch leaves its fast paths where it sees one. A ``forward`` that is
    called by itself goes through the same function.
    """
    before = [(vars(module), dict(vars(module))) for module in wraps]
    try:
        for module, wrap in wraps.items():
            call, forward = _paired(module._call_impl, module.forward, wrap)
            vars(module).update(_call_impl=call, forward=forward)
        yield
    finally:
        for own, held in before:
            for name in ("_call_impl", "forward"):
                own.pop(name, None)
                if name in held:
                    own[name] = held[name]


def _paired(call, forward, wrap):
    """A call and a forward of one module; the call announces that its forward is no call apart."""
    announced = []

    def announcing(*args, **kwargs):
        announced.append(True)
        try:
            return call(*args, **kwargs)
        finally:
            announced.clear()

    through, alone = wrap(announcing), wrap(forward)

    @wraps(forward)  # a model may be asked what it takes
    def inner(*args, **kwargs):
        if announced:
            announced.pop()
            return forward(*args, **kwargs)
        return alone(*args, **kwargs)

    return through, inner


@contextmanager
def forward_replaced(module, forward):
    """While it lasts, ``module`` computes ``forward``."""
    own = vars(module)
    before = {name: own[name] for name in ["forward"] if name in own}
    own["forward"] = forward
    try:
        yield
    finally:
        own.pop("forward", None)
        own.update(before)
