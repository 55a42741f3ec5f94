"""Updates whose gradient is far longer than those before, with the batches that made it."""

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import torch

from .arguments import Arguments
from .batches import Unkept, each, picklable
from .measure import entries
from .nested import leaves, tensors

WINDOW = 100  # updates before, of which the median is taken
FEWEST = 20  # of them there must be before one can be a spike
# Of eight small nets that trained well, 1160 updates each, six never had 5 times the median, an
# LSTM 1 time, and one whose loss came close to zero in 27 of 1000 updates. The largest are kept.
FACTOR = 5
LAG = 2  # updates that a norm may be on its way from a device


@dataclass(frozen=True, eq=False, repr=False)
class Spike:
    """An update with a gradient far longer than those before, and what the model was called with.

    Attributes
    ----------
    update : int
        Its number, from 0.
    norm : float
        ``‖g‖`` over all watched parameters, before clipping. ``inf`` also where a square in it left
        the float range, as of 1e20 in float32.
    median : float
        Of the norms of the up to 100 updates before.
    log_p : dict of str to float
        ``ln ‖∂L/∂W‖`` of each parameter.
    batches : tuple of (args, kwargs)
        What the model was called with, copied to the host, for each call that backward passes
        reached since the update before.
        A copy of an object that is no tensor and no container is made at the end of the update;
        if there can be none, its name stands in an ``Unkept``.
    changed : bool or None
        Whether something wrote into these tensors between the call and the copy, so that they are
        not what the model saw. None if that is not known: there are objects among the arguments
        that are no tensors and no containers of them, or tensors made in inference mode. What
        PyTorch does not count is not seen, such as numpy's writing into the memory of a tensor.

    Examples
    --------
    >>> Spike(7, 300.0, 1.5, {}, (Arguments((torch.ones(8, 2),), {}),))
    update 7: ‖g‖ = 300, 200 times the median; batch (8, 2)
    """

    update: int
    norm: float
    median: float
    log_p: dict[str, float] = field(default_factory=dict)
    batches: tuple[Arguments, ...] = ()
    changed: bool | None = False

    @property
    def ratio(self):
        """``norm / median``; ``inf`` if the norm is not finite."""
        return self.norm / self.median if math.isfinite(self.norm) else math.inf

    def __str__(self):
        often = f", {self.ratio:.3g} times the median" if math.isfinite(self.ratio) else ""
        since = {True: ", changed since", None: ", perhaps changed since", False: ""}[self.changed]
        return f"update {self.update}: ‖g‖ = {self.norm:.3g}{often}{shapes(self.batches)}{since}"

    __repr__ = __str__

    def __getstate__(self):
        batches = tuple(each(picklable, arguments) for arguments in self.batches)
        return vars(self) | {"batches": batches}


def shapes(batches):
    """Of the first tensor in each call, in words, or the class of the first argument."""
    found = []
    for arguments in batches:
        inside = tensors(arguments)
        first = next(iter(leaves(arguments)), None)
        found.append(str(tuple(inside[0].shape)) if inside else name_of(first))
    return f"; batch {', '.join(found)}" if found else ""


def name_of(value):
    return value.kind if isinstance(value, Unkept) else type(value).__name__


class Waiting:
    """Norms of one call of ``step``, which may still be on their way to the host.

    Parameters
    ----------
    call : int or None
        Its number; None of a gradient that was given up before the optimiser got it.
    names : list of str
    norms : Tensor
        By name.
    batches : list of Batch
    skipped : Tensor or None
        Not zero if the optimiser, which got the gradient, was told to do nothing.
    """

    def __init__(self, call, names, norms, batches=(), skipped=None):
        self.call, self.names, self.norms, self.batches = call, names, norms, batches
        total = torch.linalg.vector_norm(norms)
        flags = [] if skipped is None else [skipped.to(total).reshape(())]
        self.numbers, self.event = torch.stack([total, *flags]), None
        if total.is_cuda:
            self.numbers = self.numbers.to("cpu", non_blocking=True)
            self.event = torch.cuda.Event()
            self.event.record(torch.cuda.current_stream(total.device))

    def there(self):
        return self.event is None or self.event.query()

    def on_host(self):
        if self.event is not None:
            self.event.synchronize()
        norm, *flags = self.numbers.tolist()
        return norm, any(flags)


