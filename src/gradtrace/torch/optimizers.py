"""Optimisers as loops have them: in wrappers of other libraries, and several for one model."""

from ..expect import given


def expect_optimizer(optimizer):
    """The optimiser itself, out of wrappers that other libraries put around it."""
    inner = optimizer
    while not is_optimizer(inner) and hasattr(inner, "optimizer"):
        inner = inner.optimizer
    if not is_optimizer(inner):
        raise TypeError(f"optimizer: expected a torch.optim.Optimizer, got {given(optimizer)}")
    return inner


def is_optimizer(value):
    """Whether it is one of PyTorch's kind, and no wrapper that only says so by its class."""
    return "_optimizer_step_pre_hooks" in getattr(value, "__dict__", {})


def expect_optimizers(optimizer):
    """One optimiser, or several of a list or tuple as one; None is none."""
    if optimizer is None:
        return None
    if not isinstance(optimizer, list | tuple):
        return expect_optimizer(optimizer)
    each = tuple(expect_optimizer(one) for one in optimizer)
    if not each or len({*map(id, each)}) < len(each):
        got = f"{len(each)}, some of them twice" if each else "an empty one"
        raise ValueError(f"optimizer: expected a list of different optimisers, got {got}")
    return each[0] if len(each) == 1 else Several(each)


class Several:
    """Several optimisers of one model, of which each makes its step in an update.

    Attributes
    ----------
    each : tuple of Optimizer
    param_groups : list of dict
    state : dict
        Of all parameters that they hold.
    """

    def __init__(self, each):
        self.each = each

    @property
    def param_groups(self):
        return [group for one in self.each for group in one.param_groups]

    @property
    def state(self):
        return {p: held for one in self.each for p, held in one.state.items()}


def each_of(optimizer):
    """The optimisers in what :func:`expect_optimizers` gives out."""
    if optimizer is None:
        return ()
    return optimizer.each if isinstance(optimizer, Several) else (optimizer,)
