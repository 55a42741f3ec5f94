"""More images out of few: flipped, turned, resized, cropped, moved or noisy, their class the same.

Images are ``(batch, height, width)`` or ``(batch, channels, height, width)``. With a generator
``rng`` every image gets an amount of its own, drawn from minus to plus the amount given; without
one all get exactly that amount. What comes from outside the picture is 0. Turning, resizing,
cropping and moving need scipy.

Source: Lee (n.d.), "Data Augmentation"; for noise on the input, Goodfellow et al. (2016), section
7.5.
"""

import numpy as np

from ..expect import expect_array, expect_bool, expect_number, expect_rng


def flip(images, rng=None, *, vertical=False):
    """Left and right exchanged, or top and bottom; with ``rng``, for about half of the images.

    Parameters
    ----------
    images : ndarray of shape (batch, height, width) or (batch, channels, height, width)
    rng : numpy.random.Generator, optional
    vertical : bool
        Exchange top and bottom.

    Returns
    -------
    ndarray of the shape and dtype of images

    Raises
    ------
    ValueError, TypeError
        An argument cannot be used; so for all functions here.

    Examples
    --------
    >>> flip(np.array([[[1.0, 2.0, 3.0]]]))
    array([[[3., 2., 1.]]])
    """
    _expect_images(images)
    expect_bool("vertical", vertical)
    chosen = np.ones(len(images), bool)
    if rng is not None:
        chosen = expect_rng("rng", rng).random(len(images)) < 0.5
    return np.where(_per_image(chosen, images), np.flip(images, -2 if vertical else -1), images)


@np.errstate(under="ignore")
def rotate(images, degrees, rng=None):
    """Turned about the centre, anticlockwise; the corners of the picture may leave it.

    Parameters
    ----------
    images, rng
        As for :func:`flip`; with ``rng``, angles from ``−degrees`` to ``degrees``.
    degrees : float
        Square pictures turned by multiples of 90 are exact.

    Returns
    -------
    ndarray of the shape and dtype of images

    Examples
    --------
    >>> rotate(np.array([[[1.0, 2.0], [3.0, 4.0]]]), 90)
    array([[[2., 4.],
            [1., 3.]]])
    """
    angle = np.fmod(_amounts("degrees", degrees, images, rng), 360)
    quarters = np.round(angle / 90)
    c, s = np.cos(np.radians(angle - 90 * quarters)), np.sin(np.radians(angle - 90 * quarters))
    for _ in range(3):  # whole quarters without rounding: cos 90° is 0, not 6e-17
        turn = quarters % 4 > 0
        c, s, quarters = np.where(turn, -s, c), np.where(turn, c, s), quarters - turn
    A = np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], -2)
    return _warp(images, A)


@np.errstate(under="ignore")
def scale(images, factor, rng=None):
    """Larger or smaller about the centre, in a picture of the same size.

    Parameters
    ----------
    images, rng
        As for :func:`flip`; with ``rng``, factors from ``1 / factor`` to ``factor``, evenly on a
        logarithmic scale.
    factor : float
        From 0.001 to 1000; above 1 is larger.

    Returns
    -------
    ndarray of the shape and dtype of images

    Examples
    --------
    >>> scale(np.array([[[0.0, 4.0, 0.0]]]), 2)
    array([[[2., 4., 2.]]])
    """
    if not 0.001 <= expect_number("factor", factor) <= 1000:
        raise ValueError(f"factor: expected a number from 0.001 to 1000, got {factor}")
    size = np.exp(_amounts("factor", np.log(factor), images, rng))
    return _warp(images, np.eye(2) / size[:, None, None])


