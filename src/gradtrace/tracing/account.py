"""What backpropagation under a plan hands back: norms, summed gradients, and what it took."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Account:
    """What a plan took.

    Attributes
    ----------
    states, nbytes : int
        The most states that were held at a time, and their bytes; of a state that a stretch is recorded from, only
        while it is stored, so that binomial plans hold one more. Besides, the pullbacks of a readable step hold its
        pre-activations, and a fused run takes up to two arrays like its states for 128 steps on its way back.
    evaluations : int
        Forward steps, those among them that were made to record a pullback included.
    lost : int
        How many pairs of a state's loss and an earlier step were cut; 0 for every plan but truncation.

    Examples
    --------
    >>> Account(states=200, nbytes=1600, evaluations=19_900, lost=0).states
    200
    """

    states: int
    nbytes: int
    evaluations: int
    lost: int


@dataclass(frozen=True)
class LeanGradients:
    """Plain gradients, summed on the way.

    Attributes
    ----------
    h0 : ndarray
        ``∂L/∂h_0``.
    p : list of dict
        ``∂L/∂θ`` for each different dict of parameters along the path: one in time, as many as layers in depth.

    Examples
    --------
    >>> LeanGradients(np.zeros((1, 2)), [{"b": np.ones(2)}]).shared()
    {'b': array([1., 1.])}
    """

    h0: np.ndarray
    p: list[dict[str, np.ndarray]]

    def shared(self):
        """The gradient of weights that all steps share."""
        return {name: sum(p[name] for p in self.p) for name in self.p[0]}


@dataclass(frozen=True)
class LeanTrace:
    """The norms, the gradients and the account of :func:`~gradtrace.bptt`.

    Attributes
    ----------
    log_h : ndarray of shape (T + 1, *sweep)
        ``ln ‖∂L/∂h_t‖`` for ``t = 0 … T``, as :func:`~gradtrace.trace` gives it. Where ways back overlap, of the
        longest gradient; ``-inf`` where none comes.
    account : Account

    Examples
    --------
    >>> LeanTrace(np.zeros(3), None, LeanGradients(np.full((1, 1), np.inf), [])).grads
    Traceback (most recent call last):
    FloatingPointError: ∂L/∂h_0 overflows float64; log_h keeps logarithms
    """

    log_h: np.ndarray
    account: Account
    plain: LeanGradients = field(repr=False)

    @property
    def grads(self):
        """The :class:`LeanGradients`, or a ``FloatingPointError`` that names one of them that overflows."""
        named = [("h_0", self.plain.h0), *((name, a) for p in self.plain.p for name, a in p.items())]
        for name, a in named:
            if not np.isfinite(a).all():
                raise FloatingPointError(f"∂L/∂{name} overflows {a.dtype}; log_h keeps logarithms")
        return self.plain
