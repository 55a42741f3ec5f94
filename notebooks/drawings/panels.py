"""Panels that show small images (pixels, filters, feature maps) and groups of scores."""

import numpy as np
from matplotlib.ticker import MultipleLocator

INK = "#003350"                 # a blue, not a grey: greys turn light on a dark page, and the pixels stay as they are
FRAME = "#D55E00"


def picture(ax, image, title=None, *, most=1.0, signed=False, side=None, numbers=False, window=None):
    """Show ``image`` on ``ax``, rows from the top, with the axes named and their limits fixed.

    Parameters
    ----------
    ax : matplotlib Axes
    image : ndarray of shape (height, width)
        ``nan`` stays empty.
    title : str, optional
    most : float
        The value that gets full colour: white is 0 and black is ``most``; in signed images orange is ``most`` and
        purple ``-most``.
    signed : bool
    side : float, optional
        Stretch the image to ``side × side`` units, so that images of different sizes share their axes; by default a
        pixel is a unit.
    numbers : bool
        Write its value into every pixel.
    window : (int, int, int), optional
        Frame the window whose upper left pixel is at this row and column, with this many pixels a side.

    Raises
    ------
    ValueError
        ``image`` has not two axes.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import panels
    >>> ax = Figure().subplots()
    >>> panels.picture(ax, np.eye(3), "identity", numbers=True)
    >>> len(ax.images), [text.get_text() for text in ax.texts[:3]]
    (1, ['1', '0', '0'])
    """
    if np.ndim(image) != 2:
        raise ValueError(f"image: expected shape (height, width), came shape {np.shape(image)}")
    height, width = np.shape(image) if side is None else (side, side)
    ax.imshow(image, cmap="PuOr_r" if signed else "Greys", vmin=-most if signed else 0, vmax=most, aspect="auto",
              extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    ax.set(xlabel="column", ylabel="row", xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), title=title or "",
           box_aspect=height / width)
    for axis, length in ((ax.xaxis, width), (ax.yaxis, height)):        # a locator, as ticks take time to make
        axis.set_major_locator(MultipleLocator(max(1, int(np.ceil(length / 5)))))
    if numbers:
        for (row, column), value in np.ndenumerate(image):
            ax.text(column, row, f"{value + 0.0:.2g}".replace("-", "−"), ha="center", va="center", color=INK)
    if window is not None:
        row, column, width = window
        near, far = -0.4, width - 0.6
        ax.plot(column + np.array([near, far, far, near, near]), row + np.array([near, near, far, far, near]),
                color=FRAME, linewidth=2.5)


def row(axes, images, **how):
    """Show named images side by side, each as :func:`picture` does.

    Parameters
    ----------
    axes : matplotlib Axes
        As many as there are images.
    images : dict of str to ndarray
    **how
        Further arguments of :func:`picture`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import panels
    >>> axes = Figure().subplots(1, 2)
    >>> panels.row(axes, {"zeros": np.zeros((2, 2)), "ones": np.ones((3, 3))})
    >>> axes[1].get_title()
    'ones'
    """
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        picture(ax, image, name, **how)


def mosaic(images, columns):
    """``images`` of shape (n, height, width) in one, so many in a row, with an empty (``nan``) line between them.

    Examples
    --------
    >>> import numpy as np
    >>> from gradtrace.drawings import panels
    >>> panels.mosaic(np.ones((8, 3, 3)), 4).shape
    (7, 15)
    """
    n, height, width = images.shape
    out = np.full((-(-n // columns) * (height + 1), columns * (width + 1)), np.nan)
    for k, image in enumerate(images):
        row, column = (height + 1) * (k // columns), (width + 1) * (k % columns)
        out[row:row + height, column:column + width] = image
    return out[:-1, :-1]


def gallery(ax, rows, x, y):
    """Show rows of small images, the name of each row beside it.

    Parameters
    ----------
    ax : matplotlib Axes
    rows : dict of str to ndarray of shape (columns, height, width)
    x, y : str
        What the columns and the rows are.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import panels
    >>> ax = Figure().subplots()
    >>> panels.gallery(ax, {"zeros": np.zeros((3, 2, 2)), "ones": np.ones((3, 2, 2))}, "draw", "kind")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['zeros', 'ones']
    """
    images = np.stack(list(rows.values()))
    count, columns, height, _ = images.shape
    picture(ax, mosaic(images.reshape(-1, *images.shape[2:]), columns))
    ax.set(xlabel=x, ylabel=y, xticks=[])
    ax.set_yticks((height + 1) * np.arange(count) + (height - 1) / 2, list(rows))


def scores(ax, groups, colours):
    """Draw every score of every group as a dot, and the group's median as a bar; groups side by side, from 0 on.

    Parameters
    ----------
    ax : matplotlib Axes
    groups : dict of str to ndarray
        The scores of each group, such as one for each seed.
    colours : sequence of colour
        At least one for each group.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import panels
    >>> ax = Figure().subplots()
    >>> panels.scores(ax, {"plain": [1.0, 2.0, 6.0], "residual": [3.0, 3.0, 3.0]}, ["blue", "orange"])
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['plain', 'residual']
    """
    for place, (values, colour) in enumerate(zip(groups.values(), colours, strict=False)):
        spread = np.linspace(-0.15, 0.15, len(values))
        ax.plot(place + spread, np.sort(values), "o", color=colour)
        ax.plot([place - 0.25, place + 0.25], 2 * [np.median(values)], color=colour, linewidth=3, alpha=0.6)
    ax.set_xticks(range(len(groups)), list(groups))
