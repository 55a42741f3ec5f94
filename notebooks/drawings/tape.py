"""Pictures of the tape: a value that is used twice."""

import numpy as np

from gradtrace import tanh
from gradtrace.notebook import figures

from .backpropagation import arrow, bare, label, written


def used_twice(ax, step, h):
    """y = h + tanh h as a graph: two shares of the slope come back to h.

    Step 0 is the leaf alone, 1 and 2 are the way up; at step 3 y sends its
    shares, at step 4 t does.
    """
    t = np.tanh(h)
    slope = tanh.slope(np.array(h)).item()
    blue = figures.BLUE
    orange = figures.ORANGE

    label(ax, 0, 0, f"$h$\n{written(h)}", blue, boxed=True)
    text = f"$t = \\tanh h$\n{written(t) if step >= 1 else ''}"
    label(ax, 1.2, 1, text, blue, boxed=True)
    text = f"$y = h + t$\n{written(h + t) if step >= 2 else ''}"
    label(ax, 0, 2, text, blue, boxed=True)
    arrow(ax, (0.22, 0.25), (0.85, 0.75), blue, step >= 1)
    arrow(ax, (-0.12, 0.3), (-0.12, 1.7), blue, step >= 2)
    arrow(ax, (0.95, 1.28), (0.35, 1.72), blue, step >= 2)

    arrow(ax, (-0.32, 1.7), (-0.32, 0.3), orange, step >= 3)
    arrow(ax, (0.58, 1.8), (1.22, 1.32), orange, step >= 3)
    arrow(ax, (1.1, 0.68), (0.42, 0.14), orange, step >= 4)
    label(ax, -0.62, 1, written(1), orange, step >= 3)
    label(ax, 1.12, 1.68, written(1), orange, step >= 3)
    text = f"$\\times\\,\\tanh'(h)$ = {written(slope)}"
    label(ax, 1.5, 0.36, text, orange, step >= 4)

    come = max(0, step - 2)  # shares that have reached h
    total = (come >= 1) + (come == 2) * slope
    label(ax, 0, 2.45, "slope 1.00, it is the end", orange, step >= 3)
    done = "complete" if come == 2 else "waits"
    text = f"{come:.0f} of 2 shares, sum {written(total)}: {done}"
    label(ax, 0, -0.42, text, orange, step >= 3)
    said = "down: shares" if step > 2 else "up: values"
    ax.set_title(f"step {step:.0f}, the way {said}")
    bare(ax, (-1.3, 2.4), (-0.65, 2.7))
    ax.set_xlabel("blue: values    orange: slopes of $y$")
    ax.set_ylabel("$h$ below, the end on top")
