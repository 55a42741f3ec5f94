"""Two pictures of single units: the way of two weights in training, and a maxout unit with its pieces."""

import numpy as np


def walk(ax, path, goal, title=None, *, colour, mark):
    """Show the way of two weights in their plane, and the goal; limits are −0.5 to 1.5 and −1.5 to 0.5.

    Parameters
    ----------
    ax : matplotlib Axes
    path : ndarray of shape (steps + 1, 2)
    goal : pair of float
    title : str, optional
    colour, mark
        Colours of the way and of the goal.

    Raises
    ------
    ValueError
        ``path`` has not two columns.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import units
    >>> ax = Figure().subplots()
    >>> units.walk(ax, np.array([[0.0, 0.0], [0.5, -0.5]]), (1, -1), "two weights", colour="blue", mark="red")
    >>> len(ax.lines), ax.get_title()
    (2, 'two weights')
    """
    if np.ndim(path) != 2 or np.shape(path)[1] != 2:
        raise ValueError(f"path: expected shape (steps + 1, 2), came shape {np.shape(path)}")
    ax.plot(*np.transpose(path), ".-", color=colour, linewidth=1, markersize=4)
    ax.plot(*goal, "*", color=mark, markersize=14)
    ax.set(xlabel="first weight", ylabel="second weight", xlim=(-0.5, 1.5), ylim=(-1.5, 0.5), title=title or "",
           box_aspect=1)
    ax.grid(alpha=0.25)


def envelope(ax, W, b, *, colours):
    """Show the straight pieces ``h W_k + b_k`` of a maxout unit with one input, and their maximum.

    Parameters
    ----------
    ax : matplotlib Axes
    W : ndarray of shape (1, pieces)
    b : ndarray of shape (pieces,)
    colours : pair
        Of the pieces and of the maximum.

    Raises
    ------
    ValueError
        ``W`` and ``b`` do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import units
    >>> ax = Figure().subplots()
    >>> units.envelope(ax, np.array([[-1.0, 1.0]]), np.zeros(2), colours=("grey", "blue"))      # max(h, -h)
    >>> ax.lines[-1].get_ydata()[[0, -1]]
    array([3., 3.])
    """
    if np.shape(W) != (1, len(b)):
        raise ValueError(f"W, b: expected shapes (1, pieces) and (pieces,), came {np.shape(W)} and {np.shape(b)}")
    h = np.linspace(-3, 3, 121)
    pieces = h[:, None] @ W + b
    lines = ax.plot(h, pieces, "--", color=colours[0], linewidth=1)
    lines[0].set_label("pieces")
    ax.plot(h, pieces.max(axis=1), color=colours[1], linewidth=2, label="the largest")
    ax.set(xlabel="state h", ylabel="output", xlim=(-3, 3), ylim=(-3, 5))
    ax.grid(alpha=0.25)
    ax.legend(loc="upper center")
