"""Dropout: a random part of the state is left out, with the scaling that keeps its mean."""

from dataclasses import dataclass, field

import numpy as np

from ..expect import expect_array, expect_bool, expect_number, expect_rng, expect_size
from .arrays import Grads
from .contract import Size, Step


@dataclass(frozen=True)
class Dropout(Step):
    """``h' = h ⊙ m`` in training: each entry is dropped with probability ``p_drop``.

    The mean is kept: inverted dropout divides by ``1 − p_drop``, the probability to be *kept*, in
    training and does nothing in prediction. The older form multiplies by it in prediction. The
    step itself is the one of prediction; :meth:`draw` gives the one of training.

    Parameters
    ----------
    n : int
        Width of the state.
    p_drop : float
        ``0 ≤ p_drop < 1``.
    inverted : bool
        Which of the two forms.

    Notes
    -----
    Source: Giselsson (n.d.), "Dropouts" (which scales by what is dropped); Lee (n.d.), "Dropout";
    Srivastava et al. (2014).

    Examples
    --------
    >>> drop, h = Dropout(5, p_drop=0.4), np.ones((1, 5))
    >>> drop({}, h)[0]                              # prediction
    array([[1., 1., 1., 1., 1.]])
    >>> drop.draw(np.random.default_rng(0))({}, h)[0].round(4)  # training: 0 or 1 / (1 - p_drop)
    array([[1.6667, 0.    , 0.    , 0.    , 1.6667]])
    """

    n: Size
    p_drop: float
    inverted: bool = True

    def __post_init__(self):
        super().__post_init__()
        self.set("p_drop", expect_probability("p_drop", self.p_drop, below=1))
        expect_bool("inverted", self.inverted)

    @property
    def features(self):
        return (self.n,)

    def __str__(self):
        return f"Dropout({self.n}, {self.p_drop:g}{'' if self.inverted else ', inverted=False'})"

    def draw(self, rng, batch=1):
        """The step of training for a ``batch`` of samples, each with a mask of its own: a ``Mask``.

        With ``batch=1`` all samples share one mask.
        """
        kept = expect_rng("rng", rng).random((expect_size("batch", batch), self.n)) >= self.p_drop
        return Mask(kept / (1 - self.p_drop) if self.inverted else kept.astype(float))

    # fmt: off
    def step(self, p, h, x=None):
        k = 1.0 if self.inverted else 1 - self.p_drop       # k  = E[m] in training
        def vjp(g):                                         # g  = ∂L/∂h'
            return Grads(h=g * k, x=None, p={})             # ∂L/∂h = k g
        return h * k, vjp                                   # h' = k h


@dataclass(frozen=True, eq=False)
class Mask(Step):
    """``h' = h ⊙ m`` with the factors ``m`` fixed, as :meth:`Dropout.draw` makes them.

    Parameters
    ----------
    m : ndarray of shape (batch, n)
        One row for each sample, or a single row for all.

    Notes
    -----
    Source: Srivastava et al. (2014), sec. 4.

    Examples
    --------
    >>> from gradtrace.steps.dropout import Mask
    >>> Mask(np.array([[1.0, 0.0, 2.0]]))({}, np.ones((1, 3)))[0]
    array([[1., 0., 2.]])
    """

    m: np.ndarray = field(repr=False)

    def __post_init__(self):
        if expect_array("m", self.m, (None, None)).ndim != 2:
            raise ValueError(f"m: expected shape (batch, n), got {self.m.shape}")
        self.set("m", self.m.copy())

    @property
    def features(self):
        return self.m.shape[-1:]

    def __str__(self):
        return f"Mask({self.features[0]})"

    # fmt: off
    def step(self, p, h, x=None):
        m = self.m.astype(h.dtype)
        if len(m) not in (1, h.shape[-2]):
            raise ValueError(
                f"h of {self}: expected a batch of {len(m)}, as many as the mask has rows,"
                f" got {h.shape[-2]}"
            )
        def vjp(g):                                         # g  = ∂L/∂h'
            return Grads(h=g * m, x=None, p={})             # ∂L/∂h = g ⊙ m
        return h * m, vjp                                   # h' = h ⊙ m


def expect_probability(name, value, below=None):
    """Return ``value`` as a ``float`` if it is from 0 to 1, and not ``below``; else raise."""
    p_drop = expect_number(name, value)
    if not 0 <= p_drop <= 1 or p_drop == below:
        bound = "" if below is None else f" below {below}"
        raise ValueError(f"{name}: expected a probability{bound}, got {value}")
    return p_drop
