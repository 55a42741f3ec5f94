"""A language small enough to learn in seconds, to translate forwards and in reverse."""

from dataclasses import dataclass
from math import log

import numpy as np

from ..expect import expect_bool, expect_order, expect_rng, expect_size
from .tasks import one_hot


@dataclass(frozen=True)
class Sentences:
    """Pairs of sentences for an encoder and a decoder.

    The encoder reads ``source``; the decoder starts from its last state, reads ``given`` and
    answers ``y``. Of ``n`` words in the dictionary, token ``n`` starts a sentence and token
    ``n + 1`` ends it.

    Attributes
    ----------
    source : ndarray of shape (length, batch, n)
        The words that the encoder reads, one-hot, in the order in which it reads them.
    given : ndarray of shape (length + 1, batch, n + 2)
        What the decoder reads: the start, then the right words, each a step late.
    y : ndarray of int, shape (length + 1, batch)
        What it should say: the right words, then the end.
    lags : ndarray of int, shape (length,)
        Steps from reading a source word to saying its translation, for the words of the target in
        order.
    baseline : float
        Cross-entropy of a decoder that never saw the source: ``length ln n / (length + 1)``.
    error : float
        Its share of wrong words.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data = translation(rng, batch=2, length=5, dictionary=rng.permutation(8))
    >>> data.source.shape, data.given.shape, data.y.shape
    ((5, 2, 8), (6, 2, 10), (6, 2))
    """

    source: np.ndarray
    given: np.ndarray
    y: np.ndarray
    lags: np.ndarray
    baseline: float
    error: float


def translation(rng, batch, length, dictionary, reverse=False):
    """Random sentences, translated word by word; from the second on neighbours change places.

    Read straight, each word waits about ``length`` steps for its translation. Read in reverse, the
    first waits a single step and the last almost ``2 length``: the average is the same, but a net
    can learn the short ways first.

    Parameters
    ----------
    rng : numpy.random.Generator
    batch : int
    length : int
        Words in a sentence.
    dictionary : ndarray of int, shape (n,)
        The translation of each word, every word once: ``rng.permutation(n)``. The same for training
        and test.
    reverse : bool
        Whether the encoder reads the source from its end. The target does not change.

    Returns
    -------
    Sentences

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind or too small.

    Notes
    -----
    Source: Grosse and Ba (2019), "Another trick: reverse the input sequence";
    Sutskever et al. (2014).

    Examples
    --------
    >>> words = np.array([1, 2, 3, 0])                      # 0 is translated by 1, …
    >>> for reverse in (False, True):
    ...     data = translation(np.random.default_rng(0), 1, 5, words, reverse)
    ...     print(data.source.argmax(-1)[:, 0], data.y[:, 0], data.lags)
    [3 2 2 1 1] [0 3 3 2 2 5] [5 4 6 4 6]
    [1 1 2 2 3] [0 3 3 2 2 5] [1 4 4 8 8]
    """
    expect_rng("rng", rng)
    batch, length = expect_size("batch", batch, 0), expect_size("length", length)
    n = len(expect_order("dictionary", dictionary))
    expect_bool("reverse", reverse)
    start, end = n, n + 1
    words = rng.integers(n, size=(length, batch))
    place = np.arange(length)  # where in the source each target word comes from
    pairs = (length - 1) // 2
    place[1 : 2 * pairs + 1] = place[1 : 2 * pairs + 1].reshape(-1, 2)[:, ::-1].ravel()
    target = dictionary[words[place]]
    edge = np.ones((1, batch), dtype=int)
    read = length - 1 - place if reverse else place  # the step at which the encoder reads it
    return Sentences(
        one_hot(words[::-1] if reverse else words, n),
        one_hot(np.concatenate([start * edge, target]), n + 2),
        np.concatenate([target, end * edge]),
        length + np.arange(length) - read,
        baseline=length * log(n) / (length + 1),
        error=length / (length + 1) * (1 - 1 / n),
    )
