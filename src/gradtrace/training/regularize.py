"""What keeps a net simple: penalties on the weights, their closed-form steps, and stopping in time.

Penalties usually spare the biases: hand in the weights only, ``{name: p[name] for name in ("W", "U")}``.
"""

from dataclasses import dataclass

import numpy as np

from ..expect import expect_array, expect_number, expect_size
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

    Notes
    -----
    Source: Lee, "L2 (Ridge) Regularization"; Giselsson, "Regularization".

    Examples
    --------
    >>> value, grads = l2({"w": np.array([1.0, -2.0])}, 0.1)
    >>> value, grads["w"]
    (np.float64(0.5), array([ 0.2, -0.4]))
    """
    shape = _expect(p, strength, sweep)
    value = strength * sum((w * w).reshape(*shape, -1).sum(-1) for w in p.values())
    return value, {name: np.asarray(2 * align_sweep(strength, w) * w) for name, w in p.items()}


def l1(p, strength, sweep=0):
    """``λ Σ |w|``, the lasso penalty, and its subgradient ``λ sign(w)``, which is 0 where the weight is.

    Parameters ``p``, ``strength`` and ``sweep``, and what it returns: as for :func:`l2`. Steps along the subgradient
    hop over zero; :func:`soft_threshold` stops there.

    Source: Lee, "L1 (Lasso) Regularization".

    Examples
    --------
    >>> value, grads = l1({"w": np.array([1.0, -2.0, 0.0])}, 0.1)
    >>> value.round(4), grads["w"]
    (np.float64(0.3), array([ 0.1, -0.1,  0. ]))
    """
    shape = _expect(p, strength, sweep)
    value = strength * sum(np.abs(w).reshape(*shape, -1).sum(-1) for w in p.values())
    return value, {name: np.asarray(align_sweep(strength, w) * np.sign(w)) for name, w in p.items()}


def soft_threshold(p, amount):
    """``w ← sign(w) max(|w| − a, 0)``, the exact minimum of ``½ (w' − w)² + a |w'|``: small weights become exactly 0.

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
    Source: Donoho 1995; Lee, "L1 (Lasso) Regularization".

    Examples
    --------
    >>> soft_threshold({"w": np.array([1.5, -2.0, 0.3])}, 0.5)["w"]
    array([ 1. , -1.5,  0. ])
    """
    _expect(p, amount, np.ndim(amount), "amount")
    return {name: np.asarray(np.sign(w) * np.maximum(np.abs(w) - align_sweep(amount, w), 0)) for name, w in p.items()}


def weight_decay(p, amount):
    """``w ← (1 − a) w``, apart from the optimiser, whose averages never see it.

    With gradient descent and ``a = 2 η λ`` it is the penalty :func:`l2`; with Adam it is not, because Adam would divide
    the penalty's gradient by ``√v̂``.

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
    Source: Loshchilov 2019, algorithm 2.

    Examples
    --------
    >>> weight_decay({"w": np.array([2.0])}, 0.25)["w"]
    array([1.5])
    """
    _expect(p, expect_rate("amount", amount, below=1.0), np.ndim(amount), "amount")
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
    The state is a plain dict: ``"epoch"`` (epochs seen), and for each sweep member ``"best"``, ``"best_epoch"``
    (counted from 0, −1 before the first), ``"wait"`` (epochs since then; 0 says: keep these parameters) and ``"stop"``.
    A member that has stopped changes no more.

    Source: Lee, "Early Stopping"; Giselsson, "Regularization".

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
        if expect_number("min_delta", self.min_delta) < 0:
            raise ValueError(f"min_delta: expected at least 0, got {self.min_delta}")

    def start(self, sweep=()):
        """The state before the first epoch, for sweep members of shape ``sweep``."""
        return {"epoch": 0, "best": np.full(sweep, np.inf), "best_epoch": np.full(sweep, -1),
                "wait": np.zeros(sweep, dtype=int), "stop": np.zeros(sweep, dtype=bool)}

    def update(self, loss, state):
        """The state after an epoch of validation loss ``loss``, a number or an array ``(*sweep,)``."""
        loss = expect_array("loss", loss) if isinstance(loss, np.ndarray) else np.array(expect_number("loss", loss))
        if loss.shape != state["best"].shape:
            raise ValueError(f"loss: expected the shape {state['best'].shape} of the state, got {loss.shape}")
        runs = ~state["stop"]
        better = runs & (loss < state["best"] - self.min_delta)
        wait = np.where(better, 0, state["wait"] + runs)
        return {"epoch": int(state["epoch"]) + 1, "best": np.where(better, loss, state["best"]),
                "best_epoch": np.where(better, state["epoch"], state["best_epoch"]),
                "wait": wait, "stop": np.asarray(wait >= self.patience)}


def _expect(p, value, sweep, name="strength"):
    """The sizes of the sweep axes, after a look at all arguments."""
    shape = sweep_shape("p", expect_dict("p", p), sweep)
    expect_rate(name, value)
    if np.ndim(value) not in (0, sweep):
        raise ValueError(f"{name}: expected one number, or one for each member of {sweep} sweep axes,"
                         f" got shape {np.shape(value)}")
    for key, w in p.items():
        expect_sweep_axes(name, value, f"p[{key!r}]", w)
    return shape
