"""Pictures of Backpropagation: a small net's numbers, differences, costs."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba

from gradtrace.notebook import figures

BOX = np.array([[-0.46, -0.43], [0.46, -0.43], [0.46, 0.43], [-0.46, 0.43]])


def ladder(run):
    """Every number of one sample's way up, on the left, and down, on the
    right, the input at the bottom. Boxes are blue where the way down reads a
    value, white where not, orange for gradients, grey for exactly zero.

    run : returns a net of two layers, its states, the target, the loss and the
    gradients at the values of the sliders.
    """

    def view(ax, x1, w, target, unit):
        net, h, y, loss, grads = run(x1, w, target, unit)
        right = max(len(net[0].p["b"]), h[0].size) + 0.6
        bottom = 0.0
        boxes = []
        heights = []
        labels = []
        for name, value, gradient, colour in rungs(net, h, y, grads):
            top = bottom + len(np.atleast_2d(value)) - 1
            boxes += numbers(ax, value, 0, top, colour)
            boxes += numbers(ax, gradient, right, top, figures.ORANGE)
            heights.append(0.5 * (bottom + top))
            labels.append(f"{name}  {value.shape}")
            bottom = top + 1.35
        painted = PolyCollection(
            [corners for corners, _ in boxes],
            facecolors=[face for _, face in boxes],
            edgecolors=figures.GREY,
            linewidths=0.6,
        )
        ax.add_collection(painted, autolim=False)
        ax.set(xlim=(-0.6, 2 * right - 1), ylim=(-0.7, bottom - 0.65))
        ax.set(xlabel="the input is below", ylabel="array, shape")
        ax.set_yticks(heights, labels)
        middles = [0.5 * right - 0.8, 1.5 * right - 0.8]
        ax.set_xticks(middles, ["values, up", "gradients, down"])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(f"loss {loss:.2f}")

    return view


def rungs(net, h, y, grads):
    """Name, value, gradient and colour of every array, the input first."""
    hidden = net[0].step
    p_1 = net[0].p
    p_2 = net[1].p
    dp_1 = grads.p[0]
    dp_2 = grads.p[1]
    a_1 = h[0] @ p_1["W"] + p_1["b"]
    d_1 = dp_1["b"].reshape(a_1.shape)  # of one sample, ∂L/∂b is d
    read = figures.BLUE
    return [
        ("x", h[0], grads.h[0], read),
        ("$W_1$", p_1["W"], dp_1["W"], read),
        ("$b_1$", p_1["b"], dp_1["b"], None),
        ("$a_1$", a_1, d_1, read),
        ("$\\varphi'(a_1)$", hidden.phi.slope(a_1), [], None),
        ("$h_1$", h[1], grads.h[1], read),
        ("$W_2$", p_2["W"], dp_2["W"], read),
        ("$b_2$", p_2["b"], dp_2["b"], None),
        ("u", h[2], grads.h[2], read),
        ("y", y, [], read),
    ]


def numbers(ax, array, left, top, colour):
    """Write the numbers of an array, and return corners and face of a box for
    each."""
    boxes = []
    for (i, j), number in np.ndenumerate(np.atleast_2d(array)):
        x = left + j
        y = top - i
        number = number + 0.0  # -0.0 becomes 0.0
        ax.text(x, y, f"{number:.2f}", ha="center", va="center_baseline")
        if number == 0:
            face = to_rgba(figures.GREY, 0.45)
        elif colour:
            face = to_rgba(colour, 0.25)
        else:
            face = (0, 0, 0, 0)
        boxes.append((np.add(BOX, (x, y)), face))
    return boxes


def difference(widths, errors):
    """The error of a difference by its width, and the two lines that it is
    made of, all in powers of ten.

    errors : by candidate and recipe, one a width.
    """
    orders = {"one-sided": 1, "central": 2, "five-point": 4, "complex step": 2}

    def view(ax, candidate, recipe, width):
        error = errors[candidate][recipe]
        marked = error[widths == width].item()
        rounding = 1e-15 / widths
        if recipe == "complex step":
            rounding = np.full_like(widths, 1e-16)
        s = np.log10(widths)
        grey = figures.GREY
        ax.plot(s, orders[recipe] * s, "--", color=grey, label="bending")
        ax.plot(s, np.log10(rounding), ":", color=grey, label="rounding")
        ax.plot(s, np.log10(error), color=figures.BLUE, label="measured")
        orange = figures.ORANGE
        ax.plot(np.log10(width), np.log10(marked), "o", color=orange)
        ax.set(
            xlabel="powers of ten of the width s",
            ylabel="powers of ten of the error",
            xlim=(-15.3, 0.3),
            ylim=(-17, 4),
            yticks=[-15, -10, -5, 0],
            title=f"error {marked:.0e} at s = {width:.0e}",
        )
        ax.legend(loc="upper center", ncols=3, columnspacing=1)

    return view


def cost(inputs, counted):
    """The cost of a Jacobian by the number of inputs, in forward passes, in
    reverse and in forward mode.

    counted : by outputs and hidden layers, both costs, one a number of inputs.
    """

    def view(ax, outputs, hidden_layers):
        back, ahead = counted[outputs, hidden_layers]
        ax.loglog(inputs, ahead, color=figures.ORANGE, label="forward mode")
        blue = figures.BLUE
        ax.loglog(inputs, back, "--", color=blue, label="reverse mode")
        y = "cost, in forward passes"
        figures.frame(ax, "number of inputs", y, (1, 1000), (0.1, 1e5))
        ratio = ahead[-1] / back[-1]
        title = f"1000 inputs: forward ÷ reverse = {ratio:.3g}"
        ax.legend(loc="upper left", ncols=2, title=title)

    return view


def points(axes, features, names, y):
    """Points of two classes in the planes of pairs of features, a panel each;
    points of class 1 are orange squares. y : zeros and ones."""
    for ax, f, name in zip(axes, features, names, strict=True):
        rounds = f[y == 0].T
        squares = f[y == 1].T
        blue = figures.BLUE
        orange = figures.ORANGE
        ax.plot(*rounds, "o", color=blue, markersize=9, label="y = 0")
        ax.plot(*squares, "s", color=orange, markersize=9, label="y = 1")
        ax.set(xlabel=f"first entry of {name}", ylabel="second")
        ax.set(xlim=(-0.5, 2.5), ylim=(-0.5, 1.5))
        ax.grid(alpha=0.25)
    axes[0].legend(loc="upper right")
