"""Pictures of one weight at every step: the net unrolled, shares, and lags.

The first picture comes with its net, which the chapter shows.

Logarithms come in natural and are drawn as powers of ten. Arrays over time
have an entry 0, before the first step.
"""

import numpy as np
from matplotlib.collections import CircleCollection, LineCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from gradtrace import (
    RNN,
    forward,
    init,
    init_params,
    log_norm,
    trace,
    unroll,
)
from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREEN, GREY, INK, ORANGE, RED

# what has died fades into the page, whether that is white or black
FADES = LinearSegmentedColormap.from_list(
    "fades", [(*to_rgb(ORANGE), 0), (*to_rgb(ORANGE), 1)]
)
LAG_COLOURS = (ORANGE, BLUE, GREEN)
MIDDLE = {"ha": "center", "va": "center"}


def run_net(gain, T, phi="tanh", input_size=0.3, seed=0):
    """States and pullbacks of a net of 16 units that reads T random inputs."""
    rng = np.random.default_rng(seed)
    cell = RNN(1, 16, phi)
    p = init_params(cell, rng, init.orthogonal, gain=gain, U=init.gaussian)
    x = rng.standard_normal((T, 1, 1))  # time, batch, features
    newest_last = input_size * x[::-1]  # a longer T adds older inputs
    return forward(unroll(cell, p, newest_last), np.zeros((1, 16)))


def sizes(gain, steps):
    """Norms of the gradients at the states and of the shares, newest first."""
    _, vjps = run_net(gain, steps)
    end = np.full((1, 16), 0.25)  # ∂L/∂h_T, of norm 1
    log = trace(vjps, end)
    return np.exp(log.log_h[::-1]), np.exp(log.log_p["W"][::-1])


def far_past(sizes, most):
    """The net unrolled above a bar for every step: its share of the gradient.

    ``sizes(gain, steps)`` returns the norms of the gradients at the states
    and of the shares, the newest first; ``most`` is the largest number of
    steps. The last step is at the right, so that a longer sequence reaches
    further to the left.
    """

    k = np.arange(most)

    def view(ax, gain, steps):
        at_states, of_steps = sizes(gain, steps)
        bars = np.full(most, np.nan)  # nothing where there is no step
        bars[:steps] = of_steps / of_steps.max()
        ax.bar(k, bars, width=0.7, color=ORANGE, label="share of the step")
        net(ax, at_states / at_states.max())
        few = min(5, steps)
        newest = of_steps[:few].sum() / of_steps.sum()
        figures.frame(
            ax,
            "steps back from the loss",
            "size, largest = 1",
            (most + 0.2, -2.3),  # the past is at the left
            (0, 1.75),
            f"the newest {few} bars make {newest:.0%} of all {steps} together",
        )
        ax.grid(False)
        ax.set(xticks=range(0, most, 5), yticks=[0, 0.5, 1])

    def net(ax, strength):
        """A circle for each state, filled by the gradient that gets there."""
        states = len(strength)
        x = np.arange(states) - 0.5
        y = np.full(states, 1.35)
        line = [np.column_stack([x, y])]
        ax.add_collection(LineCollection(line, colors=GREY, zorder=1))
        # white beneath, so that a fill is read on any page
        circles(ax, x, y, ["white"] * states, edgecolors=GREY, zorder=2)
        fills = [(*to_rgb(RED), alpha) for alpha in strength]
        circles(ax, x, y, fills, edgecolors="none", zorder=3)
        # draws nothing: for the table, where the place of a circle says little
        name = "gradient at the state after the step"
        ax.plot(k[: states - 1], strength[:-1], linestyle="none", label=name)
        ax.text(-0.95, 1.35, "loss", va="center", color=INK)
        words = "the states; the fullest gets the largest gradient"
        ax.text(-0.5, 1.52, words, ha="right", color=RED)
        words = "a bar for the step between two states: its share"
        ax.text(-0.5, 1.1, words, ha="right", color=INK)

    def circles(ax, x, y, fills, **how):
        at = np.column_stack([x, y])
        ax.add_collection(
            CircleCollection(
                [110] * len(x),
                offsets=at,
                offset_transform=ax.transData,
                facecolors=fills,
                **how,
            )
        )

    return view