@np.errstate(under="ignore")
def crop(images, share, rng=None):
    """A section of the picture, enlarged to the size of the picture.

    Parameters
    ----------
    images, rng
        As for :func:`flip`; with ``rng``, sections anywhere in the picture, without one the middle.
    share : float
        The side of the section over that of the picture, above 0 and at most 1.

    Returns
    -------
    ndarray of the shape and dtype of images

    Examples
    --------
    >>> crop(np.arange(5.0).reshape(1, 1, 5), 0.5)
    array([[[1. , 1.5, 2. , 2.5, 3. ]]])
    """
    if not 0 < expect_number("share", share) <= 1:
        raise ValueError(f"share: expected a number above 0 and at most 1, got {share}")
    where = np.zeros((len(_expect_images(images)), 2))
    if rng is not None:
        where = expect_rng("rng", rng).uniform(-1, 1, where.shape) * (1 - share)
    half = (np.array(images.shape[-2:]) - 1) / 2
    return _warp(images, share * np.eye(2), where * half)


@np.errstate(under="ignore")
def translate(images, rows, columns, rng=None):
    """Moved down and to the right; what leaves the picture is lost.

    Parameters
    ----------
    images, rng
        As for :func:`flip`; with ``rng``, moves from ``−rows`` to ``rows`` and from ``−columns`` to
        ``columns``.
    rows, columns : float
        Pixels down and to the right. Whole pixels are exact; a drawn move rarely is whole.

    Returns
    -------
    ndarray of the shape and dtype of images

    Examples
    --------
    >>> translate(np.array([[[1.0, 2.0, 3.0]]]), 0, 1)
    array([[[0., 1., 2.]]])
    """
    down = _amounts("rows", rows, images, rng)
    right = _amounts("columns", columns, images, rng)
    return _warp(images, np.eye(2), -np.stack([down, right], -1))


def noise(images, deviation, rng):
    """``x + σ ξ`` with a standard normal ``ξ`` drawn for every pixel.

    Parameters
    ----------
    images, rng
        As for :func:`flip`.
    deviation : float
        σ, at least 0.

    Returns
    -------
    ndarray of the shape and dtype of images

    Raises
    ------
    FloatingPointError
        The sum overflows.

    Examples
    --------
    >>> noise(np.zeros((1, 2, 2)), 0.1, np.random.default_rng(0)).round(2)
    array([[[ 0.01, -0.01],
            [ 0.06,  0.01]]])
    """
    _expect_images(images)
    expect_number("deviation", deviation, least=0)
    xi = expect_rng("rng", rng).standard_normal(images.shape)
    try:
        with np.errstate(over="raise", under="ignore"):
            return images + (deviation * xi).astype(images.dtype)
    except FloatingPointError:
        raise FloatingPointError(
            f"deviation: expected noise within {images.dtype}, got {deviation}"
        ) from None


def _warp(images, A, b=0.0):
    """``out(r) = in(A r + b)``, positions in pixels from the centre, ``b`` of shape ``(batch, 2)``.

    Between pixels the value is bilinear; beyond the last ones it falls to 0 within one pixel.
    """
    try:
        from scipy.ndimage import affine_transform  # not at the top: only these four need it
    except ImportError as error:
        raise ImportError("augment: expected the package scipy: pip install scipy") from error
    centre = (np.array(images.shape[-2:]) - 1) / 2
    offset = centre - A @ centre + b  # A r + b, counted from the upper left pixel
    A, offset = np.broadcast_to(A, (len(images), 2, 2)), np.broadcast_to(offset, (len(images), 2))
    out = np.empty_like(images)
    for k in np.ndindex(images.shape[:-2]):  # batch, and channels
        affine_transform(
            images[k], A[k[0]], offset[k[0]], output=out[k], order=1, mode="grid-constant"
        )
    return out


def _expect_images(images):
    expect_array("images", images, (None, None))
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise ValueError(
            "images: expected shape (batch, height, width) or (batch, channels, height, width),"
            f" no size but the batch 0; got {images.shape}"
        )
    return images


def _per_image(value, like):
    """An array ``(batch, …)`` ready to meet ``like``, which has channels or not."""
    return value.reshape(len(value), *[1] * (like.ndim - value.ndim), *value.shape[1:])


def _amounts(name, most, images, rng):
    """One amount for each image: ``most``, or drawn from ``−most`` to ``most``."""
    most, batch = expect_number(name, most), len(_expect_images(images))
    if rng is None:
        return np.full(batch, most)
    return most * expect_rng("rng", rng).uniform(-1, 1, batch)