class Spikes:
    """Finds the spikes of a run, and keeps the largest.

    Parameters
    ----------
    most : int
        How many are kept.

    Attributes
    ----------
    kept : list of Spike
    given_up : int
        How many gradients were not finite, and no update was made of them.
    """

    def __init__(self, most):
        self.most, self.kept, self.given_up = most, [], 0
        self.skipped = 0  # calls of step that did nothing
        self.before, self.was_finite = deque(maxlen=WINDOW), True
        self.measured, self.waiting = None, deque()

    def measure(self, grads):
        """Take the norms of gradients, by name, that a backward pass has left."""
        if grads:
            self.measured = [*grads], quick_norms([*grads.values()])

    def began_anew(self):
        """What was measured last is given up: the gradient was set to zero since."""
        if self.measured is not None:
            self.waiting.append(Waiting(None, *self.measured))
            self.measured = None

    def received(self, call, batches, scale=None, skipped=None):
        """The optimiser gets what was measured last, ``scale`` times as long as the gradient."""
        if self.measured is None and skipped is not None:
            self.waiting.append(Waiting(None, [], skipped.new_zeros(1), skipped=skipped))
        elif self.measured is not None:
            names, norms = self.measured
            if scale is not None:
                norms = norms / scale.to(norms.device)
            self.waiting.append(Waiting(call, names, norms, batches, skipped))
            self.measured = None
        while self.waiting and (len(self.waiting) > LAG or self.waiting[0].there()):
            self._judge(self.waiting.popleft())

    def finish(self):
        while self.waiting:
            self._judge(self.waiting.popleft())

    def _judge(self, one):
        norm, skipped = one.on_host()
        finite = math.isfinite(norm)
        if one.call is None or skipped:
            self.skipped += skipped
            self.given_up += skipped or not finite
            return
        middle = median(self.before) if self.before else math.nan
        if finite:
            spike = len(self.before) >= FEWEST and norm > FACTOR * middle
            self.before.append(norm)
        else:
            spike = self.was_finite  # once weights are nan, all that follows is
        self.was_finite = finite
        if spike:
            self._keep(one, norm, middle)

    def _keep(self, one, norm, middle):
        least = min(self.kept, key=ratio_of, default=None)
        if len(self.kept) == self.most:
            if norm / middle <= least.ratio:
                return
            self.kept.remove(least)
        with np.errstate(divide="ignore"):
            logs = np.log(one.norms.cpu().numpy().astype(float))
        self.kept.append(
            Spike(
                one.call - self.skipped,
                norm,
                middle,
                dict(zip(one.names, logs.tolist(), strict=True)),
                tuple(batch.kept() for batch in one.batches),
                changed(one.batches),
            )
        )


def changed(batches):
    """Whether one was; None if that is not known of all."""
    found = [batch.changed() for batch in batches]
    return True if True in found else None if None in found else False


def ratio_of(spike):
    return spike.ratio


def quick_norms(grads):
    """The norm of each gradient, in one go and without care for the ends of the float range."""
    grads = [entries(g) if g.is_sparse or g.is_complex() else g for g in grads]
    wide = any(g.dtype is torch.float64 for g in grads)
    norms = torch._foreach_norm(grads, 2, torch.float64 if wide else torch.float32)
    devices = [norm.device for norm in norms]
    there = next((device for device in devices if device.type != "cpu"), devices[0])
    return torch.stack([norm.to(there) for norm in norms])  # to the host one would have to wait
