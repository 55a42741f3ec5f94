"""Check a pullback against finite differences, for the tests and for readers."""

import numpy as np

from .expect import expect_positive, expect_rng
from .steps.contract import expect_step


def slope(f, at, direction, width=1e-3):
    """``d f(at + s·direction) / ds`` at ``s = 0``, with an error of order ``width⁴``."""
    points = np.array([f(at + s * width * direction) for s in (-2, -1, 1, 2)])
    return (points[0] - 8 * points[1] + 8 * points[2] - points[3]) / (12 * width)


@np.errstate(under="ignore")
def gradient_errors(step, p, h, x=None, *, rng, width=1e-3):
    """Relative error of a step's pullback for its state, its input and every parameter.

    A random projection ``L = Σ v ⊙ h'`` makes a scalar of the next state; along random directions
    its slope is measured by finite differences and compared with the pullback of ``v``. A random
    direction sees every entry, so one projection checks a whole Jacobian.

    Parameters
    ----------
    step : Step
    p, h, x
        What the step is called with; sweep axes are welcome.
    rng : numpy.random.Generator
        Draws ``v`` and the directions.
    width : float
        Half of the distance between the inner points of the difference.

    Returns
    -------
    dict of str to float
        ``"h"``, ``"x"`` if there is one, and one entry per parameter.

    Raises
    ------
    TypeError, ValueError
        ``step`` is no step, ``width`` not above 0, or the step refuses its arguments.

    Examples
    --------
    >>> errors = gradient_errors(Dense(3, 2), {"W": np.ones((3, 2)), "b": np.zeros(2)}, np.eye(3),
    ...                          rng=np.random.default_rng(0))
    >>> sorted(errors), max(errors.values()) < 1e-9
    (['W', 'b', 'h'], True)
    """
    expect_step("step", step)
    expect_rng("rng", rng)
    expect_positive("width", width)
    out, vjp = step(p, h, x)
    of_params = [p[name].ndim - len(shape) for name, shape in step.shapes().items()]
    sweep = max([h.ndim - 1 - len(step.features), *of_params])
    per = _size(out, out.ndim - sweep)  # one per sweep member
    v = rng.standard_normal(out.shape) / per
    dh, dx, dp = vjp(v)

    def loss(**at):
        return np.sum(v * step({**p, **at.get("p", {})}, at.get("h", h), at.get("x", x))[0])

    def error(pulled, f, at, axes):
        # a bias of zeros moves as little as the smallest state
        size = _size(at, axes) if at.any() else per.min()
        direction = size * rng.standard_normal(at.shape)
        measured, claimed = slope(f, at, direction, width), np.sum(pulled * direction)
        return float(abs(measured - claimed) / max(abs(measured), np.sqrt(v.size)))

    errors = {"h": error(dh, lambda at: loss(h=at), h, 1 + len(step.features))}
    if x is not None:
        errors["x"] = error(dx, lambda at: loss(x=at), x, 1 + len(step.inputs))
    return errors | {
        name: error(dp[name], lambda at, name=name: loss(p={name: at}), p[name], len(shape))
        for name, shape in step.shapes().items()
    }


def _size(a, axes):
    """Root mean square over the last ``axes`` axes, which are kept; one where all is zero."""
    size = np.sqrt(np.mean(a * a, axis=tuple(range(-axes, 0)), keepdims=True))
    return np.where(size > 0, size, 1)


def check_gradients(step, p, h, x=None, *, rng, rtol=1e-7):
    """Print the relative error of every gradient of ``step`` and raise if one is above ``rtol``.

    Parameters
    ----------
    step, p, h, x, rng
        As for :func:`gradient_errors`.
    rtol : float
        Largest relative error that passes.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient_errors`, or ``rtol`` is not above 0.
    AssertionError
        A gradient disagrees with finite differences; all that do are named.

    Examples
    --------
    >>> check_gradients(Softmax(3), {}, np.eye(3), rng=np.random.default_rng(0), rtol=1e-6) is None
    Softmax(3): h agree with finite differences within 1e-06
    True
    """
    expect_positive("rtol", rtol)
    errors = gradient_errors(step, p, h, x, rng=rng)
    wrong = {name: error for name, error in errors.items() if not error < rtol}
    if wrong:
        named = ", ".join(f"{name} (relative error {error:.1e})" for name, error in wrong.items())
        raise AssertionError(f"{step}: the pullback disagrees with finite differences for {named}")
    print(f"{step}: {', '.join(errors)} agree with finite differences within {rtol:g}")
