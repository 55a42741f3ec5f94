"""How well one colour is seen on another."""

import numpy as np
from matplotlib.colors import to_rgb


def luminance(colour):
    """The relative luminance of a colour, as WCAG 2 defines it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(colour, paper):
    """The contrast ratio of WCAG 2, from 1 to 21."""
    low, high = sorted([luminance(colour), luminance(paper)])
    return (high + 0.05) / (low + 0.05)
