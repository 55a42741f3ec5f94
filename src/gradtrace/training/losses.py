"""Losses ``(u, y) -> (loss, g)``: how wrong the outputs ``u`` are, and ``g = ∂L/∂u``.

The way back starts from ``g``. ``u`` is ``(*sweep, batch, n)`` and so is ``g``; ``y`` is the same
or lacks sweep axes. The loss is one number for each sweep member. ``reduction="mean"`` averages
over the batch, ``"sum"`` adds; ``g`` is the gradient of just that number.

Losses of classification take logits, the scores before sigmoid or softmax. Only so do they stay
right at ±1e4.

A head is a last layer with a loss: ``Dense(n, m, "identity")`` with one of these for regression,
with a cross-entropy for classes.

Source: Giselsson (n.d.), "Deep learning" and "Prediction"; Lee (n.d.), "Loss Functions".
"""

import numpy as np

from ..expect import expect_array, expect_word
from ..steps.activations import sigmoid, softplus


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def half_squared_norm(u, y, *, reduction="mean"):
    """``½‖u - y‖²`` of each sample, with gradient ``u - y``.

    Parameters
    ----------
    u : ndarray of shape (*sweep, batch, n)
        Outputs.
    y : ndarray of shape (*sweep, batch, n) or (batch, n)
        Targets.
    reduction : {"mean", "sum"}
        Over the batch.

    Returns
    -------
    loss : ndarray of shape (*sweep)
    g : ndarray of the shape of u

    Raises
    ------
    ValueError, TypeError
        ``u`` or ``y`` is misshapen, not finite or of another dtype than the other.
    FloatingPointError
        The loss overflows.

    Notes
    -----
    Source: Giselsson (n.d.), "Deep learning".

    Examples
    --------
    >>> u, y = np.array([[0.2, -1.0]]), np.array([[0.0, 1.0]])
    >>> loss, g = half_squared_norm(u, y)
    >>> loss.round(4), g
    (np.float64(2.02), array([[ 0.2, -2. ]]))
    """
    expect_pair(u, y)
    r = u - y
    return reduced(0.5 * (r * r).sum(axis=-1), r, reduction)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def mse(u, y, *, reduction="mean"):
    """``(1/n) Σ (u - y)²`` of each sample, the mean squared error, with gradient ``2 (u - y) / n``.

    Arguments ``u``, ``y`` and ``reduction``, what it returns and raises: as for
    :func:`half_squared_norm`.

    Source: Lee (n.d.), "Loss Functions", 1.

    Examples
    --------
    >>> u, y = np.array([[0.2, -1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0, 0.0]])
    >>> loss, g = mse(u, y)
    >>> loss.round(4), g
    (np.float64(1.01), array([[ 0.1, -1. ,  0. ,  0. ]]))
    """
    expect_pair(u, y)
    r = u - y
    return reduced((r * r).mean(axis=-1), 2 * r / r.shape[-1], reduction)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def mae(u, y, *, reduction="mean"):
    """``(1/n) Σ |u - y|`` of each sample, the mean absolute error; gradient ``sign(u - y) / n``.

    The gradient is 0 where output and target agree. Arguments ``u``, ``y`` and ``reduction``, what
    it returns and raises: as for :func:`half_squared_norm`.

    Source: Lee (n.d.), "Loss Functions", 1.

    Examples
    --------
    >>> u, y = np.array([[0.2, -1.0]]), np.array([[0.0, 1.0]])
    >>> loss, g = mae(u, y)
    >>> loss.round(4), g
    (np.float64(1.1), array([[ 0.5, -0.5]]))
    """
    expect_pair(u, y)
    r = u - y
    return reduced(np.abs(r).mean(axis=-1), np.sign(r) / r.shape[-1], reduction)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def binary_cross_entropy(u, y, *, reduction="mean"):
    """``Σ ln(1 + e^u) - y u`` of each sample, for yes or no, with gradient ``σ(u) - y``.

    Parameters
    ----------
    u : ndarray of shape (*sweep, batch, n)
        Logits of ``n`` questions; their losses are added.
    y : ndarray of shape (*sweep, batch, n) or (batch, n)
        Probabilities of yes, from 0 to 1.
    reduction : {"mean", "sum"}
        Over the batch.

    Returns
    -------
    loss : ndarray of shape (*sweep)
    g : ndarray of the shape of u

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        As for :func:`half_squared_norm`, or a target is below 0 or above 1.

    Notes
    -----
    Source: Lee (n.d.), "Loss Functions", 2.

    Examples
    --------
    >>> loss, g = binary_cross_entropy(np.array([[-1e4]]), np.array([[1.0]]))    # sure and wrong
    >>> loss, g
    (np.float64(10000.0), array([[-1.]]))
    """
    expect_pair(u, y)
    _expect_probabilities(y)
    # = ln(1 + e^u) - y u, and no difference of large numbers
    loss = (1 - y) * softplus(u) + y * softplus(-u)
    g = (1 - y) * sigmoid(u) - y * sigmoid(-u)  # = σ(u) - y, and where y = 1 not rounded to 0
    return reduced(loss.sum(axis=-1), g, reduction)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def cross_entropy(u, y, *, reduction="mean"):
    """``ln Σ e^u - yᵀu`` of each sample, for one class of ``n``, with gradient ``p - y``.

    Here ``p = softmax(u)``.

    Parameters
    ----------
    u : ndarray of shape (*sweep, batch, n)
        Logits of at least two classes.
    y : ndarray
        Probabilities that add to one, of shape ``(*sweep, batch, n)`` or ``(batch, n)``; or the
        numbers ``0 … n - 1`` of the right classes, integers ``(*sweep, batch)`` or ``(batch,)``.
    reduction : {"mean", "sum"}
        Over the batch.

    Returns
    -------
    loss : ndarray of shape (*sweep)
    g : ndarray of the shape of u

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        As for :func:`half_squared_norm`, or ``y`` holds no probabilities or no such class.

    Notes
    -----
    Source: Giselsson (n.d.), "Deep learning"; Lee (n.d.), "Loss Functions", 2.

    Examples
    --------
    >>> loss, g = cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> loss.round(4), g                            # ln 4, and p - y
    (np.float64(1.3863), array([[ 0.25,  0.25, -0.75,  0.25]]))
    """
    y = expect_one_of_n(u, y)
    z = u - u.max(axis=-1, keepdims=True)  # from the largest logit
    e = np.exp(z)  # of the largest: 1
    top = _is_largest(u)
    rest = (e * ~top).sum(axis=-1, keepdims=True)  # of the others
    loss = np.log1p(rest[..., 0]) - (y * z).sum(axis=-1)
    p = e / (1 + rest)
    # 1 - p of the largest is written so that it is not rounded to 0.
    g = np.where(top, (1 - y) - rest / (1 + rest), p - y)
    return reduced(loss, g, reduction)


