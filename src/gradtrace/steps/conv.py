"""Layers for images: convolution, pooling, and the way from an image to a vector.

A window slides over the image. The forward pass reads all windows as one strided view; the pullback
adds what every window hands back to the pixels that it saw.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..expect import expect_size, expect_sizes, expect_word
from .arrays import Grads, T
from .contract import Phi, Size, Step


@dataclass(frozen=True)
class Conv2D(Step):
    """``h' = φ(h ⋆ W + b)``, cross-correlation: the same weights in every window of the image.

    Parameters
    ----------
    size : tuple of int
        ``(c_in, height, width)`` of the image that goes in.
    c_out : int
        Number of filters, the channels that come out.
    kernel, stride, padding : int
        Side of the window, pixels from one window to the next, zeros added at every edge.
    phi : str or Activation
        ``φ``, by name or as an object.

    Attributes
    ----------
    returns : tuple of int
        ``(c_out, height', width')`` of the image that comes out.

    Notes
    -----
    ``h`` is ``(*sweep, batch, c_in, height, width)``, ``W`` is
    ``(*sweep, c_out, c_in, kernel, kernel)``, ``b`` is ``(*sweep, c_out)``.

    Source: Lee (n.d.), "Convolutional Layer"; Giselsson (n.d.), "Examples of affine
    transformations".

    Examples
    --------
    >>> layer = Conv2D((1, 28, 28), c_out=6, kernel=5, phi="relu")
    >>> layer.returns
    (6, 24, 24)
    >>> layer.shapes()
    {'W': (6, 1, 5, 5), 'b': (6,)}
    """

    size: tuple[int, int, int]
    c_out: Size
    kernel: Size
    stride: Size = 1
    padding: int = 0
    phi: Phi = "tanh"

    def __post_init__(self):
        super().__post_init__()
        self.set("size", expect_sizes("size", self.size, 3))
        self.set("padding", expect_size("padding", self.padding, least=0))
        padded = [side + 2 * self.padding for side in self.size[1:]]
        _expect_to_fit("kernel", self.kernel, padded)
        self.set("returns", (self.c_out, *((n - self.kernel) // self.stride + 1 for n in padded)))

    @property
    def features(self):
        return self.size

    def __str__(self):
        return f"Conv2D({self.size}, {self.c_out}, {self.kernel}, {self.phi})"

    def shapes(self):
        return {"W": (self.c_out, self.size[0], self.kernel, self.kernel), "b": (self.c_out,)}

    # fmt: off
    def step(self, p, h, x=None):
        image = _padded(h, self.padding)
        H = self._window_rows(image)                    # a row for each window
        K = self._filter_rows(p["W"])                   # a row for each filter
        a = K @ T(H) + p["b"][..., None, :, None]       # a = K Hᵀ + b
        a = a.reshape(*a.shape[:-2], *self.returns)     # as maps
        def vjp(g):                                     # g = ∂L/∂h'
            d = g * self.phi.slope(a)                   # d = ∂L/∂a = g ⊙ φ'(a)
            d = d.reshape(*d.shape[:-2], H.shape[-2])   # a row for each filter
            dK = (d @ H).sum(axis=-3)                   # ∂L/∂K = Σ_batch d H
            dH = T(d) @ K                               # ∂L/∂H = dᵀ K
            dh = self._add_windows(dH, image.shape[-2:])    # each to its pixels
            return Grads(h=_cropped(dh, self.padding),
                         x=None,
                         p={"W": dK.reshape(*dK.shape[:-2], *self.shapes()["W"]),
                            "b": d.sum(axis=(-3, -1))})     # Σ batch and windows
        return self.phi(a), vjp                         # h' = φ(a)
    # fmt: on

    def _window_rows(self, image):
        """Each window as a row: ``(…, c_in, height, width)`` to ``(…, windows, c_in k k)``."""
        seen = np.moveaxis(_windows(image, self.kernel, self.stride), -5, -3)
        *front, rows, columns, c_in, k, _ = seen.shape
        return seen.reshape(*front, rows * columns, c_in * k * k)

    def _filter_rows(self, W):
        """Each filter as a row: ``(…, c_out, c_in, k, k)`` to ``(…, 1, c_out, c_in k k)``."""
        *sweep, c_out, c_in, k, _ = W.shape
        return W.reshape(*sweep, 1, c_out, c_in * k * k)

    def _add_windows(self, dH, image):
        """What each window hands back, added to the pixels it saw: the way back from rows."""
        _, rows, columns = self.returns
        seen = dH.reshape(*dH.shape[:-2], rows, columns, self.size[0], self.kernel, self.kernel)
        return _scatter(np.moveaxis(seen, -3, -5), image, self.stride)


@dataclass(frozen=True)
class Pool2D(Step):
    """``h' = Σ_window s ⊙ h``: maximum, average or sum of every window, channel by channel.

    Parameters
    ----------
    features : tuple of int
        ``(channels, height, width)`` of the image that goes in.
    size : int
        Side of the window.
    kind : str
        ``"max"``: ``s`` is 1 at the largest entry (the first of equals) and 0 elsewhere;
        ``"average"``: ``s = 1/size²``; ``"sum"``: ``s = 1``.
    stride : int or None
        Pixels from one window to the next; ``None`` for ``size``. What is left over at the edge is
        not seen.

    Attributes
    ----------
    returns : tuple of int
        ``(channels, height', width')`` of the image that comes out.

    Notes
    -----
    Source: Lee (n.d.), "Pooling Layer"; Giselsson (n.d.), "Examples of affine transformations".

    Examples
    --------
    >>> pool = Pool2D((1, 2, 4), size=2)
    >>> image = np.array([[[[1.0, 2.0, 5.0, 0.0], [3.0, 4.0, 0.0, 0.0]]]])
    >>> pool({}, image)[0].ravel()
    array([4., 5.])
    """

    features: tuple[int, int, int]
    size: Size
    kind: str = "max"
    stride: int | None = None

    def __post_init__(self):
        super().__post_init__()
        self.set("features", expect_sizes("features", self.features, 3))
        _expect_to_fit("size", self.size, self.features[1:])
        expect_word("kind", self.kind, ("max", "average", "sum"))
        stride = self.size if self.stride is None else expect_size("stride", self.stride)
        self.set("stride", stride)
        channels, *image = self.features
        self.set("returns", (channels, *((n - self.size) // stride + 1 for n in image)))

    def __str__(self):
        return f"Pool2D({self.features}, {self.size}, {self.kind})"

    # fmt: off
    def step(self, p, h, x=None):
        seen = _windows(h, self.size, self.stride)          # (…, height', width', size, size)
        if self.kind == "max":
            flat = seen.reshape(*seen.shape[:-2], self.size ** 2)
            largest = np.arange(self.size ** 2) == flat.argmax(axis=-1)[..., None]
            s = largest.astype(h.dtype).reshape(seen.shape)
        else:
            s = np.full((1, 1), self.size ** -2 if self.kind == "average" else 1, dtype=h.dtype)
        def vjp(g):                                         # g = ∂L/∂h'
            d = g[..., None, None] * np.broadcast_to(s, seen.shape)     # g s, of each window
            return Grads(h=_scatter(d, h.shape[-2:], self.stride), x=None, p={})
        return (seen * s).sum(axis=(-2, -1)), vjp           # h' = Σ s ⊙ h


@dataclass(frozen=True)
class Flatten(Step):
    """``h'`` holds the entries of ``h`` in one row.

    Parameters
    ----------
    features : tuple of int
        Trailing shape of what goes in.

    Notes
    -----
    ``h`` is ``(*sweep, batch, *features)``, ``h'`` is ``(*sweep, batch, n)``.

    Source: Lee (n.d.), "CNN's Topology".

    Examples
    --------
    >>> Flatten((2, 3, 3))({}, np.zeros((5, 2, 3, 3)))[0].shape
    (5, 18)
    """

    features: tuple[int, ...]

    def __post_init__(self):
        self.set("features", expect_sizes("features", self.features))

    def __str__(self):
        return f"Flatten({self.features})"

    def step(self, p, h, x=None):
        def vjp(g):
            return Grads(h=g.reshape(*g.shape[:-1], *self.features), x=None, p={})

        return h.reshape(*h.shape[: -len(self.features)], math.prod(self.features)), vjp


def _padded(h, edge):
    """The image with ``edge`` rows and columns of zeros at every side."""
    return np.pad(h, [(0, 0)] * (h.ndim - 2) + [(edge, edge)] * 2)


def _cropped(h, edge):
    """The image without ``edge`` rows and columns at every side."""
    height, width = h.shape[-2:]
    return h[..., edge : height - edge, edge : width - edge]


def _windows(h, side, stride):
    """All windows of an image, as a view.

    ``(…, height, width)`` to ``(…, height', width', side, side)``.
    """
    windows = np.lib.stride_tricks.sliding_window_view(h, (side, side), axis=(-2, -1))
    return windows[..., ::stride, ::stride, :, :]


def _scatter(d, image, stride):
    """Add each window to the pixels it saw.

    ``(…, height', width', side, side)`` to ``(…, height, width)``.
    """
    *rest, rows, columns, side, _ = d.shape
    out = np.zeros((*rest, *image), dtype=d.dtype)
    for i in range(side):
        for j in range(side):
            down = slice(i, i + stride * rows, stride)
            across = slice(j, j + stride * columns, stride)
            out[..., down, across] += d[..., i, j]
    return out


def _expect_to_fit(name, side, image):
    if side > min(image):
        raise ValueError(
            f"{name}: expected at most {min(image)}, the smaller side of the image, got {side}"
        )
