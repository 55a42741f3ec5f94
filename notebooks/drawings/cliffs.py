"""Pictures of cliffs and clipping, with colours in the order (others, what it is about, marks, limits)."""

import numpy as np


def wall(axes, off, loss, slope, peak, titles, *, colours):
    """Show a loss and its slope in powers of ten on both sides of a boundary, and a dot for the slope upon it.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    off, loss, slope : ndarray of shape (n,)
    peak : float
    titles : pair of str
    colours : sequence of four

    Raises
    ------
    ValueError
        ``loss`` or ``slope`` does not fit ``off``.

    Notes
    -----
    Source: Pascanu et al. 2013, eq. 8.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import cliffs
    >>> axes, off = Figure().subplots(1, 2), np.linspace(-0.6, 0.6, 3)
    >>> cliffs.wall(axes, off, off**2, 2 * off, 1.0, ("loss", "slope"), colours="kbrg")
    >>> axes[1].lines[1].get_ydata()
    array([0.])
    """
    _fit(off, loss=loss, slope=slope)
    axes[0].plot(off, loss, color=colours[1])
    axes[1].plot(off, np.log10(np.abs(slope) + 1e-9), color=colours[1])
    axes[1].plot([0], [np.log10(peak)], "o", color=colours[2])
    _frame(axes[0], "b − b₀", "loss", (-0.6, 0.6), (0, 0.5), titles[0])
    _frame(axes[1], "b − b₀", "|∂L/∂b|, powers of ten", (-0.6, 0.6), (-4, 11), titles[1])


def descent(axes, surface, way, norms, limit, titles, *, colours):
    """Show a way down a loss surface, from circle to star, and the lengths of its gradients before and after clipping.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    surface : tuple of ndarrays ``w``, ``b`` and ``loss`` of shape (len(w), len(b))
        Dark where the loss is high.
    way : ndarray of shape (2, steps)
        ``w`` and ``b``. What lies outside is not seen.
    norms : pair of ndarray of shape (steps,)
    limit : float
    titles : pair of str
    colours : sequence of four

    Raises
    ------
    ValueError
        ``loss`` does not fit ``w`` and ``b``.

    Notes
    -----
    Source: Pascanu et al. 2013, figure 6.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import cliffs
    >>> axes, w, b = Figure().subplots(1, 2), np.array([4.0, 5.0]), np.array([-3.0, -2.0, -1.0])
    >>> way, norms = np.array([[4.9, 4.8], [-2.1, -2.2]]), (np.array([1.0, 100.0]), np.array([1.0, 10.0]))
    >>> cliffs.descent(axes, (w, b, np.zeros((2, 3))), way, norms, 10.0, ("way", "norms"), colours="kbrg")
    >>> axes[1].lines[1].get_ydata()
    array([0., 1.])
    """
    w, b, loss = surface
    if np.shape(loss) != (len(w), len(b)):
        raise ValueError(f"loss: expected shape {(len(w), len(b))} of w and b, came {np.shape(loss)}")
    axes[0].imshow(loss, cmap="Greys", vmin=0.0, vmax=0.5, origin="lower", aspect="auto", interpolation="nearest",
                   extent=(b[0], b[-1], w[0], w[-1]))
    axes[0].plot(way[1], way[0], ".-", color=colours[2], linewidth=1, markersize=4)
    for i, mark, size in ((0, "o", 7), (-1, "*", 12)):
        axes[0].plot(way[1][i], way[0][i], mark, color=colours[2], markersize=size, markeredgecolor="black")
    axes[0].set(xlabel="bias b", ylabel="weight w", xlim=(b[0], b[-1]), ylim=(w[0], w[-1]), title=titles[0])
    _lengths(axes[1], np.arange(len(norms[0])), norms, limit, colours)
    _frame(axes[1], "step", "‖gradient‖, powers of ten", (0, len(norms[0])), (-12, 4), titles[1])


def clipped(ax, g, limit, *, colours):
    """Show a gradient of two entries as an arrow, clipped by norm to a circle and clipped by value to a square.

    Parameters
    ----------
    ax : matplotlib Axes
    g : pair of float
        Both entries above 0.
    limit : float
    colours : sequence of four

    Raises
    ------
    ValueError
        ``g`` is no pair of numbers above 0.

    Notes
    -----
    Source: Goodfellow et al. 2016, section 10.11.1.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import cliffs
    >>> ax = Figure().subplots()
    >>> cliffs.clipped(ax, (3.0, 0.8), 1.0, colours="kbrg")
    >>> ax.get_title()
    'by norm turned by 0°, by value by 24°'
    """
    g = np.asarray(g, dtype=float)
    if g.shape != (2,) or (g <= 0).any():
        raise ValueError(f"g: expected two numbers above 0, came {g}")
    ends, arc = (g, g * min(1.0, limit / np.hypot(*g)), np.minimum(g, limit)), np.linspace(0, np.pi / 2, 31)
    ax.plot(limit * np.cos(arc), limit * np.sin(arc), "--", color=colours[1], linewidth=1)
    ax.plot([limit, limit, 0], [0, limit, limit], ":", color=colours[3], linewidth=1)
    for end, k, style, label in zip(ends, (0, 1, 3), ("-", "--", ":"), ("gradient", "norm", "value"), strict=True):
        ax.plot(*np.transpose([(0, 0), end]), style, color=colours[k], linewidth=2)
        ax.plot(*end, "o", color=colours[k])
        ax.annotate(label, end, (6, -10 if label == "norm" else 4), textcoords="offset points", color=colours[k])
    ax.set_aspect("equal")
    turned = [abs(np.degrees(np.arctan2(*end) - np.arctan2(*g))) for end in ends]
    _frame(ax, "first entry", "second entry", (0, 1.3 * max(*g, limit)), (0, 1.3 * max(g[1], limit)),
           f"by norm turned by {turned[1]:.0f}°, by value by {turned[2]:.0f}°")


