"""The exercises of the chapter on regularisation."""

import numpy as np

from gradtrace import Adam, GradientDescent, l2, soft_threshold
from gradtrace.notebook.exercises import Function, Number
from gradtrace.steps.dropout import Mask


def after_one_step(strength):
    """Where Adam's first step on the penalty alone takes w = 1."""
    w = {"W": np.ones(1)}
    adam = Adam(0.01)
    _, grads = l2(w, strength)
    after, _ = adam.step(w, grads, adam.start(w))
    return after["W"].item()


def inverted_dropout(h, g, p_drop, chance):
    """By the package: a mask, its state and its pullback."""
    mask = Mask((chance >= p_drop) / (1 - p_drop))
    state, pullback = mask.step({}, h)
    return state, pullback(g).h


def with_mask(mask, back=None):
    """Dropout with a wrong mask, or with another one on the way back."""

    def dropout(h, g, p_drop, chance):
        way_back = mask if back is None else back
        return h * mask(p_drop, chance), g * way_back(p_drop, chance)

    return dropout


def right(p_drop, chance):
    return (chance >= p_drop) / (1 - p_drop)


def unscaled(p_drop, chance):
    return (chance >= p_drop) * 1.0


def times(p_drop, chance):
    return (chance >= p_drop) * (1 - p_drop)


def others(p_drop, chance):
    return (chance < p_drop) / (1 - p_drop)


def everything(p_drop, chance):
    return np.ones_like(chance)


def proximal_step(w, g, lr, alpha):
    """By the package: a step of descent, then the soft threshold."""
    rule = GradientDescent(lr)
    after, _ = rule.step({"w": w}, {"w": g}, rule.start({"w": w}))
    return soft_threshold(after, lr * alpha)["w"]


def subgradient(w, g, lr, alpha):
    return w - lr * g - lr * alpha * np.sign(w)


def hops_over(w, g, lr, alpha):
    w = w - lr * g
    return w - lr * alpha * np.sign(w)


def hard(w, g, lr, alpha):
    w = w - lr * g
    return np.where(np.abs(w) > lr * alpha, w, 0)


def without_rate(w, g, lr, alpha):
    w = w - lr * g
    return np.sign(w) * np.maximum(np.abs(w) - alpha, 0)


def loses_signs(w, g, lr, alpha):
    return np.maximum(np.abs(w - lr * g) - lr * alpha, 0)


def divides(w, g, lr, alpha):
    return (w - lr * g) / (1 + 2 * lr * alpha)


rng = np.random.default_rng(0)
small = (
    np.array([[1.0, 2.0]]),
    np.array([[1.0, 1.0]]),
    0.2,
    np.array([[0.1, 0.9]]),
)
batch = (
    rng.standard_normal((4, 5)),
    rng.standard_normal((4, 5)),
    0.7,
    rng.random((4, 5)),
)
edge = (np.ones((1, 2)), np.ones((1, 2)), 0.0, np.array([[0.0, 0.5]]))
w = np.array([1.0, -0.03, 0.4, -0.9, 0.02])
g = np.array([0.5, 0.1, -0.2, 0.3, 0.1])

EXERCISES = {
    1: Number(
        0.25,
        hints=[
            (4, "the other way round."),
            (0.2, "compare with the right factor, 0.8."),
        ],
    ),
    2: Number(
        np.array([1.25, 0, 0.65]),
        hints=[(np.array([1, 0, 0.4]), "that is the answer with the ½.")],
    ),
    3: Number(
        after_one_step(0.001),
        rtol=1e-6,
        hints=[(1 - 2e-5, "that is gradient descent, or weight decay.")],
        why="For any strength far above ε: Adam divides it out.",
    ),
    4: Function(
        inverted_dropout,
        cases={
            "one sample": small,
            "a batch of four": batch,
            "nothing left out": edge,
        },
        returns=("h'", "∂L/∂h"),
        hints=[
            (
                with_mask(unscaled),
                "what is kept has to be scaled up by 1/(1 − p_drop).",
            ),
            (
                with_mask(times),
                "inverted dropout divides by 1 − p_drop in training.",
            ),
            (
                with_mask(others),
                "that leaves out the others: an entry goes where its number "
                "is below p_drop.",
            ),
            (
                with_mask(right, everything),
                "what is left out forward gets no gradient, and the factor "
                "stands on the way back, too.",
            ),
            (
                with_mask(right, unscaled),
                "on the way back the factor 1/(1 − p_drop) is missing.",
            ),
        ],
    ),
    5: Function(
        proximal_step,
        cases={
            "five weights": (w, g, 0.1, 0.5),
            "a strong penalty": (w, g, 0.5, 2.0),
            "no penalty": (w, g, 0.1, 0.0),
        },
        hints=[
            (subgradient, "that is the subgradient step: it hops over zero."),
            (hops_over, "a weight that would change its sign stops at zero."),
            (hard, "that keeps what is large whole; take ηα off it, too."),
            (without_rate, "what is taken off is ηα, not α."),
            (loses_signs, "negative weights have lost their signs."),
            (divides, "that is L2, which divides."),
        ],
        why="The steps of a lasso.",
    ),
}
