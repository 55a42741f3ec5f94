"""Updates whose gradient is far longer than those before, with the batches that made it."""

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import torch

from .arguments import Arguments
from .measure import entries
from .nested import tensors

WINDOW = 100  # updates before, of which the median is taken
FEWEST = 20  # of them there must be before one can be a spike
# Of eight small nets that trained well, 1160 updates each, six never had 5 times the median, an
# LSTM 1 time, and one whose loss came close to zero in 27 of 1000 updates. The largest are kept.
FACTOR = 5
LAG = 2  # updates that a norm may be on its way from a device


@dataclass(frozen=True, eq=False)
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
    changed : bool
        Whether something wrote into these tensors between the call and the copy, so that they are
        not what the model saw.

    Examples
    --------
    >>> print(Spike(7, 300.0, 1.5, {}, (Arguments((torch.ones(8, 2),), {}),)))
    update 7: ‖g‖ = 300, 200 times the median; batch (8, 2)
    """

    update: int
    norm: float
    median: float
    log_p: dict[str, float] = field(default_factory=dict)
    batches: tuple[Arguments, ...] = ()
    changed: bool = False

    @property
    def ratio(self):
        """``norm / median``; ``inf`` if the norm is not finite."""
        return self.norm / self.median if math.isfinite(self.norm) else math.inf

    def __str__(self):
        often = f", {self.ratio:.3g} times the median" if math.isfinite(self.ratio) else ""
        return f"update {self.update}: ‖g‖ = {self.norm:.3g}{often}{shapes(self.batches)}"


def shapes(batches):
    """Of the first tensor in each call, in words."""
    found = [tuple(t.shape) for arguments in batches for t in tensors(arguments)[:1]]
    return f"; batch {', '.join(map(str, found))}" if found else ""


class Waiting:
    """Norms of one update, which may still be on their way to the host."""

    def __init__(self, update, names, norms, batches, scaler):
        self.update, self.names, self.norms = update, names, norms
        self.batches, self.scaler = batches, scaler
        total = torch.linalg.vector_norm(norms)
        self.total, self.event = total, None
        if total.is_cuda:
            self.total = total.to("cpu", non_blocking=True)
            self.event = torch.cuda.Event()
            self.event.record()

    def there(self):
        return self.event is None or self.event.query()

    def on_host(self):
        if self.event is not None:
            self.event.synchronize()
        return self.total.item()


class Spikes:
    """Finds the spikes of a run, and keeps the largest.

    Parameters
    ----------
    most : int
        How many are kept.
    """

    def __init__(self, most):
        self.most, self.kept = most, []
        self.before, self.was_finite = deque(maxlen=WINDOW), True
        self.measured, self.waiting = None, deque()

    def measure(self, grads):
        """Take the norms of gradients, by name, that a backward pass has left."""
        if grads:
            self.measured = [*grads], quick_norms([*grads.values()])

    def received(self, update, batches, scaler):
        """The optimiser gets what was measured last."""
        if self.measured is not None:
            self.waiting.append(Waiting(update, *self.measured, batches, scaler))
            self.measured = None
        while self.waiting and (len(self.waiting) > LAG or self.waiting[0].there()):
            self._judge(self.waiting.popleft())

    def finish(self):
        while self.waiting:
            self._judge(self.waiting.popleft())

    def _judge(self, one):
        norm = one.on_host()
        finite = math.isfinite(norm)
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
        scale = one.scaler.get_scale() if one.scaler else 1.0
        least = min(self.kept, key=ratio_of, default=None)
        if len(self.kept) == self.most:
            if norm / middle <= least.ratio:
                return
            self.kept.remove(least)
        with np.errstate(divide="ignore"):
            logs = np.log(one.norms.cpu().numpy().astype(float) / scale)
        self.kept.append(
            Spike(
                one.update,
                norm / scale,
                middle / scale,
                dict(zip(one.names, logs.tolist(), strict=True)),
                tuple(batch.kept() for batch in one.batches),
                any(batch.changed() for batch in one.batches),
            )
        )


def ratio_of(spike):
    return spike.ratio


def quick_norms(grads):
    """The norm of each gradient, in one go and without care for the ends of the float range."""
    grads = [entries(g) if g.is_sparse or g.is_complex() else g for g in grads]
    wide = any(g.dtype is torch.float64 for g in grads)
    norms = torch._foreach_norm(grads, 2, None if wide else torch.float32)
    return torch.stack([norm.to(norms[0].device) for norm in norms])
