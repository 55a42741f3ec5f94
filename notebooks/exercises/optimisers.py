"""The exercises of the chapter on optimisers."""

import numpy as np

from gradtrace import Adam
from gradtrace.notebook.exercises import Choice, Function, Number


def walk(slopes, rule=None):
    """By the package: the directions of a rule that meets these slopes."""
    rule = Adam(lr=1.0) if rule is None else rule
    stays = {"w": np.zeros(1)}
    state = rule.start(stays)
    directions = []
    for g in slopes:
        after, state = rule.step(stays, {"w": np.array([float(g)])}, state)
        directions.append(-after["w"].item())
    return np.array(directions)


def adam_with(first=True, second=True, start=1, inside=False, mean=True):
    """Adam's directions, with a slip."""

    def directions(slopes):
        m = v = 0.0
        found = []
        for k, g in enumerate(slopes, start=start):
            m = 0.9 * m + (0.1 if mean else 1.0) * g
            v = 0.999 * v + 0.001 * g**2
            m_hat = m / (1 - 0.9**k) if first and k else m
            v_hat = v / (1 - 0.999**k) if second and k else v
            root = np.sqrt(v_hat + 1e-8) if inside else np.sqrt(v_hat) + 1e-8
            found.append(m_hat / root)
        return np.array(found)

    return directions


def without_root(slopes):
    """Divided by v̂ instead of its root."""
    m = v = 0.0
    found = []
    for k, g in enumerate(slopes, start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        found.append(m / (1 - 0.9**k) / (v / (1 - 0.999**k) + 1e-8))
    return np.array(found)


def parts_of_first_update(parts, lr):
    """By the package: Adam's first update, shared out as the gradient is."""
    g = parts.sum(axis=0)
    start = {"w": np.zeros_like(g)}
    rule = Adam(lr)
    after, _ = rule.step(start, {"w": g}, rule.start(start))
    return after["w"] * parts / g


def each_by_itself(parts, lr):
    """As if every step had weights of its own."""
    return -lr * parts / (np.abs(parts) + 1e-8)


def unscaled(parts, lr):
    """Plain descent."""
    return -lr * parts


def uphill(parts, lr):
    return -parts_of_first_update(parts, lr)


def the_sum_alone(parts, lr):
    return parts_of_first_update(parts, lr).sum(axis=0)


fading = 0.5 ** np.arange(6)[::-1, None] * np.array([[1.0, -2.0, 0.3]])
noise = np.random.default_rng(0).standard_normal((4, 3))

EXERCISES = {
    1: Number(
        5.0,
        hints=[
            (1, "that is with correction."),
            (50, "mind the root."),
            (0.2, "upside down."),
        ],
    ),
    2: Number(
        0.038,
        hints=[
            (0.02, "momentum is stable for longer."),
            (0.2, "that would be 2/(1 − μ)/λ."),
        ],
    ),
    3: Choice(
        [
            "it cannot learn what happened there",
            "its first update has the same shares",
            "all its updates have the same shares",
        ],
        "its first update has the same shares",
        hints={
            "it cannot learn what happened there": "that is what the chapter "
            "refutes: after 700 updates four of four starts had.",
            "all its updates have the same shares": "after an update the "
            "weights are others, and so are the shares in the gradient.",
        },
        why="Later ones have the shares of later gradients.",
    ),
    4: Function(
        walk,
        cases={
            "steady slopes": (np.ones(3),),
            "slopes that change sign": (np.array([1.0, -1.0, 1.0]),),
            "tiny slopes": (np.array([1e-7, 2e-7, 1e-8, -3e-8]),),
            "a silence before": (np.array([0.0, 0.0, 2.0, 2.0, 2.0]),),
        },
        hints=[
            (adam_with(first=False), "m is not corrected: divide by 1 − β₁ᵏ."),
            (
                adam_with(second=False),
                "v is not corrected: divide by 1 − β₂ᵏ.",
            ),
            (
                adam_with(first=False, second=False),
                "neither mean is corrected for its start at zero.",
            ),
            (adam_with(start=0), "updates count from 1: the first has k = 1."),
            (adam_with(inside=True), "ε stands outside the root."),
            (
                adam_with(mean=False),
                "m is a mean: the new slope counts 1 − β₁, not 1.",
            ),
            (without_root, "divide by the root of v̂."),
        ],
        why="That is the whole of Adam, for one parameter.",
    ),
    5: Function(
        parts_of_first_update,
        cases={
            "six steps that fade": (fading, 0.01),
            "four steps of noise": (noise, 0.1),
            "a tiny gradient": (1e-8 * noise, 0.1),
        },
        hints=[
            (
                each_by_itself,
                "that scales every step by its own size; Adam sees the sum "
                "alone.",
            ),
            (unscaled, "that is plain descent: the factor is missing."),
            (uphill, "an update goes against the gradient: mind the sign."),
            (
                the_sum_alone,
                "that is the whole update; share it out over the steps.",
            ),
        ],
        why="One factor for all steps: their shares stay as they are.",
    ),
}
