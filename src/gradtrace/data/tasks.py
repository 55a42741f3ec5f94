"""Tasks whose answer lies far back in the input: who can carry it there?

Each function draws a batch of sequences as :class:`Sequences`, ready for ``unroll``, and says what
a net must beat: the best loss of one that has forgotten what the answer is made of.
Source: Lee (n.d.), "Advantages of LSTM".
"""

from dataclasses import dataclass
from math import log

import numpy as np

from ..expect import expect_integers, expect_rng, expect_size


@dataclass(frozen=True)
class Sequences:
    """A batch of sequences, what is asked of each, and what it costs to have forgotten the answer.

    ``forward(unroll(cell, p, x), h0)`` gives the states ``h``; ``h[1:][mask]`` are those that
    answer ``y``.

    Attributes
    ----------
    x : ndarray of shape (T, batch, n_in)
        The inputs.
    y : ndarray of floats, shape (k, batch, n_out); or of integers, shape (k, batch)
        Numbers to predict, or the right classes, at the ``k`` steps that are asked.
    mask : ndarray of bool, shape (T,)
        True at those steps.
    lag : int
        The most steps that lie between an answer and an input that it needs.
    baseline : float
        Best loss of a net that has forgotten what the answer is made of, averaged over batch and
        steps asked: squared error for numbers, cross-entropy in nats for classes.
    error : float or None
        Its share of wrong classes; ``None`` for numbers.

    Examples
    --------
    >>> data = adding(np.random.default_rng(0), batch=3, T=100)
    >>> data.x.shape, data.y.shape, data.mask.sum(), data.lag
    ((100, 3, 2), (1, 3, 1), np.int64(1), 99)
    """

    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray
    lag: int
    baseline: float
    error: float | None = None