def loop_and_unrolled(axes):
    """Left, the net with its loop; right, unrolled over three steps."""
    left, right = axes
    for ax in axes:
        ax.set(ylim=(-0.35, 2.35), xticks=[], yticks=[])
        ax.set_frame_on(False)
    left.set(xlim=(-1, 1.3), title="one step, in a loop")
    right.set(
        xlim=(-0.5, 3.5), title="unrolled: the same u, w, v at every step"
    )

    column(left, 0, "")
    angle = np.linspace(0.8 * np.pi, -0.72 * np.pi, 60)
    x = 0.42 + 0.3 * np.cos(angle)
    y = 1 + 0.3 * np.sin(angle)
    left.plot(x, y, color=BLUE, linewidth=2)
    bend = {"arrowstyle": "->", "color": BLUE, "linewidth": 2}
    left.annotate("", (0.17, 0.92), (x[-4], y[-4]), arrowprops=bend)
    left.text(0.84, 1.0, "w", color=BLUE, fontsize=13, **MIDDLE)

    for t in (1, 2, 3):
        column(right, t, f"_{t}")
    unit(right, 0, 1, "$h_0$")
    for t in (0, 1, 2):
        right.annotate(
            "",
            (t + 0.78, 1),
            (t + 0.22, 1),
            arrowprops={"arrowstyle": "->", "color": BLUE, "linewidth": 2},
        )
        right.text(t + 0.5, 1.13, "w", color=BLUE, fontsize=13, **MIDDLE)


def column(ax, t, index):
    """Input, state and output of one step, with the weights between them."""
    for height, name in ((0, "x"), (1, "h"), (2, r"\hat y")):
        unit(ax, t, height, f"${name}{index}$")
    for height, weight in ((0.5, "u"), (1.5, "v")):
        figures.arrow(ax, (t, height - 0.3), (t, height + 0.3), colour=BLUE)
        ax.text(t - 0.12, height, weight, color=BLUE, fontsize=13, **MIDDLE)


def unit(ax, t, height, name):
    """A circle with a name, on white, so that it is read on any page."""
    ring = {"boxstyle": "circle", "facecolor": "white", "edgecolor": GREY}
    ax.text(t, height, name, color=INK, bbox=ring, **MIDDLE)


def unrolled(x, h, y_hat, g, d, to_past, to_state):
    """The net over its steps with its numbers: forward blue, backward red.

    ``to_past[t]`` is what step t hands to the state before it,
    ``to_state[t]`` what the output hands to its own state; ``g`` is the sum
    of what arrives. Beneath each step stands its share of ∂L/∂w.
    """
    T = len(x) - 1

    def view(ax):
        for t in range(1, T + 1):
            numbers(ax, t)
            arrows(ax, t)
            share(ax, t)
        start = f"$h_0$ = {h[0]:.3f}"
        ax.text(0, 1, start, color=BLUE, **MIDDLE)
        words = "down: $\\partial L/\\partial r_t \\cdot v$"
        ax.text(-0.38, 1.62, words, color=RED)
        words = "to the left: $d_t \\cdot w$"
        ax.text(-0.38, 1.44, words, color=RED)
        total = f"$\\partial L/\\partial w$ = {np.sum(d[1:] * h[:-1]):.3f}"
        ax.text(0, -0.42, total, color=RED, weight="bold", **MIDDLE)
        ax.set(xlim=(-0.4, T + 0.5), ylim=(-0.6, 2.1), xticks=[], yticks=[])
        ax.set_frame_on(False)

    def numbers(ax, t):
        values = ((0, "x", x), (1, "h", h), (2, r"\hat y", y_hat))
        for height, name, value in values:
            text = f"${name}_{t}$ = {value[t]:.3f}"
            ax.text(t, height, text, color=BLUE, **MIDDLE)
        ax.text(t - 0.07, 0.3, "u", color=BLUE, **MIDDLE)
        ax.text(t - 0.5, 1.08, "w", color=BLUE, **MIDDLE)
        ax.text(t - 0.17, 1.5, "v", color=BLUE, **MIDDLE)
        gradients = ((0.85, "g", g), (0.69, "d", d))
        for height, name, value in gradients:
            text = f"${name}_{t}$ = {value[t]:.3f}"
            ax.text(t, height, text, color=RED, weight="bold", **MIDDLE)
        ax.text(t - 0.5, 0.75, f"{to_past[t]:.3f}", color=RED, **MIDDLE)
        ax.text(t + 0.27, 1.5, f"{to_state[t]:.3f}", color=RED, **MIDDLE)

    def share(ax, t):
        name = f"$d_{t} h_{t - 1}$ = {d[t] * h[t - 1]:.3f}"
        ax.text(t, -0.42, name, color=RED, **MIDDLE)
        ax.text(t - 0.5, -0.42, "=" if t == 1 else "+", color=RED, **MIDDLE)

    def arrows(ax, t):
        figures.arrow(ax, (t - 0.7, 1), (t - 0.3, 1), colour=BLUE)
        figures.arrow(ax, (t, 0.1), (t, 0.6), colour=BLUE)
        figures.arrow(ax, (t - 0.1, 1.1), (t - 0.1, 1.9), colour=BLUE)
        figures.arrow(ax, (t - 0.3, 0.85), (t - 0.7, 0.85), colour=RED)
        figures.arrow(ax, (t + 0.1, 1.9), (t + 0.1, 1.1), colour=RED)

    return view


