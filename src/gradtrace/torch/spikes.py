"""Updates whose gradient is far longer than those before, with the batches that made it."""

import math
from collections import deque
from dataclasses import dataclass, field, replace
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

    If the updates right after it have such gradients, too, they are no spikes of their own: after a
    step that was too long, the next gradients are long, whatever their batches.

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
    peak : float
        The largest norm of those that followed; zero if none did.

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
    peak: float = 0.0

    @property
    def ratio(self):
        """``norm / median``; ``inf`` if the norm is not finite, or the median zero."""
        return times(self.norm, self.median)

    def __str__(self):
        often = f", {self.ratio:.3g} times the median" if math.isfinite(self.ratio) else ""
        after = f", then up to {self.peak:.3g}" if self.peak > self.norm else ""
        since = {True: ", changed since", None: ", perhaps changed since", False: ""}[self.changed]
        batch = shapes(self.batches)
        return f"update {self.update}: ‖g‖ = {self.norm:.3g}{often}{after}{batch}{since}"

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
    """Finds the spikes of a run, and keeps those that grew largest.

    Parameters
    ----------
    most : int
        How many are kept; while one may still grow, one more.

    Attributes
    ----------
    kept : list of Spike
    given_up : int
        How many gradients were not finite, and no update was made of them.
    """

    def __init__(self, most):
        self.most, self.kept, self.given_up = most, [], 0
        self.growing, self.last = None, 0  # the newest spike, and the last call that belongs to it
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
        self._settle()

    def so_far(self):
        """Those that would be kept if nothing came any more, in the order of time."""
        found = self.kept if self.growing is None else [*self.kept, self.growing]
        return sorted(longest(found, self.most), key=update_of)

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
        if not spike:
            return
        if self.growing is not None and one.call - self.last == 1:
            peak = max(self.growing.peak, norm) if finite else math.inf
            self.growing = replace(self.growing, peak=peak)
        else:
            self._settle()
            self.growing = self._spike(one, norm, middle)
        self.last = one.call

    def _settle(self):
        """Nothing more belongs to the newest spike."""
        if self.growing is not None:
            self.kept = longest([*self.kept, self.growing], self.most)
            self.growing = None

    def _spike(self, one, norm, middle):
        with np.errstate(divide="ignore"):
            logs = np.log(one.norms.cpu().numpy().astype(float))
        return Spike(
            one.call - self.skipped,
            norm,
            middle,
            dict(zip(one.names, logs.tolist(), strict=True)),
            tuple(batch.kept() for batch in one.batches),
            changed(one.batches),
        )


def changed(batches):
    """Whether one was; None if that is not known of all."""
    found = [batch.changed() for batch in batches]
    return True if True in found else None if None in found else False


def longest(spikes, most):
    """Those that grew longest; of equals the earlier ones."""
    return sorted(spikes, key=growth, reverse=True)[:most]


def update_of(spike):
    return spike.update


def growth(spike):
    """How many times the median the longest gradient was."""
    return times(max(spike.norm, spike.peak), spike.median)


def times(norm, middle):
    return norm / middle if math.isfinite(norm) and middle else math.inf


def quick_norms(grads):
    """The norm of each gradient, in one go and without care for the ends of the float range."""
    grads = [entries(g) if g.is_sparse or g.is_complex() else g for g in grads]
    wide = any(g.dtype is torch.float64 for g in grads)
    norms = torch._foreach_norm(grads, 2, torch.float64 if wide else torch.float32)
    devices = [norm.device for norm in norms]
    there = next((device for device in devices if device.type != "cpu"), devices[0])
    return torch.stack([norm.to(there) for norm in norms])  # to the host one would have to wait
