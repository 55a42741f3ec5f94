"""Points as whole numbers of 16 bits."""

import numpy as np


class Units:
    """Fractions of a point in 16 bits, with a margin around the figure for what lies outside."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        longest = max(width, height)
        fitting = [s for s in (64, 32, 16) if longest + 128 < 65535 / s]
        if not fitting:
            raise ValueError(
                f"size: expected a figure under 50 inches, got {width / 72:g} by {height / 72:g}"
            )
        self.scale = fitting[0]
        self.margin = int((65535 / self.scale - longest) / 2)
        beyond = self.margin - 1
        self.box = (-beyond, -beyond, width + beyond, height + beyond)

    def inside(self, xy):
        """Which of the points (n, 2), in points with y up, fit into 16 bits."""
        x0, y0, x1, y1 = self.box
        return (xy[:, 0] > x0) & (xy[:, 1] > y0) & (xy[:, 0] < x1) & (xy[:, 1] < y1)

    def quantise(self, xy):
        """Points (n, 2) with y up to `uint16` (2n,) with y down."""
        flat = np.empty(2 * len(xy))
        flat[0::2] = (xy[:, 0] + self.margin) * self.scale
        flat[1::2] = (self.height - xy[:, 1] + self.margin) * self.scale
        return np.rint(flat).astype("<u2")

    def matrix(self, affine):
        """The SVG matrix, y down, of an affine map to points with y up."""
        (a, c, e), (b, d, f) = affine.get_matrix()[:2] * self.scale
        left = self.margin * self.scale
        top = (self.height + self.margin) * self.scale
        return tuple(float(f"{v:.7g}") for v in (a, -b, c, -d, left + e, top - f))
