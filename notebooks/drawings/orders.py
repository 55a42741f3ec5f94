"""Sentences read straight or in reverse: the way of each word, and how several seeds do."""

import numpy as np

ORDERS = {"straight": ("#0072B2", "-", "o"), "reversed": ("#E69F00", "--", "s")}


def arcs(ax, lags, order):
    """Draw the way of each word, from the step that reads it to the step that says its translation, as a half circle.

    Parameters
    ----------
    ax : matplotlib Axes
    lags : ndarray of int, shape (length,)
        Steps from reading to saying, for the target words in order: the first is said at step ``length + 1``.
    order : {"straight", "reversed"}
        What the encoder reads first, the first source word or the last.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import orders
    >>> ax = Figure().subplots()
    >>> orders.arcs(ax, np.array([1, 3]), "reversed")
    >>> [text.get_text() for text in ax.texts]
    ['$x_2$', '$x_1$', '$y_1$', '$y_2$']
    """
    length, turn = len(lags), np.linspace(0, np.pi, 61)
    colour, style, _ = _look(order)
    for say, lag in enumerate(lags, start=length + 1):
        ax.plot(say - lag / 2 * (1 - np.cos(turn)), lag / 2 * np.sin(turn), style, color=colour)
    read = range(1, length + 1) if order == "straight" else range(length, 0, -1)
    for step, word in enumerate([f"$x_{k}$" for k in read] + [f"$y_{k}$" for k in range(1, length + 1)], start=1):
        ax.text(step, -0.3, word, ha="center", va="top")
    ax.set(title=order, xlabel="step", xlim=(0.3, 2 * length + 0.7), ylim=(-1.5, length), yticks=[],
           xticks=range(1, 2 * length + 1, max(1, length // 3)))
    ax.spines[["left", "top", "right"]].set_visible(False)


def band(ax, x, values, order, *, label=None):
    """Draw the median of several seeds as a line, and their quartiles as a band around it.

    Parameters
    ----------
    ax : matplotlib Axes
    x : ndarray of shape (points,)
    values : ndarray of shape (points, seeds)
    order : {"straight", "reversed"}
        Sets colour, line style and marker.
    label : str, optional
        ``order`` by default.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import orders
    >>> ax = Figure().subplots()
    >>> orders.band(ax, np.arange(2), np.array([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]]), "straight")
    >>> ax.lines[0].get_ydata()
    array([2., 3.])
    """
    colour, style, marker = _look(order)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=-1)
    ax.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    ax.plot(x, middle, style, marker=marker, markersize=4, color=colour, label=label or order)


def _look(order):
    if order not in ORDERS:
        raise ValueError(f"order: expected one of {[*ORDERS]}, came {order!r:.40}")
    return ORDERS[order]
