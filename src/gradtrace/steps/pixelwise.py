"""The same step at every pixel: what makes batch norm one of channels, and a dense layer a 1 × 1 convolution."""

import math
from dataclasses import dataclass

import numpy as np

from ..expect import expect_size
from .contract import Grads, Step, checked


@dataclass(frozen=True)
class Pixelwise:
    """``h'[:, i, j] = F(h[:, i, j])``: every pixel is a sample of its own, and its channels are the features.

    ``Pixelwise(BatchNorm(c), height, width)`` is the batch normalisation of convolutional nets: one mean and one
    variance for each channel, over the batch and all pixels.

    Parameters
    ----------
    inner : Step
        ``F``, from a vector of channels to a vector of channels. Parameters are those of ``F``.
    height, width : int
        Size of the image.

    Notes
    -----
    ``h`` is ``(*sweep, batch, channels, height, width)``.

    Source: Ioffe–Szegedy 2015, sec. 3.2.

    Examples
    --------
    >>> norm = Pixelwise(BatchNorm(3), 8, 8)
    >>> p = draw(norm, np.random.default_rng(0))
    >>> h, vjp = norm(p, np.random.default_rng(1).standard_normal((5, 3, 8, 8)))
    >>> h.std(axis=(0, 2, 3)).round(3)
    array([1., 1., 1.])
    """

    inner: Step
    height: int
    width: int

    def __post_init__(self):
        if not isinstance(self.inner, Step) or self.inner.inputs is not None or len(self.inner.features) != 1:
            raise TypeError(f"inner: expected a step from vector to vector without input, came {self.inner!r:.60}")
        for name in ("height", "width"):
            object.__setattr__(self, name, expect_size(name, getattr(self, name)))
        object.__setattr__(self, "features", (*self.inner.features, self.height, self.width))

    inputs = None

    def __str__(self):
        return f"Pixelwise({self.inner}, {self.height}, {self.width})"

    def shapes(self):
        return self.inner.shapes()

    @checked
    def __call__(self, p, h, x=None):
        batch = h.shape[-4]
        f, inner_vjp = self.inner(p, _pixels(h))
        def vjp(g):                                         # g = ∂L/∂h'
            d = inner_vjp(_pixels(g))
            return Grads(h=self._image(d.h, batch), x=None, p=d.p)
        return self._image(f, batch), vjp

    def _image(self, a, batch):
        return np.moveaxis(a.reshape(*a.shape[:-2], batch, self.height, self.width, a.shape[-1]), -1, -3)


def _pixels(h):
    """``(…, batch, channels, height, width)`` to ``(…, batch height width, channels)``."""
    h = np.moveaxis(h, -3, -1)
    return h.reshape(*h.shape[:-4], math.prod(h.shape[-4:-1]), h.shape[-1])