def argmax(u):
    """The class with the largest logit, predicted for each sample.

    ``(*sweep, batch, n)`` to ``(*sweep, batch)``. Where logits tie, the first wins. Softmax does
    not change the order, so probabilities give the same classes. With a single logit, ``u > 0`` is
    the prediction.

    Raises
    ------
    ValueError, TypeError
        ``u`` is misshapen, not finite or has fewer than two classes.

    Notes
    -----
    Source: Giselsson (n.d.), "Prediction".

    Examples
    --------
    >>> argmax(np.array([[0.1, 2.0, -1.0], [3.0, 0.0, 0.0]]))
    array([1, 0])
    """
    return _expect_classes(u).argmax(axis=-1)


def reduced(loss, g, reduction):
    """Loss and gradient of the batch from those of its samples."""
    if expect_word("reduction", reduction, ("mean", "sum")) == "mean":
        loss, g = loss / loss.shape[-1], g / loss.shape[-1]
    loss = loss.sum(axis=-1)
    if not (np.isfinite(loss).all() and np.isfinite(g).all()):
        raise FloatingPointError(
            f"u: expected a loss within {g.dtype}, got an overflow; use smaller outputs"
        )
    return loss, g


def expect_one_of_n(u, y):
    """The targets of a classification as probabilities, class numbers as rows of 0 and 1."""
    _expect_classes(u)
    if isinstance(y, np.ndarray) and y.dtype.kind in "iu":
        y = _one_hot(y, u)
    expect_pair(u, y)
    _expect_probabilities(y)
    _expect_sums_of_one(y)
    return y


def _is_largest(u):
    """Whether a logit is the largest of its sample, the first of equals."""
    return np.arange(u.shape[-1]) == u.argmax(axis=-1)[..., None]


def expect_pair(u, y):
    expect_array("u", u, (None, None))
    expect_array("y", y, u.shape[-2:])
    if y.dtype != u.dtype:
        raise TypeError(f"y: expected {u.dtype}, the dtype of u, got {y.dtype}")
    _expect_sweep(u, y.shape, u.shape)
    if not u.size:
        raise ValueError(f"u: expected at least one sample and one output, got shape {u.shape}")


def _expect_sweep(u, shape, expected):
    """The axes in front have to be those of ``u``, or some of them."""
    front = zip(shape[::-1], expected[::-1], strict=False)
    if len(shape) > len(expected) or any(n not in (1, m) for n, m in front):
        raise ValueError(
            f"y: expected no sweep axes but those of u, which has shape {u.shape},"
            f" got shape {shape}"
        )


def _expect_probabilities(y):
    if y.min() < 0 or y.max() > 1:
        bad = y.min() if y.min() < 0 else y.max()
        raise ValueError(f"y: expected probabilities from 0 to 1, got {bad:g}")


def _expect_sums_of_one(y):
    sums = y.sum(axis=-1)
    if not np.allclose(sums, 1, rtol=0, atol=np.finfo(y.dtype).eps ** 0.5):
        raise ValueError(
            "y: expected probabilities that add to 1 over the last axis,"
            f" got sums from {sums.min():g} to {sums.max():g}"
        )


def _expect_classes(u):
    expect_array("u", u, (None, None))
    if u.shape[-1] < 2:
        raise ValueError(
            f"u: expected at least two classes on the last axis, got shape {u.shape};"
            " a single logit goes with binary_cross_entropy and u > 0"
        )
    return u


def _one_hot(y, u):
    """Numbers of classes as probabilities."""
    batch, n = u.shape[-2:]
    if y.shape[-1:] != (batch,):
        raise ValueError(
            f"y: expected a class number for each sample, last axes ({batch}), got shape {y.shape}"
        )
    if y.size and not 0 <= y.min() <= y.max() < n:
        bad = y.min() if y.min() < 0 else y.max()
        raise ValueError(f"y: expected classes from 0 to {n - 1}, got {bad}")
    return (y[..., None] == np.arange(n)).astype(u.dtype)