def one_hot(classes, n):
    """Rows of the identity matrix, ``e_k`` for class ``k``: integers ``(…)`` to floats ``(…, n)``.

    Parameters
    ----------
    classes : ndarray of int
        From 0 to ``n - 1``.
    n : int
        Number of classes.

    Raises
    ------
    ValueError, TypeError
        ``classes`` holds no such integers.

    Examples
    --------
    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    expect_integers("classes", classes, expect_size("n", n))
    return (classes[..., None] == np.arange(n)).astype(float)


def adding(rng, batch, T):
    """Add the two marked numbers of ``T`` from U(0, 1), one marked in each half.

    Their sum is asked at the end. Who has forgotten both does best to answer 1, the mean of the
    sum; its squared error is the sum's variance, 2 · 1/12 = 1/6. Who sees the last step alone,
    where a mark may stand, comes to ``1 - 1/T`` of it, if ``T`` is even.

    Parameters
    ----------
    rng : numpy.random.Generator
    batch : int
    T : int
        Steps, at least 2.

    Returns
    -------
    Sequences
        ``x`` of shape (T, batch, 2) holds the number and the mark, 0 or 1; ``y`` of shape (1,
        batch, 1) the sum.

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind or too small.

    Notes
    -----
    Source: Hochreiter and Schmidhuber (1997), in the form of Arjovsky et al. (2016).

    Examples
    --------
    >>> data = adding(np.random.default_rng(0), batch=1000, T=20)
    >>> ((data.y - 1) ** 2).mean().round(2), round(data.baseline, 2)
    (np.float64(0.16), 0.17)
    """
    expect_rng("rng", rng)
    batch, T = expect_size("batch", batch, 0), expect_size("T", T, 2)
    number, mark = rng.random((T, batch)), np.zeros((T, batch))
    every = np.arange(batch)
    for low, high in ((0, T // 2), (T // 2, T)):
        when = rng.integers(low, high, batch)  # one step for each sequence
        mark[when, every] = 1
    total = (number * mark).sum(axis=0)
    y = total.reshape(1, batch, 1)  # one answer a sequence, of one number
    x = np.stack([number, mark], axis=-1)
    return Sequences(x, y, _only_last(T), lag=T - 1, baseline=1 / 6)


def copying(rng, batch, delay):
    """Repeat ten symbols after a delay: symbols, blanks, a sign to begin, ten blanks to answer.

    There are eight symbols, the blank is class 8 and the sign to begin is class 9, ``delay`` steps
    after the last symbol. An answer is asked at each of the ``delay + 20`` steps: the blank, and at
    the last ten the symbols. Who has forgotten the symbols does best to answer the blank, then any
    of the eight: ``10 ln 8 / (delay + 20)``.

    Parameters
    ----------
    rng : numpy.random.Generator
    batch : int
    delay : int
        At least 1.

    Returns
    -------
    Sequences
        ``x`` of shape (delay + 20, batch, 10), one-hot; ``y`` of shape (delay + 20, batch), classes
        0 … 8.

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind or too small.

    Notes
    -----
    Source: Hochreiter and Schmidhuber (1997), in the form of Arjovsky et al. (2016).

    Examples
    --------
    >>> data = copying(np.random.default_rng(0), batch=1, delay=5)
    >>> data.x.argmax(-1)[:, 0]
    array([6, 5, 4, 2, 2, 0, 0, 0, 1, 6, 8, 8, 8, 8, 9, 8, 8, 8, 8, 8, 8, 8,
           8, 8, 8])
    >>> data.y[-10:, 0]
    array([6, 5, 4, 2, 2, 0, 0, 0, 1, 6])
    """
    expect_rng("rng", rng)
    batch, delay = expect_size("batch", batch, 0), expect_size("delay", delay)
    T, blank, begin = delay + 20, 8, 9
    symbols = rng.integers(8, size=(10, batch))
    x, y = np.full((T, batch), blank), np.full((T, batch), blank)
    x[:10], x[delay + 9], y[-10:] = symbols, begin, symbols
    return Sequences(
        one_hot(x, 10),
        y,
        np.ones(T, dtype=bool),
        lag=delay + 10,
        baseline=10 * log(8) / T,
        error=10 / T * 7 / 8,
    )


def temporal_order(rng, batch, T):
    """Which came first? An X or Y early, an X or Y near the middle: XX, XY, YX or YY is the class.

    The first falls between ``T/10`` and ``2T/10``, the second between ``4T/10`` and ``5T/10``; the
    rest is one of four distractors, between a first symbol that begins and a last that asks.
    Without memory every class is as likely: cross-entropy ``ln 4``, three answers in four wrong.

    Parameters
    ----------
    rng : numpy.random.Generator
    batch : int
    T : int
        Steps, at least 10.

    Returns
    -------
    Sequences
        ``x`` of shape (T, batch, 8), one-hot: four distractors, X, Y, begin, ask. ``y`` of shape
        (1, batch), 0 … 3.

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind or too small.

    Notes
    -----
    Source: Hochreiter and Schmidhuber (1997), "Temporal order", with places that grow with ``T``.
    There, ``T`` is from 100 to 110, and the second symbol falls between 50 and 60.

    Examples
    --------
    >>> data = temporal_order(np.random.default_rng(1), batch=1, T=20)
    >>> "".join("abcdXYBE"[k] for k in data.x.argmax(-1)[:, 0]), data.y      # Y, then Y
    ('BcdYaaddaYdbbdbbccaE', array([[3]]))
    """
    expect_rng("rng", rng)
    batch, T = expect_size("batch", batch, 0), expect_size("T", T, 10)
    each, (X, Y, begin, ask) = np.arange(batch), range(4, 8)
    symbols = rng.integers(4, size=(T, batch))
    symbols[0], symbols[-1] = begin, ask
    first, second = rng.integers(2, size=(2, batch))
    symbols[rng.integers(T // 10, 2 * T // 10, batch), each] = np.where(first, Y, X)
    symbols[rng.integers(4 * T // 10, 5 * T // 10, batch), each] = np.where(second, Y, X)
    return Sequences(
        one_hot(symbols, 8),
        (2 * first + second)[None],
        _only_last(T),
        lag=T - 1 - T // 10,
        baseline=log(4),
        error=0.75,
    )


def _only_last(T):
    return np.arange(T) == T - 1
