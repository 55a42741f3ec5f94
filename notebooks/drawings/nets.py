"""What notebook 04 draws: every number of a small net, the error of a difference, points of two classes."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#808080"
BOX = np.array([[-0.46, -0.43], [0.46, -0.43], [0.46, 0.43], [-0.46, 0.43]])


def ladder(ax, net, h, y, grads):
    """Every number of one sample's way up, on the left, and down, on the right, the input at the bottom.

    Boxes are blue where the way down reads a value, white where not, orange for gradients, grey for exactly zero.

    Parameters
    ----------
    ax : matplotlib Axes
    net : Path
        Two ``Dense`` layers, the second without an activation.
    h : sequence of ndarray
        The three states, of one sample each.
    y : ndarray of shape (1, n)
        The target.
    grads : Gradients

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace import Dense, backward, deep, forward
    >>> ax, net = Figure().subplots(), deep(Dense(1, 1, "identity"), 2 * [{"W": np.array([[3.0]]), "b": np.zeros(1)}])
    >>> h, vjps = forward(net, np.ones((1, 1)))
    >>> ladder(ax, net, h, np.zeros((1, 1)), backward(vjps, h[2]))
    >>> [text.get_text() for text in ax.texts[:4]]         # x, its gradient, W_1, its gradient
    ['1.00', '81.00', '3.00', '27.00']
    """
    (hidden, p, _), (_, q, _), (dp, dq) = *net, grads.p
    a = h[0] @ p["W"] + p["b"]
    rungs = [("x", h[0], grads.h[0], BLUE), ("$W_1$", p["W"], dp["W"], BLUE), ("$b_1$", p["b"], dp["b"], None),
             ("$a_1$", a, dp["b"][None], BLUE), ("$\\varphi'(a_1)$", hidden.phi.slope(a), [], None),
             ("$h_1$", h[1], grads.h[1], BLUE), ("$W_2$", q["W"], dq["W"], BLUE), ("$b_2$", q["b"], dq["b"], None),
             ("u", h[2], grads.h[2], BLUE), ("y", y, [], BLUE)]
    bottom, ticks, boxes, faces, right = 0.0, [], [], [], max(len(p["b"]), h[0].size) + 0.6
    for name, value, gradient, colour in rungs:
        top = bottom + len(np.atleast_2d(value)) - 1
        for left, array, tint in ((0, value, colour), (right, gradient, ORANGE)):
            for (i, j), number in np.ndenumerate(np.atleast_2d(array)):
                boxes.append(np.add(BOX, (left + j, top - i)))
                faces.append(to_rgba(GREY, 0.45) if number == 0 else to_rgba(tint, 0.25) if tint else (0, 0, 0, 0))
                ax.text(left + j, top - i, f"{number + 0.0:.2f}", ha="center", va="center_baseline")
        ticks.append((0.5 * (bottom + top), f"{name}  {value.shape}"))
        bottom = top + 1.35
    ax.add_collection(PolyCollection(boxes, facecolors=faces, edgecolors=GREY, linewidths=0.6), autolim=False)
    ax.set(xlim=(-0.6, 2 * right - 1), ylim=(-0.7, bottom - 0.65), xlabel="the input is below",
           ylabel="array and its shape")
    ax.set_yticks(*zip(*ticks, strict=True))
    ax.set_xticks([0.5 * right - 0.8, 1.5 * right - 0.8], ["values, up", "gradients, down"])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def vee(ax, widths, error, at, order, rounding):
    """The error of a difference against its width, and the two lines it is made of, all in powers of ten.

    Parameters
    ----------
    ax : matplotlib Axes
    widths, error : ndarray of shape (n,)
    at : float
        The width to mark, one of ``widths``.
    order, rounding : int, and float or ndarray of shape (n,)
        The error is of the order ``s^order`` where ``s`` is wide, and ``rounding`` where it is narrow.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax, s = Figure().subplots(), np.array([0.01, 0.1])
    >>> vee(ax, s, s**2, 0.1, order=2, rounding=1e-16 / s)
    >>> ax.get_title()
    'error 1e-02 at s = 1e-01'
    """
    decades, marked = np.log10(widths), error[widths == at].item()
    ax.plot(decades, order * decades, "--", color=GREY, label="bending")
    ax.plot(decades, np.log10(rounding + 0 * widths), ":", color=GREY, label="rounding")
    ax.plot(decades, np.log10(error), color=BLUE, label="measured")
    ax.plot([np.log10(at)], [np.log10(marked)], "o", color=ORANGE)
    ax.set(xlabel="powers of ten of the width s", ylabel="powers of ten of the error", xlim=(-15.3, 0.3),
           ylim=(-17, 4), yticks=[-15, -10, -5, 0], title=f"error {marked:.0e} at s = {at:.0e}")
    ax.legend(loc="upper center", ncols=3, columnspacing=1)


def points(axes, features, names, y):
    """Points of two classes in the planes of two pairs of features; points of class 1 are orange squares.

    Parameters
    ----------
    axes : sequence of matplotlib Axes
    features, names : sequence of ndarray of shape (n, 2), and of str
    y : ndarray of shape (n,), 0 or 1

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = [Figure().subplots()]
    >>> points(axes, [np.eye(2)], ["x"], np.array([0, 1]))
    >>> axes[0].get_xlabel()
    'first entry of x'
    """
    for ax, f, name in zip(axes, features, names, strict=True):
        for label, marker, colour in ((0, "o", BLUE), (1, "s", ORANGE)):
            ax.plot(*f[y == label].T, marker, color=colour, markersize=9, label=f"y = {label}")
        ax.set(xlabel=f"first entry of {name}", ylabel="second", xlim=(-0.5, 2.5), ylim=(-0.5, 1.5))
        ax.grid(alpha=0.25)
    axes[0].legend(loc="upper right")