def examples(axes, x, h, steps, target, bias, loss, n, b, *, colours):
    """Show the functions of its input that a unit computes, and single losses with the mean of ``n`` against a bias.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    x, target : ndarray of shape (m,)
    h : ndarray of shape (iterations + 1, m)
        States; ``h[steps]`` in front.
    steps, n : int
    bias, loss : ndarray of shape (k,) and (k, examples)
    b : float
    colours : sequence of four

    Raises
    ------
    ValueError
        ``h`` or ``target`` does not fit ``x``.

    Notes
    -----
    Source: Grosse–Ba, "Cliffs make it hard to estimate the true cost gradient".

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import cliffs
    >>> axes, x = Figure().subplots(1, 2), np.linspace(-1, 1, 5)
    >>> h, loss = np.array([x, np.tanh(2 * x)]), np.outer(x**2, [1.0, 2.0])
    >>> cliffs.examples(axes, x, h, 1, np.sign(x), x, loss, 2, 0.5, colours="kbrg")
    >>> axes[1].get_title()
    'mean of 2: jumps ≤ 1.12'
    """
    _fit(x, h=h[0], target=target)
    mean = loss[:, :n].mean(axis=1)
    _bundle(axes[0], x, h, h[steps], colours)
    axes[0].plot(x, target, ":", color=colours[3])
    _frame(axes[0], "input x", f"state after {steps}", (-0.6, 0.6), (-1, 1), f"b = {b:+.2f}; dotted: target")
    _bundle(axes[1], bias, loss[:, :5].T, mean, colours)
    axes[1].axvline(b, color=colours[2], linestyle="--", linewidth=1.2)
    _frame(axes[1], "bias b", "loss", (-0.3, 0.3), (0, 2.6), f"mean of {n}: jumps ≤ {abs(np.diff(mean)).max():.2f}")


def turned(axes, x, cosines, k, norms, limit, marks, labels, titles, *, colours):
    """Show cosines between gradients, one of several in front, and lengths before and after a cut.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    x : pair of ndarray
    cosines : ndarray of shape (curves, len(x[0]))
        ``cosines[k]`` in front.
    norms : pair of ndarray
    limit, marks : float, pair of float
    labels, titles : pair of str
    colours : sequence of four

    Raises
    ------
    ValueError
        An array does not fit its ``x``.

    Notes
    -----
    Source: Goodfellow et al. 2016, section 10.11.1.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import cliffs
    >>> axes, x = Figure().subplots(1, 2), np.array([1.0, 2.0])
    >>> cliffs.turned(axes, (x, x), np.eye(2), 1, (x, x), 9.0, (2.0, 2.0), "bb", ("first", ""), colours="kbrg")
    >>> axes[0].get_title()
    'first: 1.00'
    """
    _fit(x[0], cosines=cosines[k])
    _fit(x[1], norms=norms[0])
    _bundle(axes[0], x[0], cosines, cosines[k], colours)
    _lengths(axes[1], x[1], norms, limit, colours)
    here = cosines[k][np.abs(np.asarray(x[0]) - marks[0]).argmin()]
    names = ("cosine", (-0.5, 1.05), f"{titles[0]}: {here:.2f}"), ("length, powers of ten", (-3, 5), titles[1])
    for ax, at, mark, label, (name, *more) in zip(axes, x, marks, labels, names, strict=True):
        ax.axvline(mark, color=colours[2], linestyle="-.", linewidth=1.2)
        _frame(ax, label, name, (at[0], at[-1]), *more)


def _bundle(ax, x, many, one, colours):
    gaps = np.full((len(many), 1), np.nan)                  # one line with gaps is quicker to draw than many
    ax.plot(np.hstack([np.tile(x, (len(many), 1)), gaps]).ravel(), np.hstack([many, gaps]).ravel(), color=colours[0],
            linewidth=0.7)
    ax.plot(x, one, color=colours[1], linewidth=2)


def _lengths(ax, x, norms, limit, colours):
    ax.plot(x, np.log10(norms[0]), ".", color=colours[0], markersize=4)
    ax.plot(x, np.log10(norms[1]), color=colours[1], linewidth=1.5)
    ax.plot(x, np.full(len(x), np.log10(limit)), "--", color=colours[3], linewidth=1)
    ax.text(0.5, 0.03, "dots: before, line: after, dashed: limit", transform=ax.transAxes, ha="center", fontsize=8)


def _fit(x, **arrays):
    for name, array in arrays.items():
        if np.shape(array) != np.shape(x):
            raise ValueError(f"{name}: expected shape {np.shape(x)}, came {np.shape(array)}")


def _frame(ax, x, y, xlim, ylim, title):
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim)
    ax.set_title(title, fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
