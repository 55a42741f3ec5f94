"""Text for nets that spell: characters as classes, and windows to train on."""

from importlib.resources import files
from math import log

import numpy as np

from ..expect import expect_rng, expect_size, given
from .tasks import Sequences, one_hot


def walrus():
    """Lewis Carroll's "The Walrus and the Carpenter" (1871), 3275 characters in 18 stanzas.

    It is in the public domain.

    Returns
    -------
    str
        ASCII; verses end in a line feed, ``--`` is a dash.

    Notes
    -----
    Source: Carroll (1871), chapter IV.

    Examples
    --------
    >>> print(walrus()[:59])
    The sun was shining on the sea,
    Shining with all his might:
    """
    text = files(__package__).joinpath("walrus.txt").read_text(encoding="ascii")
    return text.partition("\n\n")[2]


def vocabulary(text):
    """The characters of a text, each once, in the order of their codes.

    Parameters
    ----------
    text : str
        At least one character.

    Returns
    -------
    str

    Examples
    --------
    >>> vocabulary("hello")
    'ehlo'
    """
    return "".join(sorted(set(_expect_text("text", text))))


def encode(text, letters):
    """The place of every character in ``letters``: a string of ``k`` to integers of shape ``(k,)``.

    Parameters
    ----------
    text : str
    letters : str
        The vocabulary, each character once.

    Raises
    ------
    ValueError, TypeError
        ``text`` has a character that ``letters`` has not, or ``letters`` one twice.

    Examples
    --------
    >>> encode("hello", "helo")
    array([0, 1, 2, 2, 3])
    """
    place = _place_of_each(letters)
    for character in _expect_text("text", text, least=0):
        if character not in place:
            raise ValueError(
                f"text: expected only characters of {letters!r:.60}, got {character!r}"
            )
    return np.array([place[character] for character in text], dtype=int)


def decode(classes, letters):
    """The string whose characters stand at those places: the inverse of :func:`encode`.

    Parameters
    ----------
    classes : ndarray of int, shape (k,)
    letters : str

    Raises
    ------
    ValueError, TypeError
        ``classes`` is misshapen or names a place that ``letters`` has not.

    Examples
    --------
    >>> decode(np.array([0, 1, 2, 2, 3]), "helo")
    'hello'
    """
    one_hot(classes, len(_place_of_each(letters)))  # complains of what are no classes
    if classes.ndim != 1:
        raise ValueError(f"classes: expected one axis, got shape {classes.shape}")
    return "".join(letters[k] for k in classes)


def hello():
    """Spell "hello": after l comes l once and o once, and only a memory knows when.

    Who sees the last letter alone has to guess after each of the two l: ``ln 2`` at two steps in
    four, one answer in four wrong.

    Returns
    -------
    Sequences
        ``x`` of shape (4, 1, 4), the letters h e l l one-hot in the vocabulary h e l o; ``y`` of
        shape (4, 1), e l l o.

    Notes
    -----
    Source: Lee (n.d.), "Seq2Sequence Learning Example".

    Examples
    --------
    >>> decode(hello().y[:, 0], "helo")
    'ello'
    """
    classes = encode("hello", "helo")[:, None]
    return Sequences(
        one_hot(classes[:-1], 4),
        classes[1:],
        np.ones(4, dtype=bool),
        lag=1,
        baseline=log(2) / 2,
        error=0.25,
    )


def windows(rng, text, batch, T):
    """Windows of ``T`` characters, cut from a text at random; asked at each is what follows.

    The best answer without memory or input are the frequencies of the characters in ``text``; its
    loss is their entropy, ``-Σ f ln f``.

    Parameters
    ----------
    rng : numpy.random.Generator
    text : str
        More than ``T`` characters.
    batch : int
    T : int
        Characters in a window.

    Returns
    -------
    Sequences
        ``x`` of shape (T, batch, n), one-hot in ``vocabulary(text)`` of ``n``; ``y`` of shape (T,
        batch).

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind, or the text too short.

    Examples
    --------
    >>> data = windows(np.random.default_rng(0), walrus(), batch=32, T=50)
    >>> data.x.shape, data.y.shape, round(data.baseline, 2)
    ((50, 32, 51), (50, 32), 3.19)
    """
    expect_rng("rng", rng)
    batch, T = expect_size("batch", batch, 0), expect_size("T", T)
    if len(_expect_text("text", text)) <= T:
        raise ValueError(f"text: expected more than T = {T} characters, got {len(text)}")
    letters = vocabulary(text)
    classes = encode(text, letters)
    cut = classes[rng.integers(len(text) - T, size=batch) + np.arange(T + 1)[:, None]]
    share = np.bincount(classes) / len(classes)
    return Sequences(
        one_hot(cut[:-1], len(letters)),
        cut[1:],
        np.ones(T, dtype=bool),
        lag=T - 1,
        baseline=float(-(share * np.log(share)).sum()),
        error=float(1 - share.max()),
    )


def _expect_text(name, value, least=1):
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, got {given(value)}")
    if len(value) < least:
        raise ValueError(f"{name}: expected at least {least} characters, got {len(value)}")
    return value


def _place_of_each(letters):
    place = {character: k for k, character in enumerate(_expect_text("letters", letters))}
    if len(place) < len(letters):
        raise ValueError(f"letters: expected each character once, got {letters!r:.60}")
    return place