def shares(log_sizes):
    """The size of each step's share, of its two factors, and its ceiling.

    ``log_sizes(w, phi, inputs)`` returns natural logarithms, the newest of 40
    steps first: of the shares, of the gradients at the pre-activations, and
    of the states before the steps.
    """

    def view(ax, w, phi, inputs):
        share, gradient, state = log_sizes(w, phi, inputs)
        ceiling = state.max() + figures.powers(w, 39)
        figures.norms(ax, state, colour=BLUE, label="state, $|h_{t-1}|$")
        # wide, so that the ceiling is seen on it where the two coincide
        ax.plot(
            figures.decades(gradient),
            color=RED,
            linewidth=4,
            alpha=0.5,
            label="gradient, $|d_t|$",
        )
        ax.plot(
            figures.decades(share),
            "o",
            color=ORANGE,
            fillstyle="none",
            markersize=5,
            label="share",
        )
        # on top, so that no curve hides it
        figures.norms(ax, ceiling, style=":", colour=INK, label="ceiling")
        # ten to the power of what the sum of their sizes is
        top = share[np.isfinite(share)].max()
        sizes = top + np.log(np.exp(share - top).sum())
        highest = np.exp((share - ceiling).max())
        title = (
            f"the sizes of all shares add up to {power_of_ten(sizes)}\n"
            f"share / ceiling: at most {highest:.2f}"
        )
        size = "size, powers of ten"
        figures.frame(ax, "steps back, T − t", size, (-1, 40), (-17, 8), title)
        ax.legend(loc="lower left", ncols=2)

    return view


def power_of_ten(log):
    """A number in words, from its natural logarithm."""
    decade = log / np.log(10)
    if -2 < decade < 3:
        return f"{np.exp(log):.2g}"
    return f"$10^{{{decade:.1f}}}$"


def steps_back(runs):
    """Norms of gradients and shares by steps back, below the gain's powers.

    ``runs[gain, phi, input_size]`` is a trace of 40 steps.
    """

    def view(ax, gain, phi, input_size):
        run = runs[gain, phi, input_size]
        gradient = run.log_h[::-1]
        ceiling = gradient[0] + figures.powers(gain, 40)
        share = run.log_p["W"][::-1]
        gradient_name = "$\\|\\partial L/\\partial h_{T-k}\\|$"
        share_name = "‖share of step $T-k$‖"
        figures.norms(ax, ceiling, style=":", colour=GREY, label="ceiling")
        figures.norms(ax, gradient, label=gradient_name)
        figures.norms(ax, share, colour=ORANGE, label=share_name)
        steepest = np.exp(np.diff(gradient).max())
        title = f"one step back: at most {steepest:.3f} times"
        size = "norm, powers of ten"
        figures.frame(ax, "steps back, k", size, (0, 40), (-21, 9), title)
        ax.legend(loc="lower left")

    return view


