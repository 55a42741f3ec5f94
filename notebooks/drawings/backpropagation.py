"""Pictures of Backpropagation: graphs, numbers, differences, costs."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch

from gradtrace import Dense, backward, deep, forward, half_squared_norm, tanh
from gradtrace.notebook import figures

BOX = np.array([[-0.46, -0.43], [0.46, -0.43], [0.46, 0.43], [-0.46, 0.43]])

# Where things stand in the picture of the chain: x of the parameters, of the
# boxes, and of the slopes beside them.
LEFT = -2.3
RIGHT = 1.3


def chain(ax, step, w1):
    """One unit and one output: values go up, slopes come down, step by step.

    Steps 1 to 4 are the way up, 5 to 8 the way down; 0 is the input alone.
    """
    x, w_2, y = 2.0, 3.0, 1.0
    net = deep(
        [Dense(1, 1), Dense(1, 1, "identity")],
        [
            {"W": np.array([[w1]]), "b": np.zeros(1)},
            {"W": np.array([[w_2]]), "b": np.zeros(1)},
        ],
    )
    h, vjps = forward(net, np.array([[x]]))
    u = h[2].item()
    loss, g = half_squared_norm(h[2], np.array([[y]]))
    grads = backward(vjps, g)
    a = x * w1
    slope = tanh.slope(np.array(a)).item()
    first, second = grads.p

    boxes = [  # from below: formula, value, slope of the loss, its step
        ("$x$", x, "x", grads.h[0], 8),
        ("$a_1 = x\\,w_1 + b_1$", a, "a_1", first["b"], 7),
        ("$h_1 = \\tanh a_1$", h[1], "h_1", grads.h[1], 6),
        ("$u = h_1\\,w_2 + b_2$", u, "u", g, 5),
        ("$L = \\frac{1}{2}(u - y)^2$", loss, None, None, None),
    ]
    for level, (formula, value, name, gradient, comes) in enumerate(boxes):
        text = f"{formula}\n{written(value)}" if step >= level else formula
        label(ax, 0, level, text, figures.BLUE, boxed=True)
        if name:
            text = f"$\\partial L/\\partial {name}$\n{written(gradient)}"
            label(ax, RIGHT, level, text, figures.ORANGE, step >= comes)
    factors = [  # between the boxes: what is multiplied on the way down
        ("w_1", w1, 8),
        ("\\varphi'(a_1)", slope, 7),
        ("w_2", w_2, 6),
        ("(u - y)", u - y, 5),
    ]
    for level, (name, value, comes) in enumerate(factors):
        start, end = level + 0.27, level + 0.73
        reached = step > level
        shown = step >= comes
        arrow(ax, (-0.25, start), (-0.25, end), figures.BLUE, reached)
        arrow(ax, (0.25, end), (0.25, start), figures.ORANGE, shown)
        text = f"$\\times\\,{name}$ = {written(value)}"
        place = (0.4, level + 0.5)
        ax.text(*place, text, va="center", color=figures.INK, visible=shown)
    parameters = [  # level they enter, name, value, slope, its step
        (1.12, "w_1", w1, first["W"], 8),
        (0.62, "b_1", 0.0, first["b"], 8),
        (3.12, "w_2", w_2, second["W"], 6),
        (2.62, "b_2", 0.0, second["b"], 6),
        (4.0, "y", y, None, 9),
    ]
    for level, name, value, gradient, comes in parameters:
        text = f"${name}$ = {written(value)}"
        label(ax, LEFT, level, text, figures.BLUE)
        if gradient is not None:
            text = f"$\\partial L/\\partial {name}$ = {written(gradient)}"
            shown = step >= comes
            label(ax, LEFT, level - 0.22, text, figures.ORANGE, shown)
    said = "down: slopes" if step > 4 else "up: values"
    ax.set_title(f"step {step:.0f}, the way {said}")
    bare(ax, (-3.1, 2.1), (-0.45, 4.4))
    ax.set_xlabel(
        "blue: values    orange: slopes of the loss\n"
        "with ×: the factor between two boxes"
    )
    ax.set_ylabel("the input below, the loss on top")


def written(value):
    """A number with two decimals, without a minus before zero."""
    rounded = round(float(np.squeeze(value)), 2) + 0.0
    return f"{rounded:.2f}"


def label(ax, x, y, text, colour, visible=True, *, boxed=False):
    """A text around a place, in a box or without."""
    box = None
    if boxed:
        box = dict(boxstyle="round,pad=0.35", fc="white", ec=colour)
    ax.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        color=colour,
        bbox=box,
        visible=visible,
    )


def arrow(ax, start, end, colour, visible=True):
    """An arrow between two places."""
    how = dict(arrowstyle="->", mutation_scale=12, shrinkA=0, shrinkB=0)
    how |= dict(color=colour, lw=1.6, visible=visible)
    ax.add_patch(FancyArrowPatch(start, end, **how))


def bare(ax, xlim, ylim):
    """Axes that are a sheet of paper."""
    ax.set(xlim=xlim, ylim=ylim, xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


# What the loss may be asked about in the picture of the paths: the entry of h
# and the unit that it belongs to; None is all of them, and for a bias neither.
FELT = {f"h{'₁₂₃'[i]}": (i, None) for i in range(3)}
FELT |= {f"W{'₁₂₃'[i]}{'₁₂'[j]}": (i, j) for i in range(3) for j in range(2)}
FELT |= {f"b{'₁₂'[j]}": (None, j) for j in range(2)}


def paths(h, W, b, g):
    """A layer of two units that read three numbers: the paths from one number
    to the loss, and what each of them brings.

    h : shape (3,); W : (3, 2); b : (2,); g : (2,), the slopes of the loss in
    the two outputs.
    """
    slopes = tanh.slope(h @ W + b)
    inputs = np.array([-1.3, 0.0, 1.3])  # where h_1, h_2 and h_3 stand
    units = np.array([-0.85, 0.85])
    colours = [figures.PURPLE, figures.GREEN]

    def view(ax, number):
        i, j = FELT[number]
        total = 0.0
        for unit, x in enumerate(units):
            n = unit + 1
            runs = j in (unit, None)
            points = [(x, 1.3), (x, 2.3), (0.35 * x, 3.2)]
            line(ax, points, colours[unit], runs)
            for k, start in enumerate(inputs):
                this = runs and k == i
                line(ax, [(start, 0), (x, 1.3)], colours[unit], this)
                place = 0.3 if start * x >= 0 else 0.78
                text = f"${written(W[k, unit])}$"
                where = (start + place * (x - start), 1.3 * place)
                ax.text(*where, text, ha="center", va="center", bbox=PAPER)
            text = f"$\\varphi'(a_{n}) = {written(slopes[unit])}$"
            ax.text(x, 1.8, text, ha="center", va="center", bbox=PAPER)
            text = f"$g_{n} = {written(g[unit])}$"
            ax.text(0.7 * x, 2.75, text, ha="center", va="center", bbox=PAPER)
            label(ax, x, 1.3, f"$a_{n}$", figures.INK, boxed=True)
            label(ax, x, 2.3, f"$h'_{n}$", figures.INK, boxed=True)
            if i is None:
                own, name = 1.0, "1"
            elif j is None:
                own, name = W[i, unit], f"W_{{{i + 1}{n}}}"
            else:
                own, name = h[i], f"h_{i + 1}"
            share = g[unit] * slopes[unit] * own
            total += runs * share
            formula = f"g_{n}\\,\\varphi'(a_{n})\\,{name}"
            text = f"through unit {n}:  ${formula} = {written(share)}$"
            place = dict(ha="center", va="center", color=figures.INK)
            ax.text(0, -0.55 - 0.35 * unit, text, visible=runs, **place)
        for k, x in enumerate(inputs):
            text = f"$h_{k + 1} = {written(h[k])}$"
            label(ax, x, 0, text, figures.INK, boxed=True)
        label(ax, 0, 3.3, "the rest of the net, $L$", figures.INK, boxed=True)
        ax.set_title(f"∂L/∂{number} = {written(total)}")
        bare(ax, (-1.9, 1.9), (-1.1, 3.6))
        ax.set_xlabel("pink: through unit 1    green: through unit 2")
        ax.set_ylabel("upwards, as the net computes")

    return view


PAPER = dict(boxstyle="round,pad=0.15", fc="white", ec="none")


def line(ax, points, colour, runs):
    """A line that is thick and coloured on a path, thin elsewhere."""
    if not runs:
        colour = figures.GREY
    width = 3 if runs else 0.8
    one = LineCollection([points], colors=[colour], linewidths=width)
    ax.add_collection(one, autolim=False)


def layer_graph(ax):
    """One layer as a graph, with the shape of all that goes up and comes down:
    four samples, three numbers in, two units."""
    boxes = [  # from below: what goes up, what comes down, and their shapes
        ("$h$", "(4, 3)", "$\\partial L/\\partial h = d\\,W^T$", "(4, 3)"),
        ("$h\\,W$", "(4, 2)", "$d$", "(4, 2)"),
        (
            "$a = h\\,W + b$",
            "(4, 2)",
            "$d = g \\odot \\varphi'(a)$",
            "(4, 2)",
        ),
        ("$h' = \\varphi(a)$", "(4, 2)", "$g$, from above", "(4, 2)"),
    ]
    for level, (up, shape, down, its_shape) in enumerate(boxes):
        label(ax, 0, level, f"{up}\n{shape}", figures.BLUE, boxed=True)
        label(ax, 1.7, level, f"{down}\n{its_shape}", figures.ORANGE)
        if level < 3:
            arrow(ax, (-0.2, level + 0.3), (-0.2, level + 0.7), figures.BLUE)
            arrow(ax, (0.2, level + 0.7), (0.2, level + 0.3), figures.ORANGE)
    parameters = [
        (0.5, "$W$  (3, 2)", "$\\partial L/\\partial W = h^T d$\n(3, 2)"),
        (1.5, "$b$  (2,)", "$\\partial L/\\partial b = \\Sigma\\,d$\n(2,)"),
    ]
    for level, up, down in parameters:
        label(ax, -1.8, level + 0.27, up, figures.BLUE)
        label(ax, -1.8, level - 0.08, down, figures.ORANGE)
        arrow(ax, (-1.2, level + 0.2), (-0.7, level + 0.42), figures.BLUE)
        arrow(ax, (-0.7, level + 0.28), (-1.1, level), figures.ORANGE)
    bare(ax, (-2.6, 2.6), (-0.4, 3.4))


def ladder(run):
    """Every number of one sample's way up, on the left, and down, on the
    right, the input at the bottom. A value that the way down reads has a thick
    blue edge; gradients are orange, and what is exactly zero is grey. Factors
    of the way down stand among the gradients, without a box.

    run : returns a net of two layers, its states, the target, the loss and the
    gradients at the values of the sliders.
    """

    def view(ax, x1, w, target, activation):
        net, h, y, loss, grads = run(x1, w, target, activation)
        right = max(len(net[0].p["b"]), h[0].size) + 0.6
        bottom = 0.0
        boxes = []
        heights = []
        labels = []
        for name, value, down, read in rungs(net, h, y, grads):
            held = down if value is None else value
            top = bottom + len(np.atleast_2d(held)) - 1
            if value is not None:
                colour = figures.BLUE if read else None
                edge = 1.6 if read else 0.6
                boxes += numbers(ax, value, 0, top, colour, edge=edge)
            if value is None:
                boxes += numbers(ax, down, right, top, None, edge=0)
            elif down is not None:
                boxes += numbers(ax, down, right, top, figures.ORANGE)
            heights.append(0.5 * (bottom + top))
            labels.append(f"{name}  {held.shape}")
            bottom = top + 1.35
        corners, faces, edges, thickness = zip(*boxes, strict=True)
        painted = PolyCollection(
            corners, facecolors=faces, edgecolors=edges, linewidths=thickness
        )
        ax.add_collection(painted, autolim=False)
        ax.set(xlim=(-0.6, 2 * right - 1), ylim=(-0.7, bottom - 0.65))
        key = "blue edge: read again    grey: exactly zero"
        ax.set(xlabel=key, ylabel="array, shape")
        ax.set_yticks(heights, labels)
        middles = [0.5 * right - 0.8, 1.5 * right - 0.8]
        ax.set_xticks(middles, ["values, up", "gradients, down"])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(f"loss {loss:.2f}")

    return view


def rungs(net, h, y, grads):
    """Name, value, gradient of every array, the input first, and whether the
    way down reads the value. A factor of the way down has no value, and stands
    in the place of the gradient."""
    hidden = net[0].step
    p_1 = net[0].p
    p_2 = net[1].p
    dp_1 = grads.p[0]
    dp_2 = grads.p[1]
    a_1 = h[0] @ p_1["W"] + p_1["b"]
    d_1 = dp_1["b"].reshape(a_1.shape)  # of one sample, ∂L/∂b is d
    return [
        ("x", h[0], grads.h[0], True),
        ("$W_1$", p_1["W"], dp_1["W"], True),
        ("$b_1$", p_1["b"], dp_1["b"], False),
        ("$a_1$", a_1, d_1, True),
        ("$\\times\\,\\varphi'(a_1)$", None, hidden.phi.slope(a_1), False),
        ("$h_1$", h[1], grads.h[1], True),
        ("$W_2$", p_2["W"], dp_2["W"], True),
        ("$b_2$", p_2["b"], dp_2["b"], False),
        ("u", h[2], grads.h[2], True),
        ("y", y, None, True),
    ]


def numbers(ax, array, left, top, colour, *, edge=0.6):
    """Write the numbers of an array, and return corners, face, edge and its
    thickness of a box for each. The edge is blue where it is thick.

    edge : its thickness; 0 is none.
    """
    boxes = []
    for (i, j), number in np.ndenumerate(np.atleast_2d(array)):
        x = left + j
        y = top - i
        ax.text(x, y, written(number), ha="center", va="center_baseline")
        if number == 0:
            face = to_rgba(figures.GREY, 0.45)
        elif colour:
            face = to_rgba(colour, 0.25)
        else:
            face = (0, 0, 0, 0)
        shade = figures.BLUE if edge > 1 else figures.GREY
        boxes.append((np.add(BOX, (x, y)), face, shade, edge))
    return boxes


def difference(widths, errors):
    """The error of a difference by its width, and the two lines that it is
    made of, all in powers of ten.

    errors : by candidate and recipe, one a width.
    """
    orders = {"one-sided": 1, "central": 2, "five-point": 4, "complex step": 2}

    def view(ax, candidate, recipe, width):
        error = errors[candidate][recipe]
        marked = error[np.isclose(widths, width, rtol=1e-6, atol=0)].item()
        rounding = 1e-16 / widths
        if recipe == "complex step":
            rounding = np.full_like(widths, 1e-16)
        s = np.log10(widths)
        grey = figures.GREY
        ax.plot(s, orders[recipe] * s, "--", color=grey, label="bending")
        ax.plot(s, np.log10(rounding), ":", color=grey, label="rounding")
        ax.plot(s, np.log10(error), color=figures.BLUE, label="measured")
        dot = dict(marker="o", linestyle="none", color=figures.ORANGE)
        ax.plot(np.log10(width), np.log10(marked), label="at this Δ", **dot)
        ax.set(
            xlabel="powers of ten of the width Δ",
            ylabel="powers of ten of the error",
            xlim=(-15.3, 0.3),
            ylim=(-17, 7),
            xticks=[-15, -10, -5, 0],
            yticks=[-15, -10, -5, 0],
            title=f"{candidate}: error {marked:.0e} at Δ = {width:.0e}",
        )
        ax.legend(loc="upper center", ncols=2, columnspacing=1)

    return view


def cost(inputs, counted):
    """The cost of a Jacobian by the number of inputs, in passes, in reverse
    and in forward mode.

    counted : by outputs and hidden layers, both costs, one a number of inputs.
    """

    def view(ax, outputs, hidden_layers):
        back, ahead = counted[outputs, hidden_layers]
        blue, orange = figures.BLUE, figures.ORANGE
        ax.loglog(inputs, ahead, color=blue, label="forward mode")
        ax.loglog(inputs, back, "--", color=orange, label="reverse mode")
        y = "cost, in passes"
        figures.frame(ax, "number of inputs", y, (1, 1000), (0.1, 1e5))
        place = dict(ha="right", va="center")
        above = f"{ahead[-1]:.4g} passes"
        below = f"{back[-1]:.4g} passes"
        ax.text(900, 2.5 * ahead[-1], above, color=blue, **place)
        ax.text(900, 0.4 * back[-1], below, color=orange, **place)
        ratio = ahead[-1] / back[-1]
        title = f"1000 inputs: forward ÷ reverse = {ratio:.3g}"
        ax.legend(loc="upper left", ncols=2, title=title)

    return view


def points(axes, features, names, y, split):
    """Points of two classes in the planes of pairs of features, a panel each;
    points of class 1 are orange squares.

    y : zeros and ones.
    split : two ends of a line between the classes, in the last panel.
    """
    for ax, f, name in zip(axes, features, names, strict=True):
        rounds = f[y == 0].T
        squares = f[y == 1].T
        blue = figures.BLUE
        orange = figures.ORANGE
        ax.plot(*rounds, "o", color=blue, markersize=9, label="y = 0")
        ax.plot(*squares, "s", color=orange, markersize=9, label="y = 1")
        x = f"first entry of {name}"
        figures.frame(ax, x, "second entry", (-0.5, 2.5), (-0.5, 2.0))
        ax.grid(alpha=0.25)
    half = dict(color=figures.GREY, label="the model says ½")
    axes[-1].plot(*split, "--", **half)
    axes[0].legend(loc="upper right", ncols=2)
    axes[-1].legend(handles=axes[-1].lines[-1:], loc="upper right")
    for ax, name in zip(axes, ("inputs", "features"), strict=True):
        ax.set_title(name)
