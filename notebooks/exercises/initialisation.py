"""The exercises of the chapter on initialisation."""

import numpy as np

from gradtrace import init, log_norm
from gradtrace.notebook.exercises import Function, Number


def level_sd(n_in, left):
    return np.sqrt(2 / (n_in * (1 + left**2)))


def its_square(n_in, left):
    return 2 / (n_in * (1 + left**2))


def all_squares(n_in, left):
    return np.sqrt(1 / n_in)


def as_for_relu(n_in, left):
    return np.sqrt(2 / n_in)


def left_itself(n_in, left):
    return np.sqrt(2 / (n_in * (1 + left)))


def without_half(n_in, left):
    return np.sqrt(1 / (n_in * (1 + left**2)))


def the_share(n_in, left):
    return np.sqrt((1 + left**2) / (2 * n_in))


def fifty_layers(yours):
    """Whether fifty layers with a slope on the left of 0.5 stay level."""
    rng = np.random.default_rng(0)
    h = rng.standard_normal((32, 200))
    before = log_norm(h, 2)
    for _ in range(50):
        a = h @ init.gaussian(rng, (200, 200), float(yours(200, 0.5)))
        h = np.where(a > 0, a, 0.5 * a)
    decades = (log_norm(h, 2) - before) / np.log(10)
    if abs(decades) > 1:
        return f"after fifty layers the state is 10^{decades:.1f} as long."
    return None


def share_of_signal(h):
    signal = h - h.mean(axis=0)
    return np.exp(log_norm(signal, 2) - log_norm(h, 2))


def over_units(h):
    signal = h - h.mean(axis=1, keepdims=True)
    return np.linalg.norm(signal) / np.linalg.norm(h)


def over_all(h):
    return np.linalg.norm(h - h.mean()) / np.linalg.norm(h)


def squared(h):
    return share_of_signal(h) ** 2


def what_is_common(h):
    common = np.broadcast_to(h.mean(axis=0), h.shape)
    return np.linalg.norm(common) / np.linalg.norm(h)


def not_divided(h):
    return np.linalg.norm(h - h.mean(axis=0))


rng = np.random.default_rng(6)

EXERCISES = {
    1: Number(
        -14.5,
        hints=[
            (-15, "all thirty factors? W_10 itself is not among them."),
            (-10, "the state shrinks, too."),
            (-4.5, "that is the way up only."),
            (-29, "√½ is half a power."),
        ],
    ),
    2: Number(
        4,
        hints=[
            (2, "that undoes a/2; the ½ in front halves each state as well."),
            (1, "that is Xavier as it stands."),
        ],
        why="The slope of a quarter is paid for.",
    ),
    3: Function(
        level_sd,
        cases={
            "ReLU": (64, 0.0),
            "no bend": (64, 1.0),
            "a leak": (100, 0.3),
            "a negative slope": (100, -0.5),
        },
        hints=[
            (its_square, "that is the variance: take the root."),
            (all_squares, "that is LeCun's: here not all squares pass."),
            (as_for_relu, "the left side passes something on, too."),
            (left_itself, "the left side multiplies a square by left²."),
            (without_half, "only half of the numbers are on each side."),
            (the_share, "the less passes, the larger the weights have to be."),
        ],
        also=[fifty_layers],
        why="With left = 0 it is He's.",
    ),
    4: Function(
        share_of_signal,
        cases={
            "the known value": (np.array([[1.0, 0.0], [3.0, 0.0]]),),
            "a batch of three": (2 + rng.standard_normal((3, 5)),),
            "the same answer to every input": (np.ones((4, 3)),),
        },
        hints=[
            (over_units, "that is the mean of a sample, over its units."),
            (over_all, "each unit has a mean of its own."),
            (squared, "lengths, not squares: take the root."),
            (what_is_common, "that is the share that all samples have."),
            (not_divided, "divide by the length of h itself."),
        ],
    ),
}