def triangle(terms):
    """The terms of ∂L/∂w, a row for each loss, a colour for each lag.

    ``terms[s, t]`` belongs to loss s and the use of w in step t, counted
    from 1. Beneath, the sums of columns; at the right, of rows.
    """
    T = len(terms) - 1

    def view(ax):
        for s in range(1, T + 1):
            for t in range(1, s + 1):
                paint(ax, s, t, LAG_COLOURS[s - t])
                write(ax, t, s, terms[s, t], weight="bold")
        for t in range(1, T + 1):
            write(ax, t, T + 1, terms[:, t].sum(), color=INK)
            write(ax, T + 1, t, terms[t].sum(), color=INK)
        write(ax, T + 1, T + 1, terms.sum(), color=INK, weight="bold")
        for lag in range(T):
            name = f"lag {lag}: {np.trace(terms, -lag):+.4f}"
            ax.text(T + 1.7, 1.2 + 0.6 * lag, "■", color=LAG_COLOURS[lag])
            ax.text(T + 1.95, 1.2 + 0.6 * lag, name, color=INK)
        ax.text(T + 1.7, 0.6, "sums along diagonals", color=INK)
        uses = [f"step {t}" for t in range(1, T + 1)]
        losses = [f"loss {s}" for s in range(1, T + 1)]
        ax.xaxis.tick_top()
        ax.set(
            xlim=(0.5, T + 3.5),
            ylim=(T + 1.5, 0.3),
            xticks=range(1, T + 2),
            yticks=range(1, T + 2),
            xticklabels=[*uses, "sum"],
            yticklabels=[*losses, "sum"],
            xlabel="the use of w in …",
        )
        ax.xaxis.set_label_position("top")
        ax.xaxis.set_label_coords(0.25, 1.13)
        ax.tick_params(length=0)
        ax.set_frame_on(False)

    def paint(ax, s, t, colour):
        edges = {"extent": (t - 0.47, t + 0.47, s + 0.45, s - 0.45)}
        ax.imshow([[(*to_rgb(colour), 0.35)]], aspect="auto", **edges)

    def write(ax, t, s, number, **how):
        ax.text(t, s, f"{number:+.4f}", **MIDDLE, **how)

    return view


def lags(parts_and_sizes):
    """Left, every term's size as a map; right, their sums by lag.

    ``parts_and_sizes(gain, phi)`` returns the sums by lag, a matrix for each
    lag from 0, and the norms of the terms, for each loss s and each use t,
    both counted from 1 to 40.
    """

    def view(axes, gain, phi):
        left, right = axes
        parts, sizes = parts_and_sizes(gain, phi)
        T = len(sizes) - 1
        terms = sizes[1:, 1:]
        terms = np.where(terms > 0, terms, np.nan)  # no term, no colour
        left.imshow(
            np.log10(terms),
            extent=(0.5, T + 0.5, T + 0.5, 0.5),
            cmap=FADES,
            vmin=-4,
            vmax=0,
            aspect="auto",
        )
        edges = np.repeat(np.arange(0.5, T + 1), 2)
        stairs = [np.column_stack([edges[1:], edges[:-1]])]
        left.add_collection(LineCollection(stairs, colors=GREY, linewidths=1))
        colours(left)
        whole = log_norm(parts.sum(axis=0), 2)
        far = log_norm(parts[11:].sum(axis=0), 2)
        by_lag = log_norm(parts, 2)
        figures.frame(
            left,
            "the use of W in step t",
            "the loss at step s",
            (0.5, T + 0.5),
            (T + 0.5, 0.5),
            f"whole: {power_of_ten(whole)}, lag 0: {power_of_ten(by_lag[0])}",
        )
        left.grid(False)
        right.axvline(10.5, linestyle=":", color=GREY)
        right.text(11.5, 7.6, "above 10 →", color=INK)
        name = "norm of the part"
        figures.norms(right, by_lag, colour=ORANGE, label=name)
        figures.frame(
            right,
            "lag s − t",
            "norm of the part, powers of ten",
            (0, T - 1),
            (-14, 9),
            f"lags above 10: {power_of_ten(far)}",
        )

    def colours(ax):
        """What they mean, where the triangle leaves room."""
        bar = FADES(np.linspace(0, 1, 50))[None]
        ax.imshow(bar, extent=(21, 38, 7, 5), aspect="auto")
        ax.text(29.5, 3.6, "norm of a term", color=INK, **MIDDLE)
        for x, power in ((21, -4), (29.5, -2), (38, 0)):
            ax.text(x, 8.8, f"$10^{{{power}}}$", color=INK, **MIDDLE)

    return view
