"""What a memory passes on: the stations between two states, a cell under its gates, and ways back that open or close.

Logarithms come in natural and are drawn as powers of ten; what is exactly zero, ``-inf``, is not drawn.
"""

import numpy as np

BLUE, ORANGE, SKY, RED, GREY = "#0072B2", "#E69F00", "#56B4E9", "#D55E00", "#808080"


def carry(ax, name, first, last, stations, out=None):
    """Draw the way of a state through one step: a thick line, and on it what happens to the state.

    Parameters
    ----------
    ax : matplotlib Axes
    name : str
        Of the cell; stands above the line.
    first, last : str
        The state before and after.
    stations : sequence of (str, str)
        What is done to the state, such as ``"×"``, and with what, which comes from below; nothing if empty.
    out : str, optional
        What is read off the line at its end, without changing it.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> carry(ax, "LSTM", "c", "c'", [("×", "f"), ("+", "i ∘ g")], out="h' = o ∘ tanh(c')")
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['LSTM', 'c', "c'", '×', 'f', '+', 'i ∘ g', "h' = o ∘ tanh(c')"]
    """
    ax.set(xlim=(0, 12), ylim=(0, 3), xticks=[], yticks=[], frame_on=False)
    ax.plot([1.0, 11.0], [2, 2], color=BLUE, linewidth=5, solid_capstyle="butt", zorder=1)
    ax.plot([11.0], [2], ">", color=BLUE, markersize=11)
    ax.text(0.3, 2.8, name, va="center", weight="bold")
    ax.text(0.55, 2, first, ha="center", va="center")
    ax.text(11.6, 2, last, ha="center", va="center")
    for place, (symbol, source) in zip((2.2, 4.8, 7.4), stations, strict=False):
        ax.text(place, 2, symbol, ha="center", va="center", zorder=3,
                bbox={"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": BLUE})
        if source:
            _arrow(ax, (place, 0.7), (place, 1.45))
            ax.text(place, 0.4, source, ha="center", va="center")
    if out:
        _arrow(ax, (9.2, 1.9), (9.2, 0.75))
        ax.text(9.2, 0.4, out, ha="center", va="center")


def cell(axes, c, new, log_back, name):
    """Draw a memory cell and its candidates over time, and beside them the gradient of its last value by delay.

    Parameters
    ----------
    axes : two matplotlib Axes
    c : ndarray of shape (T + 1,)
    new : ndarray of shape (T,)
        The candidates, one for each step.
    log_back : ndarray of shape (T + 1,)
        ``ln |∂c_T/∂c_{T-k}|`` for ``k = 0 … T``.
    name : str
        Of what the cell does; the title.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(1, 2)
    >>> cell(axes, np.ones(3), np.zeros(2), np.zeros(3), "remember")
    >>> axes[0].get_title(), axes[1].lines[0].get_ydata()
    ('remember', array([0., 0., 0.]))
    """
    steps = np.arange(len(c))
    axes[0].plot(steps[1:], new, "x", color=RED, label="candidate g")
    axes[0].plot(steps, c, ".-", color=BLUE, label="cell c")
    axes[0].legend(loc="upper left", ncols=2)
    axes[1].plot(steps, _powers(log_back), ".-", color=ORANGE)
    _frame(axes[0], "step t", "value", (-0.5, steps[-1] + 0.5), (-1.2, 3.9), name)
    _frame(axes[1], "steps back, k", "powers of ten", (-0.5, steps[-1] + 0.5), (-8, 1),
           "$|\\partial c_T/\\partial c_{T-k}|$")


