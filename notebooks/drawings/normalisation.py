"""What a norm does: the directions its gradient loses, gains that drop out,
bounds on states and gradients, and how much a batch decides."""

import numpy as np

from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, COLOURS, GREY, ORANGE
from gradtrace.steps.norms import standardise


def erased(axes, batch, shift, stretch, s):
    """Left, a random gradient of up to eight samples with ``shift`` added
    along the ones and ``stretch`` along z; right, what a norm with the
    standard deviation s lets through."""
    rng = np.random.default_rng(3)
    h = s * rng.standard_normal((8, 1))[:batch]
    z, vjp = standardise(h, eps=1e-12, axis=0)
    random = rng.standard_normal((8, 1))[:batch]
    d = random + shift + stretch * z
    gradient_bars(axes[0], d, "incoming", GREY)
    gradient_bars(axes[1], vjp(d), f"outgoing, s = {s}", BLUE)


def gradient_bars(ax, d, name, colour):
    """One bar for each of eight samples; those not in the batch get none."""
    heights = np.zeros(8)
    heights[: len(d)] = d[:, 0]
    ax.bar(np.arange(1, 9), heights, color=colour)
    length = np.linalg.norm(d)
    figures.frame(
        ax,
        "sample i",
        "gradient",
        (0.3, 8.7),
        (-6, 6),
        f"{name}: length {length:.2f}",
    )


def by_gain(up, down, factor, kinds, gains):
    """By layer, above the rms of the states and below the gradient's norm,
    of every kind at one gain.

    up, down : by (kind, activation, place), powers of ten, (layers, gains);
    factor : alike, (gains,), of the gradient from layer to layer.
    """

    def view(axes, gain, phi, place):
        states, gradients = axes
        now = np.argmax(gains == gain)
        for kind, colour in zip(kinds, COLOURS, strict=False):
            key = kind, phi, place
            name = f"{kind} × {factor[key][now]:.2f}"
            states.plot(up[key][:, now], color=colour)
            gradients.plot(down[key][:, now], color=colour, label=name)
        figures.frame(
            states,
            "layer l",
            "powers of ten, rms $h_l$",
            (0, 50),
            (-24, 20),
            "forward",
        )
        figures.frame(
            gradients,
            "layer l",
            "powers of ten, $\\|\\partial L/\\partial h_l\\|$",
            (0, 50),
            (-24, 36),
            "backward, with factor a layer",
        )
        gradients.legend(loc="upper right", fontsize=8, ncols=2)

    return view


def bounds(axes, length, gradient, grows):
    """Left, the length of the state by layer, which may grow by ``grows`` in
    each; right, the gradient's norm, a natural logarithm, which may not grow
    on its way down, to the left. Both have shape (T + 1,)."""
    states, gradients = axes
    T = len(length) - 1
    most = length[0] + grows * np.arange(T + 1)
    decades = figures.decades(gradient)
    beside_bound(states, length, most)
    beside_bound(gradients, decades, np.full(T + 1, decades[-1]))
    low = min(-20, 1.2 * decades.min())
    figures.frame(
        states, "layer l", "length of $h_l$", (0, T), (0, 1.2 * most[-1])
    )
    figures.frame(
        gradients, "layer l", "gradient, powers of ten", (0, T), (low, 3)
    )


def beside_bound(ax, measured, bound):
    """What was measured at each layer, and the line that it may not cross."""
    ax.plot(measured, color=BLUE, label="measured")
    ax.plot(bound, "--", color=ORANGE, label="bound")
    ax.legend(loc="lower right")


def mates(alone, seen):
    """Normalised values of one unit in training against those in prediction.

    alone : (samples, 1); seen : by batch size, (batches, batch size, 1).
    """

    def view(ax, B):
        z = alone.ravel()
        z_train = seen[B].ravel()
        distance = np.std(z_train - z)
        ax.plot([-4, 4], [-4, 4], color=GREY)
        ax.plot(z, z_train, "o", color=BLUE, markersize=3)
        figures.frame(
            ax,
            "z in prediction",
            "z in training",
            (-4, 4),
            (-4, 4),
            f"rms distance {distance:.2f}",
        )

    return view


def by_size(shares, sizes, gains):
    """Test digits right against batch size at one gain: the median of the
    seeds, in a band from the lower to the upper quartile.

    shares : by norm, from 0 to 1, (sizes, gains, seeds).
    """
    places = np.arange(len(sizes))

    def view(ax, gain):
        now = gains.index(gain)
        for norm, colour in zip(shares, COLOURS, strict=False):
            seeds = 100 * shares[norm][:, now]
            low, middle, high = np.quantile(seeds, [0.25, 0.5, 0.75], axis=-1)
            ax.fill_between(places, low, high, color=colour, alpha=0.3)
            ax.plot(places, middle, "o-", color=colour, label=norm)
        ax.set_xticks(places, sizes)
        figures.frame(
            ax,
            "images in a batch",
            "test digits right, %",
            (-0.2, len(sizes) - 0.8),
            (0, 100),
        )
        ax.legend(loc="lower right")

    return view
