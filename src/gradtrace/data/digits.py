"""Real images: the 1797 handwritten digits that come with scikit-learn, whole or pixel by pixel."""

import numpy as np

from ..expect import expect_array, expect_integers, expect_number, expect_order, expect_rng
from .tasks import Sequences


def digits(rng, test=0.25):
    """Handwritten digits, 8 by 8 pixels from 0 to 1: a part to learn from and a part to test with.

    They are cut at random, every digit in the same proportion. No image is in both parts, each of
    the 1797 in one.

    Parameters
    ----------
    rng : numpy.random.Generator
        Two equal generators cut alike.
    test : float
        Share to test with, between 0 and 1.

    Returns
    -------
    train_x : ndarray of shape (n, 8, 8)
    train_y : ndarray of int, shape (n,)
    test_x : ndarray of shape (m, 8, 8)
    test_y : ndarray of int, shape (m,)

    Raises
    ------
    ValueError, TypeError
        ``rng`` is no generator, or ``test`` not between 0 and 1.
    ImportError
        scikit-learn is not installed.

    Notes
    -----
    Source: Alpaydin and Kaynak (1998), test set, as in scikit-learn.

    Examples
    --------
    >>> train_x, train_y, test_x, test_y = digits(np.random.default_rng(0))
    >>> train_x.shape, test_x.shape
    ((1347, 8, 8), (450, 8, 8))
    """
    expect_rng("rng", rng)
    if not 0 < expect_number("test", test) < 1:
        raise ValueError(f"test: expected a share between 0 and 1, got {test}")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "digits: expected the package scikit-learn: pip install scikit-learn"
        ) from error
    data = load_digits()
    x, y = data.images / 16, data.target
    held = np.zeros(len(y), dtype=bool)
    for digit in range(10):
        places = rng.permutation(np.flatnonzero(y == digit))
        held[places[: round(test * len(places))]] = True
    return x[~held], y[~held], x[held], y[held]


def pixels(images, labels, order=None):
    """Read an image one pixel at a time, line by line or in a given order, and say what it shows.

    The best answer without a look at the image are the frequencies of the labels; its loss is their
    entropy, about ``ln 10``.

    Parameters
    ----------
    images : ndarray of shape (batch, height, width)
    labels : ndarray of int, shape (batch,)
        Classes, from 0.
    order : ndarray of int, shape (height · width,), optional
        Which pixel comes when, the same for all images: ``rng.permutation(64)``. It mixes near
        pixels with far ones.

    Returns
    -------
    Sequences
        ``x`` of shape (height · width, batch, 1), ``y`` of shape (1, batch).

    Raises
    ------
    ValueError, TypeError
        Images and labels differ in number or are of the wrong kind; ``order`` does not hold every
        pixel once.

    Notes
    -----
    Source: Le et al. (2015).

    Examples
    --------
    >>> images, order = np.arange(8.0).reshape(2, 2, 2), np.array([3, 0, 1, 2])
    >>> data = pixels(images, np.array([0, 1]), order)
    >>> data.x[:, 0, 0], round(data.baseline, 2)
    (array([3., 0., 1., 2.]), 0.69)
    """
    expect_array("images", images, (None, None))
    if images.ndim != 3 or not images.size:
        raise ValueError(
            "images: expected at least one of shape (batch, height, width),"
            f" got shape {images.shape}"
        )
    if expect_integers("labels", labels).shape != images.shape[:1]:
        raise ValueError(
            f"labels: expected {len(images)}, one for each image, got shape {labels.shape}"
        )
    T = images[0].size
    order = np.arange(T) if order is None else expect_order("order", order, T)
    share = np.bincount(labels)[np.unique(labels)] / len(labels)
    return Sequences(
        images.reshape(-1, T).T[order][..., None],
        labels[None],
        np.arange(T) == T - 1,
        lag=T - 1,
        baseline=float(-(share * np.log(share)).sum()),
        error=float(1 - share.max()),
    )
