"""The exercises of the chapter on cliffs and clipping."""

import numpy as np

from gradtrace import clip_norm
from gradtrace.notebook.exercises import Choice, Function, Number

FEW = np.array([[3.0, 4.0], [0.3, 0.0]])
MANY = np.random.default_rng(0).standard_normal((5, 3))
WITH_ZERO = np.array([[-6.0, 8.0, 0.0], [0.0, 0.0, 0.0]])


def clipped_mean(g, c):
    """By the package: each row has a norm of its own."""
    clipped, _ = clip_norm({"g": g}, c, sweep=1)
    return clipped["g"].mean(axis=0)


def mean_then_clip(g, c):
    mean = g.mean(axis=0)
    return mean * min(1.0, c / np.linalg.norm(mean))


def by_value(g, c):
    return np.clip(g, -c, c).mean(axis=0)


def always(g, c):
    length = np.linalg.norm(g, axis=1, keepdims=True)
    return (c * g / np.maximum(length, 1e-300)).mean(axis=0)


def summed(g, c):
    return len(g) * clipped_mean(g, c)


def other_axis(g, c):
    length = np.linalg.norm(g, axis=0, keepdims=True)
    return (g * np.minimum(1, c / np.maximum(length, 1e-300))).mean(axis=0)


def one_norm_for_all(g, c):
    return (g * min(1.0, c / np.linalg.norm(g))).mean(axis=0)


def nothing_over_zero(g, c):
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.linalg.norm(g, axis=1, keepdims=True)
        shorter = np.where(length > c, c * g / length, g * (length / length))
    return shorter.mean(axis=0)


def copes_with_large_entries(yours):
    """None, or what is wrong with gradients whose squares overflow."""
    huge = np.array([[3e200, -4e200], [0.0, 0.5]])
    with np.errstate(all="ignore"):
        got = np.asarray(yours(huge, 1.0), dtype=float)
    if np.allclose(got, clipped_mean(huge, 1.0)):
        return None
    return (
        "right, but not for entries of 1e200, whose squares overflow: divide "
        "each gradient by its largest entry before you take the norm."
    )


EXERCISES = {
    1: Number(
        -0.8,
        hints=[
            (1, "that is the mean, clipped; clip first."),
            (-8, "that is the sum; divide by 10."),
            (-0.9, "the tenth still counts, as +1."),
            (0.8, "mind the sign: nine say −1."),
        ],
        why="The true mean is +1: descent goes the wrong way, by vote.",
    ),
    2: Number(
        np.degrees(np.arccos(0.1)),
        rtol=0.01,
        unit="degrees",
        hints=[
            (np.arccos(0.1), "those are radians."),
            (np.degrees(np.arccos(0.01)), "the length is the root of 100 c²."),
            (0.1, "that is the cosine."),
            (45, "that is for two entries; here there are 100."),
        ],
    ),
    3: Choice(
        ["flat", "thin", "low"],
        "thin",
        hints={
            "flat": "its slope at b₀ is the largest of all.",
            "low": "the loss jumps there as at the other walls.",
        },
        why="It is some 10⁻¹⁰ wide.",
    ),
    4: Function(
        clipped_mean,
        cases={
            "two samples": (FEW, 1.0),
            "five samples": (MANY, 0.8),
            "a gradient of zero": (WITH_ZERO, 2.0),
        },
        hints=[
            (mean_then_clip, "that is the mean, clipped; clip first."),
            (by_value, "that clips each entry; take the norm of each row."),
            (always, "a gradient shorter than c stays as it is."),
            (summed, "that is the sum: divide by the number of samples."),
            (other_axis, "the norm goes along the entries, axis 1."),
            (one_norm_for_all, "each sample has a norm of its own."),
            (nothing_over_zero, "a gradient of zero was divided by zero."),
        ],
        also=[copes_with_large_entries],
        why="No sample can outvote the others any more.",
    ),
}
