"""The figures of a report: norms by step, the grid, and what the updates do."""

import math

import numpy as np
from matplotlib.ticker import MaxNLocator

from explorable import explore
from explorable.palette import BLUE, GREEN, GREY, ORANGE, RED

TEN = math.log(10)
MOST_ROWS = 24  # of modules in one picture; a label needs its place
MOST_NAMES = 8  # of parameters in a menu


def figures_of(report):
    """``{id: (heading, caption, figure)}`` of all figures that there is something to draw for.

    And a sentence for each that could not be drawn: the verdict is worth more than its pictures.
    """
    found, failed = {}, []
    for make in (norms, grid, updates):
        try:
            made = make(report)
        except (ValueError, TypeError, FloatingPointError) as error:
            failed.append(f"The figure of {make.__name__} could not be drawn: {error}")
            continue
        if made is not None:
            heading, caption, figure = made
            found[make.__name__] = heading, caption, getattr(figure, "live", figure)
    return found, failed


def powers(logs):
    """Natural logarithms as powers of ten; nan where a number is zero or none."""
    logs = np.asarray(logs, float)
    return np.where(np.isfinite(logs), logs, np.nan) / TEN


def room(arrays):
    """Limits that hold all numbers of some arrays, with a margin and at least two powers."""
    values = np.concatenate([np.ravel(a) for a in arrays])
    low, high = np.nanmin(values), np.nanmax(values)
    margin = max(0.08 * (high - low), (2 - (high - low)) / 2, 0.2)
    return low - margin, high + margin


def norms(report):
    """Gradient norms by step: of the states, and of each parameter's share."""
    log = report.trace
    if log is None or not np.isfinite(log.log_h).any():
        return None
    curves = {"states": (np.arange(len(log.log_h)), log.log_h)}
    for name, logs in [*log.log_p.items()][:MOST_NAMES]:
        if np.isfinite(logs).any():
            curves[name] = np.arange(1, len(logs) + 1), logs
    low, high = room([powers(logs) for _, logs in curves.values()])
    steps = len(log.log_h) - 1

    def view(ax, norm_of):
        at, logs = curves[norm_of]
        shown = powers(logs)
        ax.plot(at, shown, ".-", color=BLUE if norm_of == "states" else ORANGE)
        zero = np.isneginf(logs)
        ax.plot(at[zero], np.full(zero.sum(), low), "v", color=RED, clip_on=False)
        ax.set(xlim=(-0.5, steps + 0.5), ylim=(low, high))
        ax.set(xlabel="step  (0: the input)", ylabel="powers of ten")
        what = "‖∂L/∂h‖ of the states" if norm_of == "states" else f"‖∂L/∂W‖ of {norm_of}"
        ax.set_title(what)

    ends = f"Step 1 is {log.names[0]}, step {steps} is {log.names[-1]}."
    zeros = " Red triangles are exactly zero." if np.isneginf(log.log_h).any() else ""
    figure = explore(
        view,
        alt="Gradient norms by step, as powers of ten",
        size=(4.6, 3.0),
        norm_of=[*curves],
    )
    caption = (
        f"{ends} Read it from the right: the gradient begins at the loss and walks to the input. A"
        f" level line is good; a straight slope multiplies at every step.{zeros}"
    )
    return "Gradient norms by step", caption, figure


def grid(report):
    """The map of gradient norms, and one row of it."""
    found = report.grid
    if found is None or not np.isfinite(found.log_h).any():
        return None
    shown = powers(found.log_h)
    low, high = room([shown])
    rows, columns = shown.shape

    def view(axes, row):
        ax = axes[0]
        ax.imshow(
            shown,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            vmin=low,
            vmax=high,
            cmap="viridis",
            extent=(-0.5, columns - 0.5, -0.5, rows - 0.5),
        )
        ax.plot([-0.5, columns - 0.5], [row, row], color=RED)
        ax.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5))
        ax.set(xlabel=found.axes[1], ylabel=found.axes[0])
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_title(f"powers of ten: dark {low:.1f}, light {high:.1f}")
        ax = axes[1]
        ax.plot(np.arange(columns), shown[row], ".-", color=BLUE)
        ax.set(xlim=(-0.5, columns - 0.5), ylim=(low, high))
        ax.set(xlabel=found.axes[1], ylabel="powers of ten")
        ax.set_title(f"{found.axes[0]} {row}: {found.names[row]}")

    figure = explore(
        view,
        alt=f"Gradient norms by {found.axes[0]} and {found.axes[1]}, as a map and row by row",
        size=(6.4, 3.2),
        panels=(1, 2),
        start={"row": rows - 1},
        row=[*range(rows)],
    )
    caption = (
        f"‖∂L/∂h‖ of every {found.axes[0]}, from the input at the bottom to the top, at every"
        f" {found.axes[1]}. The red line is the row that stands beside the map."
    )
    return f"The grid: {found.axes[0]}s × {found.axes[1]}s", caption, figure


def updates(report):
    """The loss on the batch, and how far each matrix moves, by update."""
    moved = {
        name: ratios
        for name, ratios in report.updates.moved.items()
        if len(ratios) == len(report.updates.losses) - 1 and any(0 < r < math.inf for r in ratios)
    }
    losses = np.array(report.updates.losses)
    if not moved or not np.isfinite(losses).all():
        return None
    big = [name for name in moved if name in report.matrices] or [*moved]
    places = np.unique(np.linspace(0, len(big) - 1, MOST_ROWS).round().astype(int))
    names = [big[place] for place in places]
    ratios = np.array([moved[name] for name in names])
    with np.errstate(divide="ignore"):
        logs = np.where((ratios > 0) & np.isfinite(ratios), np.log10(ratios), np.nan)
    low, high = min(np.nanmin(logs) - 0.5, -4), max(np.nanmax(logs) + 0.5, 0.2)
    rows = np.arange(len(names))[::-1]
    tall = max(3.2, 0.9 + 0.19 * len(names))
    span = np.ptp(losses) or abs(losses[0]) or 1.0

    def view(axes, update):
        ax = axes[0]
        ax.plot(losses, color=GREY)
        ax.plot([update], [losses[update]], "o", color=BLUE)
        ax.set(xlim=(-0.5, len(losses) - 0.5))
        ax.set(ylim=(losses.min() - 0.1 * span, losses.max() + 0.1 * span))
        ax.set(xlabel="update", ylabel="loss on this batch")
        ax = axes[1]
        ax.plot([-3, -3], [-0.5, len(names) - 0.5], ":", color=GREEN)
        ax.plot(logs[:, update - 1], rows, "o", color=ORANGE)
        ax.set(xlim=(low, high), ylim=(-0.5, len(names) - 0.5))
        ax.set_yticks(rows, [shortened(name) for name in names])
        ax.set(xlabel="‖ΔW‖ / ‖W‖, powers of ten")

    figure = explore(
        view,
        alt="The loss by update, and how far an update moves each matrix of weights",
        size=(7.6, tall),
        panels=(1, 2),
        play="update",
        update=[*range(1, len(losses))],
    )
    part = f" {len(names)} of {len(big)} are shown." if len(names) < len(big) else ""
    how = "by a copy of your optimiser" if report.updates.by_optimizer else "by plain means"
    caption = (
        f"{len(losses) - 1} updates of copies of the weights, on this batch, {how}. On the right,"
        " how far each matrix moves, over its length: a rule of thumb is a thousandth (the dotted"
        f" line).{part}"
    )
    return "What an update does", caption, figure


def shortened(name, most=22):
    """The end of a name."""
    return name if len(name) <= most else f"…{name[-most + 1 :]}"
