"""What becomes of a start: curves over the layers, histograms of one layer, and the plane of order and chaos."""

import numpy as np

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#808080"


def _curve(ax, log, colour, style="-", label=None, start=0):
    decades = np.where(np.isfinite(log), log, np.nan) / np.log(10)          # exactly zero leaves a gap
    ax.plot(start + np.arange(len(decades)), decades, style, color=colour, label=label)


def _frame(ax, x, y, xlim, ylim, title):
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim, title=title)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)


def fate(ax, size, signal, gradient):
    """Show by layer how large the state, the signal in it and the gradient are, in powers of ten.

    The title says what is left of the signal at the last layer and of the gradient at the input; of a signal below
    1e-15, which is rounding, nothing.

    Parameters
    ----------
    ax : matplotlib Axes
    size, signal, gradient : ndarray of shape (T + 1,)
        Natural logarithms; the first two are shown relative to the input.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> fate(ax, np.zeros(3), np.log([1, 0.1, 0.01]), np.full(3, -np.inf))
    >>> ax.get_title()
    'at the end: signal $10^{-2.0}$, gradient none'
    """
    _curve(ax, size - size[0], GREY, "--", "size")
    _curve(ax, signal := signal - signal[0], BLUE, label="signal")
    _curve(ax, gradient, ORANGE, label="gradient")
    up, down = (f"$10^{{{round(decades, 1) + 0.0:+.1f}}}$" if decades > floor else "none" for decades, floor
                in ((signal[-1] / np.log(10), -15), (gradient[0] / np.log(10), -300)))
    _frame(ax, "layer t", "powers of ten", (0, len(size) - 1), (-30, 25), f"at the end: signal {up}, gradient {down}")
    ax.legend(loc="lower right", ncols=3)


def bounds(axes, length, gradient, grows):
    """Show how long the state and the gradient are at every layer, and the lines that neither may cross.

    Parameters
    ----------
    axes : two matplotlib Axes
    length : ndarray of shape (T + 1,)
        Of the state; it may grow by ``grows`` a layer.
    gradient : ndarray of shape (T + 1,)
        Natural logarithm of the norm; on the way back, to the left, it may not grow.
    grows : float

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(1, 2)
    >>> bounds(axes, np.array([1.0, 1.1, 1.3]), np.array([-2.0, -1.0, 0.0]), 0.5)
    >>> axes[0].lines[1].get_ydata()
    array([1. , 1.5, 2. ])
    """
    T, decades = len(length) - 1, gradient / np.log(10)
    ends = ((length, length[0] + grows * np.arange(T + 1), (0, 1.2 * (length[0] + grows * T)), "length of $h_t$"),
            (decades, np.full(T + 1, decades[-1]), (min(-20, 1.2 * decades.min()), 3), "gradient, powers of ten"))
    for ax, (measured, bound, ylim, name) in zip(axes, ends, strict=True):
        ax.plot(measured, color=BLUE, label="measured")
        ax.plot(bound, "--", color=ORANGE, label="bound")
        _frame(ax, "layer t", name, (0, T), ylim, "")
        ax.legend(loc="lower right")


def spread(axes, h, layer):
    """Show two histograms of one layer: its activations, and how far each is from its unit's mean over the batch.

    Parameters
    ----------
    axes : two matplotlib Axes
    h : ndarray of shape (batch, n)
        What lies outside of the axes is counted in the outermost bars.
    layer : int

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(2)
    >>> spread(axes, np.array([[1.0, 1.0], [-1.0, 1.0]]), 1)
    >>> axes[1].get_title()
    'what differs between inputs: 50 % by more than 0.01'
    """
    apart = np.abs(h - h.mean(axis=0))
    with np.errstate(divide="ignore"):
        both = ((h, (-3, 3), BLUE), (np.log10(apart), (-17, 3), ORANGE))
    for ax, (values, (low, high), colour) in zip(axes, both, strict=True):
        count, edges = np.histogram(np.clip(values, low, high), 40, (low, high))
        ax.stairs(100 * count / h.size, edges, fill=True, color=colour)
        ax.set_yscale("function", functions=(np.sqrt, np.square))
    _frame(axes[0], "activation h (outermost bars: and beyond)", "%, root scale", (-3, 3), (0, 100), f"layer {layer}")
    _frame(axes[1], "powers of ten, |h − mean| (leftmost bar: and equal)", "%, root scale", (-17, 3), (0, 100),
           f"what differs between inputs: {100 * np.mean(apart > 0.01):.0f} % by more than 0.01")
    axes[0].set_yticks([1, 10, 50, 100])
    axes[1].set(xticks=[-15, -10, -5, 0], yticks=[1, 10, 50, 100])


def plane(axes, line, point, chi, xi, apart, gradient):
    """Show a point among order and chaos, and what nets drawn there do beside the theory of infinite width.

    Source: Schoenholz et al. 2017.

    Parameters
    ----------
    axes : two matplotlib Axes
    line, point : (ndarray, ndarray), (float, float)
        ``σ_w²`` and ``σ_b²`` of the critical line and of the reader's point.
    chi, xi : float
        ``χ₁`` and the depth scale ``ξ_c`` there. The theory's slope, ``ln χ₁ / 2`` a layer, is drawn from the last
        layer down for the gradient, and in order from layer 10 on for the distance.
    apart, gradient : ndarray of shape (T, nets), (T + 1, nets)
        Natural logarithms of the distance of two inputs at layers 1 … T, and of the gradient's norm at 0 … T.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(2)
    >>> plane(axes, ([1, 2], [0, 0.1]), (1, 0), 1.0, np.inf, np.zeros((20, 1)), np.zeros((21, 1)))
    >>> [ax.get_title() for ax in axes]
    ['$\\\\chi_1$ = 1.00', 'depth scale $\\\\xi_c$ = ∞ layers']
    """
    T, rate = len(apart), np.log(chi) / 2
    axes[0].fill_between([*line[0], 4.2], 0, [*line[1], 0.46], color=ORANGE, alpha=0.25)
    axes[0].plot(*line, "-", [1, 2], [0, 0], "s", color=GREY)
    for x, y, word in ((0.6, 0.3, "order"), (3.3, 0.3, "chaos"), (1.1, 0.03, "Xavier"), (2.1, 0.03, "He")):
        axes[0].text(x, y, word)
    axes[0].plot(*([v] for v in point), "o", color=BLUE, markersize=9)
    for k in range(apart.shape[1]):
        _curve(axes[1], apart[:, k], BLUE, label=None if k else "two inputs apart", start=1)
        _curve(axes[1], gradient[:, k], ORANGE, label=None if k else "gradient")
    _curve(axes[1], rate * (T - np.arange(T + 1)), GREY, "--", "theory")
    _curve(axes[1], (apart[9].mean() if rate < 0 else np.nan) + rate * np.arange(T - 9), GREY, "--", start=10)
    _frame(axes[0], "$\\sigma_w^2 = n$ Var W", "$\\sigma_b^2$", (0.3, 4.2), (-0.02, 0.46), f"$\\chi_1$ = {chi:.2f}")
    _frame(axes[1], "layer t", "powers of ten", (0, T), (-6, 5),
           f"depth scale $\\xi_c$ = {'∞' if np.isinf(xi) else f'{xi:.1f}'} layers")
    axes[1].legend(loc="upper right", ncols=3)
