"""A watched run as a picture: the whole run, and one of its updates step by step."""

import numpy as np

from ..notebook.figures import BLUE, GREEN, GREY, ORANGE, decades, frame, norms
from .spikes import growth

MOST = 200  # states of a figure
SIZE = 5.5, 7.0
BAND = -4, -2  # powers of ten: a tenth and ten times the rule of thumb
SPACE = 0.5  # powers of ten above and below
HIGHEST = 8  # powers of ten above the median; a run that breaks goes on to 10³⁰⁸, and leaves above


def picture_of(log):
    """``view(axes, update)`` on three axes: the run, the states or times, and the parameters."""
    updates = log.updates
    if not len(updates):
        raise ValueError("figure: expected a log with at least one watched update, got none")
    size = decades(np.log(positive(log.norm)))
    curve, name, start = curve_of_steps(log)
    moved = decades(np.log(positive(np.array([*log.moved.values()]).T)))
    spans = [span(size), span(decades(curve)), span(np.append(moved, BAND))]
    clipped = log.clipped > 1e-6

    def view(axes, update):
        k = int(np.flatnonzero(updates == update)[0])
        ax = axes[0]
        ax.plot(updates, size, color=BLUE, linewidth=1)
        ax.plot(updates[clipped], size[clipped], ".", color=ORANGE)
        ax.plot([update], [size[k]], "o", color=BLUE)
        for spike in log.spikes:
            ax.axvline(spike.update, color=GREY, linewidth=1)
        clipping = f", {100 * log.clipped[k]:.0f} % clipped away" if clipped[k] else ""
        title = f"update {update}: ‖g‖ = {log.norm[k]:.3g}{clipping}"
        xlim = updates[0] - 0.5, updates[-1] + 0.5
        frame(ax, "update  (grey: spikes)", "‖g‖, powers of ten", xlim, spans[0], title)

        ax = axes[1]
        norms(ax, curve[k], colour=ORANGE, style=".-", start=start)
        xlim = start - 0.5, start + curve.shape[1] - 0.5
        frame(ax, name, "gradient, powers of ten", xlim, spans[1])

        ax = axes[2]
        ax.axhspan(*BAND, color=GREEN, alpha=0.2)
        ax.plot(np.arange(moved.shape[1]), moved[k], ".", color=BLUE)
        xlim = -0.5, moved.shape[1] - 0.5
        frame(
            ax, "parameter, as they stand in log.moved", "‖ΔW‖ / ‖W‖, powers of ten", xlim, spans[2]
        )

    return view


def positive(numbers):
    """The same without zeros and infinities, which have no place in a picture."""
    return np.where(np.isfinite(numbers) & (numbers > 0), numbers, np.nan)


def curve_of_steps(log):
    """What there is by step: states, else what a recurrent module reads, else the parameters."""
    if np.isfinite(log.log_h).any():
        return finite(log.log_h), "step  (at what it gives out; 0: input)", 0
    for name, log_x in log.log_x.items():
        return finite(log_x), f"time step of {name or 'the model'}", 1
    return finite(np.array([*log.log_p.values()]).T), "parameter", 0


def finite(logs):
    return np.where(np.isfinite(logs), logs, np.nan)


def span(values):
    """Limits that hold all values, or those that are not far above most."""
    values = values[np.isfinite(values)]
    if not len(values):
        return -1.0, 1.0
    highest = min(values.max(), np.median(values) + HIGHEST)
    return float(values.min()) - SPACE, float(highest) + SPACE


def explored(log):
    """The picture with a slider over the updates, 200 of them at most.

    It opens at the spike that grew longest, or else at the last update.
    """
    from explorable import explore

    view, updates = picture_of(log), log.updates
    shown = np.unique(np.linspace(0, len(updates) - 1, min(MOST, len(updates))).round().astype(int))
    spikes = [spike for spike in log.spikes if spike.update in updates]
    start = max(spikes, key=growth).update if spikes else updates[-1]
    shown = np.union1d(shown, np.flatnonzero(updates == start))
    return explore(
        view,
        alt="A watched run: gradient norms by update and by step, and how far parameters move",
        update=updates[shown].tolist(),
        start={"update": int(start)},
        panels=(3, 1),
        size=SIZE,
    )


def png(log):
    """The picture of the last update."""
    from io import BytesIO

    from matplotlib.figure import Figure

    fig = Figure(figsize=SIZE, layout="constrained")
    picture_of(log)(fig.subplots(3), int(log.updates[-1]))
    buffer = BytesIO()
    fig.savefig(buffer, format="png")
    return buffer.getvalue()
