"""What becomes of a start: how size, signal and gradient fare by layer, what
single units say, how nets learn, and the plane of order and chaos."""

import numpy as np

from gradtrace import meanfield
from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREY, ORANGE


def fate(logs):
    """Size, signal and gradient by layer, in powers of ten.

    logs : by (weights, activation, width); three natural logarithms at the
    layers 0 … depth: of the norms of state, signal and gradient. The first
    two are shown relative to the input.
    """

    def view(ax, weights, activation, width):
        size, signal, gradient = logs[weights, activation, width]
        size = size - size[0]
        signal = signal - signal[0]
        figures.norms(ax, size, colour=GREY, style="--", label="size")
        figures.norms(ax, signal, colour=BLUE, label="signal")
        figures.norms(ax, gradient, colour=ORANGE, label="gradient")
        up = left(signal[-1], least=-15)  # below that it is rounding
        down = left(gradient[0], least=-300)
        depth = len(size) - 1
        title = f"at the end: signal {up}, gradient {down}"
        figures.frame(
            ax, "layer l", "powers of ten", (0, depth), (-30, 25), title
        )
        ax.legend(loc="lower right", ncols=3)

    return view


def left(log, least):
    """A natural logarithm as a power of ten, "none" from ``least`` down."""
    decades = log / np.log(10)
    if decades <= least:
        return "none"
    exponent = round(decades, 1) + 0.0  # -0.0 becomes 0.0
    return f"$10^{{{exponent:+.1f}}}$"


def lessons(losses):
    """Training loss of each epoch, in nats, at the rate whose median ends
    lowest: median and quartiles of the draws.

    losses : by (name of the start, rule), shape (epochs, draws, rates).
    """

    def view(ax):
        for (start, rule), loss in losses.items():
            best = np.argmin(np.median(loss[-1], axis=0))
            epochs = np.arange(1, len(loss) + 1)
            style = "-" if rule == "descent" else "--"
            colour = ORANGE if start == "Xavier" else BLUE
            label = f"{start}, {rule}"
            many = loss[:, :, best]
            figures.band(
                ax, epochs, many, colour=colour, style=style, label=label
            )
        figures.frame(ax, "epoch", "training loss, nats", (1, 15), (0, 2.6))
        ax.legend(loc="lower left")

    return view


def histograms(states):
    """Above, the activations of a layer of 100 units; below, in powers of
    ten, how far each is from its unit's mean over the batch.

    states : by (weights, activation, width), each of shape
    (depth + 1, batch, units).
    """

    def view(axes, weights, activation, layer):
        h = states[weights, activation, 100][layer]
        apart = np.abs(h - h.mean(axis=0))
        with np.errstate(divide="ignore"):
            decades = np.log10(apart)
        differ = 100 * np.mean(apart > 0.01)
        histogram(axes[0], h, -3, 3, BLUE)
        histogram(axes[1], decades, -17, 3, ORANGE)
        y = "%, root scale"
        x = "activation h (outermost bars: and beyond)"
        figures.frame(axes[0], x, y, (-3, 3), (0, 100), f"layer {layer}")
        x = "powers of ten, |h − mean| (leftmost bar: and equal)"
        share = f"{differ:.0f} % by more than 0.01"
        title = f"between inputs: {share}"
        figures.frame(axes[1], x, y, (-17, 3), (0, 100), title)
        axes[0].set_yticks([1, 10, 50, 100])
        axes[1].set(xticks=[-15, -10, -5, 0], yticks=[1, 10, 50, 100])

    return view


def histogram(ax, values, low, high, colour):
    """Shares in percent; what lies outside counts in the outermost bars."""
    inside = np.clip(values, low, high)
    count, edges = np.histogram(inside, 40, (low, high))
    ax.stairs(100 * count / values.size, edges, fill=True, color=colour)
    ax.set_yscale("function", functions=(np.sqrt, np.square))


def order_and_chaos(
    weight_variances, bias_variances, chi, xi, apart, gradient
):
    """Above, a point (σ_w², σ_b²) in order or in chaos; below, tanh nets
    drawn there beside the theory of infinite width.

    chi, xi : χ₁ and the depth scale ξ_c of every point, by σ_w² and σ_b².
    apart : natural logarithms of the distance of two inputs, by σ_w², net,
    layer 1 … depth and σ_b²; gradient : of its norm, alike, from layer 0 on.
    """

    def view(axes, weight_variance, bias_variance):
        i = np.argmin(np.abs(weight_variances - weight_variance))
        j = np.argmin(np.abs(bias_variances - bias_variance))
        plane(axes[0], weight_variances[i], bias_variances[j], chi[i, j])
        beside_theory(
            axes[1],
            apart[i, :, :, j],
            gradient[i, :, :, j],
            chi[i, j],
            xi[i, j],
        )

    return view


def plane(ax, weight_variance, bias_variance, chi):
    """The plane of the two variances with the critical line of tanh
    (Schoenholz et al. 2017), the named starts, and the reader's point."""
    sigma_b = np.linspace(0, 0.68, 69)
    critical = meanfield.critical_sigma_w(sigma_b) ** 2
    right = np.append(critical, 4.2)  # to the picture's corner
    top = np.append(sigma_b**2, 0.46)
    ax.fill_between(right, 0, top, color=ORANGE, alpha=0.25)
    ax.plot(critical, sigma_b**2, "-", color=GREY)
    ax.plot([1, 2], [0, 0], "s", color=GREY)
    ax.text(0.6, 0.3, "order")
    ax.text(3.3, 0.3, "chaos")
    ax.text(1.1, 0.03, "Xavier")
    ax.text(2.1, 0.03, "He")
    ax.plot([weight_variance], [bias_variance], "o", color=BLUE, markersize=9)
    x = "$\\sigma_w^2 = n$ Var W"
    y = "$\\sigma_b^2$"
    title = f"$\\chi_1$ = {chi:.2f}"
    figures.frame(ax, x, y, (0.3, 4.2), (-0.02, 0.46), title)


def beside_theory(ax, apart, gradient, chi, xi):
    """Distance of two inputs and gradient by layer, in powers of ten, beside
    the theory's slope of ln χ₁ / 2 a layer: drawn from the last layer down
    for the gradient, and in order from layer 10 on for the distance.

    apart : natural logarithms, (nets, depth); gradient : (nets, depth + 1).
    """
    nets, depth = apart.shape
    of_apart = nets * [None]
    of_gradient = nets * [None]
    of_apart[0] = "two inputs apart"  # the first stands in the legend
    of_gradient[0] = "gradient"
    for k in range(nets):
        figures.norms(ax, apart[k], start=1, colour=BLUE, label=of_apart[k])
        figures.norms(ax, gradient[k], colour=ORANGE, label=of_gradient[k])
    rate = np.log(chi) / 2
    layers = np.arange(depth + 1)
    down = rate * (depth - layers)
    figures.norms(ax, down, colour=GREY, style="--", label="theory")
    at_10 = apart[:, 9].mean() if rate < 0 else np.nan  # nan is not drawn
    merging = at_10 + rate * (layers[10:] - 10)
    figures.norms(ax, merging, start=10, colour=GREY, style="--")
    scale = "∞" if np.isinf(xi) else f"{xi:.1f}"
    title = f"depth scale $\\xi_c$ = {scale} layers"
    figures.frame(ax, "layer l", "powers of ten", (0, depth), (-6, 5), title)
    ax.legend(loc="upper right", ncols=3, columnspacing=1.0)
