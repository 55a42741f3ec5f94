"""Pictures of The grid: the gradient on layers and time steps, as a map."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from gradtrace.notebook import figures

RED = to_rgb(figures.RED)
BLUE = to_rgb(figures.BLUE)
# What has died fades into the page, whether that is white or black.
FADES = LinearSegmentedColormap.from_list("fades", [(*RED, 0), (*RED, 1)])
# The same below 1, and blue where a gradient has grown.
GROWS = LinearSegmentedColormap.from_list(
    "grows", [(*RED, 0), (*RED, 1), (*BLUE, 1)]
)
LEAST = -8  # the decade at which nothing is left to be seen


def field(ax, decades, title, grows=False, least=LEAST):
    """The map of a grid: layers upwards, time steps to the right.

    decades : (depth + 1, T + 1), nan where nothing is drawn; grows : whether
    norms above 1 have a colour of their own.
    """
    depth, T = decades.shape[0] - 1, decades.shape[1] - 1
    most = -least if grows else 0
    cmap = GROWS if grows else FADES
    colours = {"aspect": "auto", "cmap": cmap, "vmin": least, "vmax": most}
    ax.imshow(
        np.clip(decades, least, most),
        origin="lower",
        extent=(-0.5, T + 0.5, -0.5, depth + 0.5),
        **colours,
    )
    xlim = (-0.5, T + 0.5)
    room = 0.16 * (depth + 1)  # above the map, for what the colours mean
    ylim = (-0.5, depth + 0.5 + room)
    y = "layer l   (0: the input)"
    figures.frame(ax, "time step t", y, xlim, ylim, title)
    ax.grid(False)
    ax.set_yticks(range(0, depth + 1, max(1, depth // 4)))
    ax.plot([T], [depth], "*", color="black", markersize=10)
    ax.text(T, depth + 0.5 + 0.2 * room, "loss", ha="right")

    left, width = 0.03 * T, 0.5 * T
    strip = depth + 0.5 + np.array([0.3, 0.55]) * room
    ax.imshow(
        np.linspace(least, most, 33)[None],
        extent=(left, left + width, *strip),
        **colours,
    )
    for decade in np.linspace(least, most, 5).astype(int):
        x = left + width * (decade - least) / (most - least)
        word = "1" if decade == 0 else f"$10^{{{decade}}}$"
        ax.text(x, strip[1] + 0.1 * room, word, ha="center", fontsize=8)


def links(depth, T):
    """How many links each state of a grid is away from the upper corner."""
    down = depth - np.arange(depth + 1)
    back = T - np.arange(T + 1)
    return np.add.outer(down, back)


def travelling(plain, open_stack):
    """Two stacks, and how far from the loss their gradients have come.

    plain, open_stack : decades, (depth + 1, T + 1).
    """
    depth, T = plain.shape[0] - 1, plain.shape[1] - 1
    away = links(depth, T)
    ends = np.array([-0.5, depth + 0.5])

    def view(axes, links_travelled):
        there = away <= links_travelled
        front = depth + T - links_travelled - ends - 0.5
        for ax, decades, title in (
            (axes[0], plain, "a plain stack: the gradient dies"),
            (axes[1], open_stack, "with skips and open gates: it lives"),
        ):
            field(ax, np.where(there, decades, np.nan), title)
            ax.plot(front, ends, color=figures.GREY, linewidth=1)

    return view


def unrolled(ax):
    """Three layers over four steps: the links forward, and two ways back."""
    depth, T = 3, 4
    for l in range(depth + 1):
        for t in range(T + 1):
            if l == 0 and t == 0:
                continue  # before the first input there is nothing
            name = "x" if l == 0 else "h"
            ax.text(
                t,
                l,
                f"${name}_{{{t if l == 0 else f'{l},{t}'}}}$",
                ha="center",
                va="center",
                color=figures.GREY if l == 0 else "black",
            )
            if l > 0 and t < T:
                figures.arrow(ax, (t + 0.18, l), (t + 0.8, l))
            if l < depth and t > 0:
                figures.arrow(ax, (t, l + 0.2), (t, l + 0.76))
    for way, colour in (
        ([(4, 3), (3, 3), (3, 2), (2, 2), (2, 1)], figures.ORANGE),
        ([(4, 3), (4, 2), (4, 1), (3, 1), (2, 1)], figures.BLUE),
    ):
        x, y = np.array(way, float).T
        ax.plot(x + 0.12, y - 0.12, color=colour, linewidth=3, alpha=0.6)
    ax.plot([2.12], [0.88], "v", color="black")  # where both ways end
    figures.frame(ax, "time", "layer", (-0.4, T + 0.5), (-0.4, depth + 0.5))
    ax.grid(False)
    ax.set(xticks=range(T + 1), yticks=range(depth + 1))


def pascal(log_ways):
    """A linear stack with one unit a layer: the map, and its ridge.

    log_ways : ln of the number of ways, (depth + 1, T + 1).
    """
    depth, T = log_ways.shape[0] - 1, log_ways.shape[1] - 1
    down = depth - np.arange(depth + 1)[:, None]
    back = T - np.arange(T + 1)

    def view(ax, w_down, w_back):
        log = log_ways + down * np.log(w_down) + back * np.log(w_back)
        total = w_down + w_back
        verb = "grows" if total > 1.01 else "fades"
        title = f"{w_down} + {w_back} = {total:.1f}: along the ridge it {verb}"
        field(ax, log / np.log(10), title, grows=True)
        # On the ridge as many down to back as the weights say.
        t = np.array([T - depth * w_back / w_down, T])
        l = np.array([0, depth])
        ax.plot(t, l, "--", color="black", linewidth=1)

    return view


def by_width(measured, ways):
    """Down the diagonal of linear stacks of random matrices.

    measured : by width, decades (seeds, links); ways : decades (links,).
    """
    k = 2 * np.arange(len(ways))

    def view(ax, units):
        runs = np.maximum(measured[units], -2)  # ways of one unit may cancel
        low, middle, high = np.quantile(runs, [0, 0.5, 1], axis=0)
        ax.fill_between(k, low, high, color=figures.BLUE, alpha=0.25)
        ax.plot(k, middle, color=figures.BLUE, label="20 stacks, median")
        ax.plot(k, ways, "--", color=figures.GREY, label="number of ways")
        root = "its square root"
        ax.plot(k, ways / 2, ":", color=figures.RED, label=root)
        figures.frame(
            ax,
            "links from the loss, half down, half back",
            "powers of ten of the gradient",
            (0, k[-1]),
            (-2, 8),
            f"{units} unit{'s' * (units > 1)} a layer",
        )
        ax.legend(loc="upper left")

    return view


def by_gain(maps):
    """A tanh stack's map for every pair of gains.

    maps : by (gain in depth, gain in time), decades (depth + 1, T + 1).
    """

    def view(ax, gain_in_depth, gain_in_time):
        decades = maps[gain_in_depth, gain_in_time]
        down, back = decades[1, -1], decades[-1, 1]
        title = f"down: $10^{{{down:.1f}}}$   back: $10^{{{back:.1f}}}$"
        field(ax, decades, title, grows=True)

    return view


def opened(maps):
    """An LSTM stack with and without residual connections, by forget bias.

    maps : by (residual, bias), decades (depth + 1, T + 1).
    """

    def view(ax, residual, forget_bias):
        decades = maps[residual, forget_bias]
        skips = "skips" if residual else "no skips"
        title = f"{skips}, forget gate {1 / (1 + np.exp(-forget_bias)):.2f}"
        field(ax, decades, title)

    return view


def learning(maps, accuracy):
    """A stack's map before, during and after training.

    maps : by (seed, updates), decades (depth + 1, T + 1); accuracy : the
    same, percent.
    """

    def view(ax, updates, seed):
        right = accuracy[seed, updates]
        title = f"after {updates} updates: {right:.0f} % right"
        field(ax, maps[seed, updates], title, least=-4)

    return view


def by_depth(updates, depths, budget):
    """Updates until a stack has learnt, by depth: a dot for each seed.

    updates : by (residual, depth, rate), (seeds,), nan for those who never
    did; depths : in order; budget : the most updates.
    """
    never = 1.6 * budget
    kinds = [(False, "o", figures.RED, "plain")]
    kinds += [(True, "s", figures.BLUE, "residual")]

    def view(ax, rate):
        for residual, marker, colour, name in kinds:
            x, y = [], []
            for place, depth in enumerate(depths):
                if (residual, depth, rate) in updates:
                    seeds = np.sort(updates[residual, depth, rate])
                    seeds = np.nan_to_num(seeds, nan=never)
                    spread = np.linspace(-0.12, 0.12, len(seeds))
                    x = np.append(x, place + spread + 0.2 * residual)
                    y = np.append(y, seeds)
            ax.plot(x, y, marker, color=colour, label=name)
        ax.axhline(budget, color=figures.GREY, linewidth=1)
        ax.text(-0.4, 2.6 * budget, f"not within {budget} updates")
        ax.set_yscale("log")
        figures.frame(
            ax,
            "layers",
            "updates until 99 % are right",
            (-0.5, len(depths) - 0.5),
            (50, 20_000),
            f"learning rate {rate}",
        )
        ax.set_xticks(range(len(depths)), depths)
        ax.legend(loc="lower left", ncols=2)

    return view
