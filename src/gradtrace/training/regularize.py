"""What keeps a net simple: penalties on the weights, their closed-form steps, and stopping in time.

Penalties usually spare the biases: hand in the weights only,
``{name: p[name] for name in ("W", "U")}``.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..expect import expect_number, expect_size, expect_swept, expect_whole_numbers, given
from .params import align_sweep, expect_dict, expect_rate, expect_sweep_axes, sweep_shape


def l2(p, strength, sweep=0):
    """``λ Σ w²``, the ridge or Tikhonov penalty, and its gradient ``2 λ w``.

    Parameters
    ----------
    p : dict of str to ndarray
        The weights to penalise.
    strength : float or ndarray of shape (*sweep,)
        λ, at least 0.
    sweep : int
        How many leading axes are sweep axes; all arrays share them.

    Returns
    -------
    value : ndarray of shape (*sweep,)
    grads : dict of str to ndarray
        To be added to those of the loss.

    Raises
    ------
    TypeError, ValueError
        An argument cannot be used.
    FloatingPointError
        The penalty or a gradient overflows.

    Notes
    -----
    Source: Lee (n.d.), "L2 (Ridge) Regularization"; Giselsson (n.d.), "Regularization".

    Examples
    --------
    >>> value, grads = l2({"w": np.array([1.0, -2.0])}, 0.1)
    >>> value, grads["w"]
    (np.float64(0.5), array([ 0.2, -0.4]))
    """
    return _penalty(p, strength, sweep, np.square, 2, lambda w: 2 * align_sweep(strength, w) * w)


def l1(p, strength, sweep=0):
    """``λ Σ |w|``, the lasso penalty, and its subgradient ``λ sign(w)``, 0 for a weight of 0.

    Parameters ``p``, ``strength`` and ``sweep``, and what it returns: as for :func:`l2`. Steps
    along the subgradient hop over zero; :func:`soft_threshold` stops there.

    Source: Lee (n.d.), "L1 (Lasso) Regularization".

    Examples
    --------
    >>> value, grads = l1({"w": np.array([1.0, -2.0, 0.0])}, 0.1)
    >>> value.round(4), grads["w"]
    (np.float64(0.3), array([ 0.1, -0.1,  0. ]))
    """
    return _penalty(p, strength, sweep, np.abs, 1, lambda w: align_sweep(strength, w) * np.sign(w))


@np.errstate(over="ignore", under="ignore")
def soft_threshold(p, amount):
    """``w ← sign(w) max(|w| − a, 0)``: small weights become exactly 0.

    It is the minimum of ``½ (w' − w)² + a |w'|`` over ``w'``.

    Parameters
    ----------
    p : dict of str to ndarray
    amount : float or ndarray of shape (*sweep,)
        ``a``, after a step of gradient descent the learning rate times λ.

    Returns
    -------
    dict of str to ndarray

    Notes
    -----
    Source: Donoho (1995); Lee (n.d.), "L1 (Lasso) Regularization".

    Examples
    --------
    >>> soft_threshold({"w": np.array([1.5, -2.0, 0.3])}, 0.5)["w"]
    array([ 1. , -1.5,  0. ])
    """
    _expect_factor(p, expect_rate("amount", amount), np.ndim(amount), "amount")
    return {
        name: np.asarray(np.sign(w) * np.maximum(np.abs(w) - align_sweep(amount, w), 0))
        for name, w in p.items()
    }


@np.errstate(under="ignore")
def weight_decay(p, amount):
    """``w ← (1 − a) w``, apart from the optimiser, whose averages never see it.

    With gradient descent and ``a = 2 η λ`` it is the penalty :func:`l2`; with Adam it is not,
    because Adam would divide the penalty's gradient by ``√v̂``.

    Parameters
    ----------
    p : dict of str to ndarray
    amount : float or ndarray of shape (*sweep,)
        ``a``, at least 0 and below 1.

    Returns
    -------
    dict of str to ndarray

    Notes
    -----
    Source: Loshchilov and Hutter (2019), algorithm 2.

    Examples
    --------
    >>> weight_decay({"w": np.array([2.0])}, 0.25)["w"]
    array([1.5])
    """
    _expect_factor(p, expect_rate("amount", amount, below=1.0), np.ndim(amount), "amount")
    return {name: np.asarray((1 - align_sweep(amount, w)) * w) for name, w in p.items()}


@dataclass(frozen=True)
class EarlyStopping:
    """Stop once the validation loss has not improved for ``patience`` epochs in a row.

    Parameters
    ----------
    patience : int
    min_delta : float
        An improvement is a loss below the best one by more than this.

    Notes
    -----
    The state is a plain dict: ``"epoch"`` (epochs seen), and for each sweep member ``"best"``,
    ``"best_epoch"`` (counted from 0, −1 before the first), ``"wait"`` (epochs since then; 0 says:
    keep these parameters) and ``"stop"``. A member that has stopped changes no more.

    Source: Lee (n.d.), "Early Stopping"; Giselsson (n.d.), "Regularization".

    Examples
    --------
    >>> rule = EarlyStopping(patience=2)
    >>> state = rule.start()
    >>> for loss in (0.9, 0.5, 0.6, 0.7):
    ...     state = rule.update(loss, state)
    >>> bool(state["stop"]), int(state["best_epoch"])
    (True, 1)
    """

    patience: int
    min_delta: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "patience", expect_size("patience", self.patience))
        expect_number("min_delta", self.min_delta, least=0)

    def start(self, sweep=()):
        """The state before the first epoch, for sweep members of shape ``sweep``, a tuple."""
        sweep = expect_whole_numbers("sweep", sweep)
        return {
            "epoch": 0,
            "best": np.full(sweep, np.inf),
            "best_epoch": np.full(sweep, -1),
            "wait": np.zeros(sweep, dtype=int),
            "stop": np.zeros(sweep, dtype=bool),
        }

    def update(self, loss, state):
        """The state after an epoch of this validation loss, a number or an array ``(*sweep,)``."""
        if not isinstance(state, dict) or state.keys() != self.start().keys():
            raise ValueError(
                f"state: expected start(sweep) or what update returned, got {given(state)}"
            )
        loss = expect_swept("loss", loss)
        if loss.shape != state["best"].shape:
            raise ValueError(
                f"loss: expected the shape {state['best'].shape} of the state, got {loss.shape}"
            )
        runs = ~state["stop"]
        better = runs & (loss < state["best"] - self.min_delta)
        wait = np.where(better, 0, state["wait"] + runs)
        return {
            "epoch": int(state["epoch"]) + 1,
            "best": np.where(better, loss, state["best"]),
            "best_epoch": np.where(better, state["epoch"], state["best_epoch"]),
            "wait": wait,
            "stop": np.asarray(wait >= self.patience),
        }


@np.errstate(over="ignore", under="ignore")
def _penalty(p, strength, sweep, size, degree, slope):
    """``λ Σ size(w)`` and its gradient, where ``size(2 w) = 2^degree size(w)``.

    Powers of two are taken out before the squares and come back at the end, so that only the result
    has to be a float.
    """
    shape = _expect_factor(p, strength, sweep)
    rows = [w.reshape(*shape, math.prod(w.shape[sweep:])) for w in p.values()]
    _, power = np.frexp(np.max([np.abs(w).max(axis=-1, initial=0) for w in rows], axis=0))
    total = sum(size(np.ldexp(w, -power[..., None])).sum(axis=-1) for w in rows)
    factor, more = np.frexp(np.asarray(strength, dtype=total.dtype))
    value = np.ldexp(factor * total, more + degree * power)
    grads = {name: np.asarray(slope(w)) for name, w in p.items()}
    if not all(np.isfinite(a).all() for a in (value, *grads.values())):
        raise FloatingPointError(
            f"p, strength: expected a penalty within {total.dtype}, got an overflow"
        )
    return value, grads


def _expect_factor(p, value, sweep, name="strength"):
    """The sizes of the sweep axes, after a look at all arguments."""
    expect_rate(name, value)
    shape = sweep_shape("p", expect_dict("p", p), sweep)
    if np.ndim(value) not in (0, sweep):
        raise ValueError(
            f"{name}: expected one number, or one for each member of {sweep} sweep axes,"
            f" got shape {np.shape(value)}"
        )
    for key, w in p.items():
        expect_sweep_axes(name, value, f"p[{key!r}]", w)
    return shape