def fan(ax, log_s, log_norm, title, delay=None):
    """Draw all singular values of a product by its number of factors, as one artist, and a gradient norm over them.

    Parameters
    ----------
    ax : matplotlib Axes
    log_s : ndarray of shape (T, N)
        As :func:`~gradtrace.log_singular_values` gives them, for 1 to ``T`` factors. Before the first, all are 1.
    log_norm : ndarray of shape (T + 1,)
    title : str
    delay : float, optional
        Where to put a dotted line.

    Raises
    ------
    ValueError
        ``log_s`` has not two axes.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> fan(ax, np.log([[10.0, 0.1], [100.0, 0.01]]), np.zeros(3), "grows and shrinks")
    >>> ax.lines[0].get_ydata().round(9)
    array([ 0.,  1.,  2., nan,  0., -1., -2., nan])
    """
    if np.ndim(log_s) != 2:
        raise ValueError(f"log_s: expected shape (T, N), came shape {np.shape(log_s)}")
    steps, many = log_s.shape
    curves = np.full((many, steps + 2), np.nan)             # a gap after each
    curves[:, 0] = 0
    curves[:, 1:-1] = _powers(log_s).T
    delays = np.tile(np.append(np.arange(steps + 1.0), np.nan), many)
    ax.plot(delays, curves.ravel(), color=GREY, linewidth=0.8, label="singular values")
    ax.plot(_powers(log_norm), color=BLUE, linewidth=2, label="gradient norm")
    if delay is not None:
        ax.axvline(delay, color=ORANGE, linestyle=":", linewidth=2)
    _frame(ax, "steps back, k", "powers of ten", (0, steps), (-25, 12), title)


def ranked(ax, spectra, chosen, title):
    """Draw the singular values of several products in order, over the share of directions; one of them stands out.

    Parameters
    ----------
    ax : matplotlib Axes
    spectra : dict of str to ndarray of shape (N,)
        Natural logarithms, in descending order; ``N`` may differ.
    chosen : str
        The one in blue, with dots; the others are thin and grey.
    title : str

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> ranked(ax, {"a": np.zeros(2), "b": np.array([0.0, -np.inf, -np.inf])}, "b", "two zeros")
    >>> ax.lines[-1].get_xydata()
    array([[  0.,   0.],
           [ 50.,  nan],
           [100.,  nan]])
    """
    gap = [[np.nan, np.nan]]                                # one artist for all
    every = [part for log_s in spectra.values() for part in (_ranks(log_s), gap)]
    ax.plot(*np.concatenate(every).T, color=GREY, linewidth=0.8)
    ax.plot(*_ranks(spectra[chosen]).T, ".-", color=BLUE)
    _frame(ax, "share of directions, %", "singular values, powers of ten", (0, 100), (-25, 12), title)


def band(ax, log, log_keep, title):
    """Draw many curves by delay as their median in a band from the lowest to the highest, over a dotted expectation.

    Parameters
    ----------
    ax : matplotlib Axes
    log : ndarray of shape (T + 1, many)
        Finite natural logarithms.
    log_keep : ndarray of shape (T + 1,)
        What is expected if the gates stay at their bias.
    title : str

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> band(ax, np.log([[1.0, 1, 1], [0.001, 0.1, 1]]), np.zeros(2), "kept")
    >>> [line.get_ydata().round(9).tolist() for line in ax.lines]
    [[0.0, -1.0], [0.0, 0.0]]
    """
    log = _powers(log)
    ax.fill_between(np.arange(len(log)), log.min(axis=1), log.max(axis=1), color=SKY, alpha=0.4, label="all starts")
    ax.plot(np.median(log, axis=1), color=BLUE, linewidth=2, label="their median")
    ax.plot(_powers(log_keep), ":", color=ORANGE, linewidth=2, label="$\\sigma(b)^k$")
    ax.legend(loc="upper right")
    _frame(ax, "steps back, k", "powers of ten", (0, len(log) - 1), (-25, 12), title)


def _powers(log):
    return np.where(np.isfinite(log), log, np.nan) / np.log(10)


def _ranks(log_s):
    return np.column_stack([np.linspace(0, 100, len(log_s)), _powers(log_s)])


def _frame(ax, x, y, xlim, ylim, title):
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim, title=title)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)


def _arrow(ax, start, end):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY})
