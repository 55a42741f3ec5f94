"""Small views as authors of courses write them.

They draw by pyplot, on given axes, by other libraries. ``GALLERY`` maps a name
to ``(view, values, options)``, what `explore` is given. A name's first word is
its kind. None of these views knows that it is explored.
"""

import calendar
import datetime

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import cm, patches
from matplotlib.collections import LineCollection

GALLERY = {}
T = np.linspace(0, 1, 200)


def shown(name, limits="fixed", **values):
    """Put a view into the gallery."""

    def put(view):
        GALLERY[name] = (view, values, {"limits": limits})
        return view

    return put


# ---- signals


@shown("signals: a sine and its samples", frequency=(1, 9), rate=[5, 10, 20])
def sampled(frequency, rate):
    at = np.arange(rate + 1) / rate
    plt.plot(T, np.sin(2 * np.pi * frequency * T), lw=1)
    plt.stem(at, np.sin(2 * np.pi * frequency * at), "C1", markerfmt="C1o")
    plt.ylim(-1.2, 1.2)
    plt.title(f"{frequency} Hz at {rate} samples")


@shown("signals: a square wave by Fourier", "union", terms=(1, 15, 2))
def fourier(terms):
    orders = np.arange(1, 2 * terms, 2)
    wave = sum(np.sin(2 * np.pi * k * T) / k for k in orders)
    plt.figure(figsize=(5, 3))
    plt.plot(T, wave)
    plt.fill_between(T, wave, alpha=0.2)
    plt.xlabel("time")


@shown("signals: spectrum", "moving", noise=[0.0, 0.5, 2.0])
def spectrum(noise):
    rng = np.random.default_rng(0)
    x = np.sin(40 * T) + noise * rng.normal(size=200)
    fig, (above, below) = plt.subplots(2, 1, figsize=(5, 4))
    above.plot(T, x)
    below.magnitude_spectrum(x, Fs=200)
    plt.tight_layout()


@shown("signals: spectrogram", rate=[0.0, 10.0, 30.0])
def chirp(rate):
    t = np.linspace(0, 10, 4000)
    plt.specgram(
        np.sin(2 * np.pi * (20 * t + rate * t**2 / 2)),
        Fs=400,
        NFFT=128,
        noverlap=64,
    )
    plt.ylim(0, 200)


@shown("signals: step response", damping=[0.1, 0.5, 1.5])
def step_response(ax, damping):
    t, x, v = np.linspace(0, 20, 400), 0.0, 0.0
    found = []
    for _ in t:
        v += 0.05 * (1 - x - 2 * damping * v)
        x += 0.05 * v
        found.append(x)
    ax.plot(t, found)
    ax.axhline(1, ls="--", c="gray")
    ax.set(xlim=(0, 20), ylim=(0, 2), xlabel="time", ylabel="answer")


@shown("signals: Bode", limits="moving", order=(1, 4))
def bode(order):
    w = np.logspace(-2, 2, 100)
    fig, axes = plt.subplots(2, 1, sharex=True)
    axes[0].loglog(w, (1 + w**2) ** (-order / 2))
    axes[1].semilogx(w, -order * np.degrees(np.arctan(w)))
    axes[1].set_xlabel("frequency")
    axes[0].grid(True, which="both", alpha=0.3)


# ---- statistics


@shown("statistics: histogram", "union", bins=[5, 10, 20, 40])
def histogram(bins):
    plt.hist(
        np.random.default_rng(1).normal(size=300), bins=bins, edgecolor="w"
    )
    plt.title(f"{bins} bins")


@shown("statistics: histogram, moving", "moving", n=[10, 100, 1000])
def sample(n):
    plt.hist(
        np.random.default_rng(2).exponential(size=n), density=True, color="C2"
    )


@shown("statistics: box plots", groups=(1, 5))
def boxes(groups):
    rng = np.random.default_rng(3)
    plt.boxplot([rng.normal(i, 1, 50) for i in range(groups)])
    plt.xlim(0, 6)
    plt.ylim(-4, 8)


@shown("statistics: violins", spread=[0.5, 1.0, 2.0])
def violins(ax, spread):
    rng = np.random.default_rng(4)
    ax.violinplot(
        [rng.normal(0, spread * i, 80) for i in (1, 2, 3)], showmedians=True
    )
    ax.set_ylim(-15, 15)


@shown("statistics: bars with errors", scale=[1, 2])
def bars(scale):
    plt.bar(
        ["a", "b", "c"],
        np.array([3, 5, 2]) * scale,
        yerr=scale,
        capsize=4,
        color=["C0", "C1"],
    )
    plt.ylim(0, 14)


@shown("statistics: stacked and hatched", top=[1, 3])
def hatched(top):
    plt.bar([0, 1], [2, 3], hatch="//", facecolor="w", edgecolor="C0")
    plt.bar(
        [0, 1],
        [top, top],
        bottom=[2, 3],
        hatch="..",
        facecolor="w",
        edgecolor="C1",
    )
    plt.ylim(0, 7)


@shown("statistics: scatter and fit", "union", noise=[0.1, 1.0, 3.0])
def fit(noise):
    rng = np.random.default_rng(5)
    x = np.linspace(0, 5, 40)
    y = 1 + 2 * x + noise * rng.normal(size=40)
    plt.scatter(x, y, c=y, cmap="viridis", s=20 + 10 * x)
    line = np.polyfit(x, y, 1)
    plt.plot(x, np.polyval(line, x), "r--", label=f"slope {line[0]:.2f}")
    plt.legend()
    print(f"intercept {line[1]:.2f}, slope {line[0]:.2f}")


@shown(
    "statistics: distribution",
    "union",
    law={"normal": 2.0, "peaked": 1.0, "flat": 8.0},
)
def distribution(law):
    x = np.linspace(-3, 3, 200)
    density = np.exp(-(np.abs(x) ** law))
    plt.fill_between(x, density, color="C4", alpha=0.4)
    plt.plot(x, density, "C4")


@shown("statistics: hexagons", gridsize=[8, 16])
def hexagons(gridsize):
    x, y = np.random.default_rng(6).normal(size=(2, 500))
    plt.hexbin(x, y, gridsize=gridsize, cmap="Blues")
    plt.axis([-3, 3, -3, 3])


@shown("statistics: two-dimensional histogram", "moving", bins=[5, 15])
def two_dimensional(bins):
    x, y = np.random.default_rng(7).normal(size=(2, 500))
    plt.hist2d(x, y, bins=bins, range=[[-3, 3], [-3, 3]])
    plt.colorbar()


@shown("statistics: cumulative", "union", n=[5, 50, 500])
def cumulative(ax, n):
    ax.ecdf(np.random.default_rng(8).normal(size=n))
    ax.set_xlim(-3, 3)


@shown("statistics: pie", share=[10, 30, 60])
def pie(share):
    plt.pie(
        [share, 100 - share],
        labels=["yes", "no"],
        autopct="%d%%",
        explode=[0.1, 0],
    )


# ---- dynamics


@shown("dynamics: logistic map", r=[2.8, 3.2, 3.9])
def cobweb(r):
    x, points = 0.2, []
    for _ in range(40):
        points += [(x, x), (x, r * x * (1 - x))]
        x = r * x * (1 - x)
    plt.plot(T, r * T * (1 - T), T, T, "k")
    plt.plot(*np.transpose(points), "C3", lw=0.7)
    plt.axis("square")
    plt.xlim(0, 1)
    plt.ylim(0, 1)


@shown("dynamics: quiver", swirl=[-1.0, 0.0, 1.0])
def quiver(swirl):
    x, y = np.meshgrid(np.linspace(-2, 2, 11), np.linspace(-2, 2, 11))
    plt.quiver(x, y, -swirl * y - x / 3, swirl * x - y / 3, np.hypot(x, y))
    plt.axis("equal")


@shown("dynamics: streams", swirl=[-1.0, 0.5, 2.0])
def streams(ax, swirl):
    x, y = np.meshgrid(np.linspace(-2, 2, 20), np.linspace(-2, 2, 20))
    ax.streamplot(x, y, -swirl * y - x / 3, swirl * x - y / 3, density=0.6)
    ax.set(xlim=(-2, 2), ylim=(-2, 2))


@shown("dynamics: pendulum in phase space", "union", energy=[0.5, 1.0, 2.5])
def pendulum(energy):
    angle = np.linspace(-np.pi, np.pi, 300)
    with np.errstate(invalid="ignore"):
        speed = np.sqrt(2 * (energy + np.cos(angle) - 1))
    plt.plot(angle, speed, "C0", angle, -speed, "C0")
    plt.axvline(0, color="k", lw=0.5)


@shown("dynamics: random walks", "moving", steps=[10, 100, 400])
def walks(steps):
    walk = (
        np.random.default_rng(9)
        .choice([-1, 1], size=(steps, 5))
        .cumsum(axis=0)
    )
    plt.plot(walk)
    plt.legend([f"walk {i}" for i in range(5)], loc="upper left")


@shown("dynamics: epidemic", rate=[0.1, 0.3, 0.6])
def epidemic(rate):
    s, i, found = 0.99, 0.01, []
    for _ in range(160):
        s, i = s - rate * s * i, i + rate * s * i - 0.07 * i
        found.append((s, i, 1 - s - i))
    plt.stackplot(
        range(160), np.transpose(found), labels=["well", "ill", "over it"]
    )
    plt.legend(loc="center right")
    plt.margins(0)


# ---- images


@shown("images: threshold", threshold=[0.2, 0.5, 0.8])
def threshold(threshold):
    x, y = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60))
    plt.imshow(np.exp(-3 * (x**2 + y**2)) > threshold, cmap="gray")
    plt.axis("off")


@shown("images: kernels", "union", sigma=[0.5, 2.0, 6.0])
def blurred(sigma):
    axis = np.arange(-10, 11)
    kernel = np.exp(-(axis**2) / (2 * sigma**2))
    plt.matshow(np.outer(kernel, kernel), fignum=False, cmap="magma")
    plt.colorbar(label="weight")


@shown("images: channels", channel={"red": 0, "green": 1, "blue": 2})
def channels(channel):
    image = np.random.default_rng(10).random((12, 12, 3))
    only = np.zeros_like(image)
    only[..., channel] = image[..., channel]
    fig, axes = plt.subplots(1, 2, figsize=(5, 2.6))
    axes[0].imshow(image)
    axes[1].imshow(only)
    for ax in axes:
        ax.set_xticks([])
        ax.set_yticks([])


@shown("images: contours", levels=(3, 9, 3))
def contours(levels):
    x, y = np.meshgrid(np.linspace(-2, 2, 40), np.linspace(-2, 2, 40))
    lines = plt.contour(x, y, x**2 - y**2, levels=levels)
    plt.clabel(lines)


@shown("images: filled contours", "moving", power=[1, 2, 3])
def filled(power):
    x, y = np.meshgrid(np.linspace(-2, 2, 40), np.linspace(-2, 2, 40))
    plt.contourf(x, y, np.abs(x + y) ** power, 8, cmap="RdBu")
    plt.colorbar()


@shown("images: mesh with edges", size=[3, 6])
def edged(ax, size):
    ax.pcolormesh(
        np.arange(size**2).reshape(size, size), edgecolors="w", linewidth=1
    )
    ax.set_aspect("equal")
    ax.set(xlim=(0, 6), ylim=(0, 6))


@shown("images: uneven mesh", "union", stretch=[1.0, 2.0])
def uneven(stretch):
    edges = np.linspace(0, 1, 31) ** stretch
    plt.pcolormesh(edges, edges, np.random.default_rng(11).random((30, 30)))


@shown("images: smooth triangles", corner=[0.2, 0.8])
def smooth(corner):
    plt.tripcolor(
        [0, 1, corner], [0, 0, 1], [0.0, 1.0, 2.0], shading="gouraud"
    )
    plt.xlim(0, 1)


# ---- networks


@shown("networks: graph", "union", n=(3, 8))
def graph(n):
    import networkx as nx

    nx.draw(
        nx.cycle_graph(n),
        nx.circular_layout(nx.cycle_graph(n)),
        with_labels=True,
    )


@shown("networks: random graph", "moving", share=[0.1, 0.3])
def random_graph(share):
    import networkx as nx

    made = nx.gnp_random_graph(12, share, seed=1)
    nx.draw_networkx(
        made, nx.spring_layout(made, seed=2), node_size=80, font_size=7
    )


@shown("networks: tree", depth=(1, 3))
def tree(depth):
    ax = plt.gca()
    for level in range(depth + 1):
        for i in range(2**level):
            here = ((i + 0.5) / 2**level, -level)
            if level:
                there = ((i // 2 + 0.5) / 2 ** (level - 1), 1 - level)
                arrow = {"arrowstyle": "<|-", "shrinkA": 8, "shrinkB": 8}
                ax.annotate("", here, there, arrowprops=arrow)
            ax.text(
                *here,
                i,
                ha="center",
                va="center",
                bbox={"boxstyle": "circle", "fc": "w"},
            )
    plt.xlim(0, 1)
    plt.ylim(-3.5, 0.5)
    plt.axis("off")


# ---- geometry


@shown("geometry: polygons", sides=(3, 8))
def polygon(sides):
    at = 2 * np.pi * np.arange(sides) / sides
    plt.fill(np.cos(at), np.sin(at), "C1", alpha=0.5, ec="C1")
    plt.gca().add_patch(patches.Circle((0, 0), 1, fill=False, ls=":"))
    plt.axis("equal")
    plt.xlim(-1.2, 1.2)
    plt.ylim(-1.2, 1.2)


@shown("geometry: rotated", angle=(0, 90, 30))
def rotated(ax, angle):
    ax.add_patch(
        patches.Rectangle((0, 0), 2, 1, angle=angle, fc="C2", alpha=0.5)
    )
    ax.add_patch(patches.FancyArrowPatch((0, 0), (1, 1), mutation_scale=20))
    ax.text(0.5, 0.5, f"{angle}°", rotation=angle)
    ax.set(xlim=(-2, 3), ylim=(-2, 3), aspect="equal")


@shown("geometry: tangent", x0=[-1.0, 0.0, 1.0])
def tangent(x0):
    x = np.linspace(-2, 2, 100)
    plt.plot(x, x**3 - x, x, (3 * x0**2 - 1) * (x - x0) + x0**3 - x0)
    plt.plot(x0, x0**3 - x0, "ko")
    plt.annotate(
        "tangent",
        (x0, x0**3 - x0),
        (x0 + 0.2, 3),
        arrowprops={"arrowstyle": "->"},
    )
    plt.ylim(-4, 4)


@shown("geometry: coloured line", turns=(1, 3))
def coloured(turns):
    t = np.linspace(0, 1, 120)
    points = np.column_stack(
        [t * np.cos(6.3 * turns * t), t * np.sin(6.3 * turns * t)]
    )
    pieces = np.stack([points[:-1], points[1:]], axis=1)
    plt.gca().add_collection(
        LineCollection(pieces, array=t, cmap="plasma", lw=2)
    )
    plt.xlim(-1, 1)
    plt.ylim(-1, 1)


@shown("geometry: clipped", radius=[0.3, 0.6, 0.9])
def clipped(radius):
    shown_image = plt.imshow(
        np.random.default_rng(12).random((20, 20)), extent=(-1, 1, -1, 1)
    )
    window = patches.Circle((0, 0), radius, transform=plt.gca().transData)
    shown_image.set_clip_path(window)


@shown("geometry: surface", elev=(10, 70, 30))
def surface(elev):
    ax = plt.figure().add_subplot(projection="3d")
    x, y = np.meshgrid(np.linspace(-2, 2, 16), np.linspace(-2, 2, 16))
    ax.plot_surface(x, y, np.exp(-(x**2) - y**2), cmap=cm.coolwarm)
    ax.view_init(elev=elev)


@shown("geometry: helix", turns=(1, 3))
def helix(turns):
    ax = plt.axes(projection="3d")
    ax.plot(np.cos(6.3 * turns * T), np.sin(6.3 * turns * T), T)
    ax.scatter([0], [0], [turns / 3], c="r")
    ax.set_zlabel("height")


# ---- maps, polar, log, dates, categories


@shown("maps: hemisphere", latitude=[-45, 0, 45])
def hemisphere(latitude):
    ax = plt.figure(figsize=(5, 3)).add_subplot(projection="mollweide")
    ax.plot(np.linspace(-3, 3, 50), np.full(50, np.radians(latitude)), "C3")
    ax.grid(True)
    ax.set_xticklabels([])  # matplotlib sets them some pixels apart
    ax.set_yticklabels([])


@shown("maps: choropleth", year=[2000, 2010])
def choropleth(ax, year):
    rng = np.random.default_rng(year)
    for x in range(4):
        for y in range(3):
            corners = [
                (x, y),
                (x + 1, y),
                (x + 0.8, y + 1),
                (x - 0.1, y + 0.9),
            ]
            ax.add_patch(
                patches.Polygon(corners, fc=cm.YlGn(rng.random()), ec="w")
            )
    ax.set(xlim=(-0.5, 4.5), ylim=(0, 3), title=str(year))
    ax.set_axis_off()


@shown("polar: rose", "union", k=(2, 5))
def rose(k):
    angle = np.linspace(0, 2 * np.pi, 400)
    plt.polar(angle, np.abs(np.cos(k * angle)), "C5")


@shown("polar: bars", n=[4, 8])
def polar_bars(n):
    ax = plt.subplot(projection="polar")
    angle = 2 * np.pi * np.arange(n) / n
    ax.bar(
        angle,
        1 + np.arange(n) % 3,
        width=2 * np.pi / n,
        color=cm.viridis(angle / 7),
        alpha=0.6,
    )
    ax.set_rmax(4)


@shown("log: powers", "moving", base=[2, 3, 10])
def powers(base):
    plt.semilogy(np.arange(10), float(base) ** np.arange(10), "o-")
    plt.grid(True, which="both")


@shown("log: both", slope=[-2, -1, 1])
def both(ax, slope):
    x = np.logspace(0, 3, 30)
    ax.loglog(x, x ** float(slope), marker="s", ms=3)
    ax.set(ylim=(1e-6, 1e3))


@shown("log: symmetric", "moving", width=[1.0, 10.0])
def symmetric(width):
    x = np.linspace(-100, 100, 200)
    plt.plot(x, x**3)
    plt.yscale("symlog", linthresh=width)


@shown(
    "dates: a year",
    first=[datetime.date(2020, 1, 1), datetime.date(2021, 6, 1)],
)
def a_year(first):
    days = [first + datetime.timedelta(days=i) for i in range(0, 360, 10)]
    plt.plot(days, np.sin(np.arange(36) / 5))
    plt.xlim(datetime.date(2020, 1, 1), datetime.date(2022, 12, 31))
    plt.gcf().autofmt_xdate()


@shown("dates: moving window", "moving", month=(1, 12, 5))
def window(month):
    start = np.datetime64(f"2023-{month:02d}")
    days = start.astype("datetime64[D]") + np.arange(28)
    plt.plot(days, np.cos(np.arange(28) / 4))
    plt.title(calendar.month_name[month])
    plt.xticks(rotation=30)


@shown("categories: by name", order=["count", "name"])
def by_name(order):
    counts = {"pear": 3, "apple": 7, "fig": 1}
    names = sorted(counts, key=counts.get if order == "count" else None)
    plt.barh(names, [counts[n] for n in names])


@shown("categories: more and more", "moving", n=(1, 4))
def more(n):
    names = ["red", "green", "blue", "black"][:n]
    plt.scatter(names, range(n), c=names)


@shown("axes: twins", "union", phase=[0.0, 1.0, 2.0])
def twins(phase):
    fig, left = plt.subplots()
    right = left.twinx()
    left.plot(T, np.sin(6 * T + phase), "C0")
    right.plot(T, 10 * np.cos(6 * T + phase), "C1")
    left.set_ylabel("left", color="C0")
    right.tick_params(axis="y", colors="C1")


@shown("axes: inset", "moving", centre=[0.3, 0.7])
def inset(ax, centre):
    ax.plot(T, np.sin(20 * T))
    box = ax.inset_axes((0.6, 0.6, 0.35, 0.3))
    box.plot(T, np.sin(20 * T), "C1")
    box.set_xlim(centre - 0.1, centre + 0.1)
    ax.set_ylim(-1.2, 2.5)


@shown("axes: rows that come", rows=(1, 3))
def rows_that_come(rows):
    fig, axes = plt.subplots(rows, 1, squeeze=False, figsize=(4, 3))
    for i, ax in enumerate(axes.ravel()):
        ax.plot(T, T ** (i + 1))


@shown("axes: a table", n=[2, 4])
def a_table(n):
    plt.axis("off")
    plt.table(
        [[i, i**2] for i in range(n)], colLabels=["i", "i²"], loc="center"
    )


@shown("styles: dark", gain=[0.5, 1.0])
def dark(gain):
    with plt.style.context("dark_background"):
        plt.plot(T, gain * np.sin(9 * T))
        plt.title("dark")
        plt.ylim(-1, 1)


@shown("styles: ggplot", "union", n=[1, 3])
def ggplot(n):
    plt.style.use("ggplot")
    for i in range(n):
        plt.plot(T, T**i, label=f"power {i}")
    plt.legend()


@shown("styles: hand-drawn", wobble=[1, 2])
def hand_drawn(wobble):
    plt.rcParams["path.sketch"] = (wobble, 100, 2)
    plt.plot(T, T**2)


@shown("words: mathematics", n=(1, 3))
def mathematics(n):
    value = sum(1 / k**2 for k in range(1, n + 1))
    formula = rf"$\sum_{{k=1}}^{{{n}}} \frac{{1}}{{k^2}} = {value:.3f}$"
    plt.text(0.5, 0.5, formula, ha="center", fontsize=20)
    plt.axis("off")


# ---- other libraries


@shown("seaborn: regression", noise=[0.5, 2.0])
def regression(noise):
    import seaborn

    x = np.linspace(0, 5, 30)
    y = x + noise * np.random.default_rng(13).normal(size=30)
    seaborn.regplot(x=x, y=y, ci=None)
    plt.ylim(-6, 12)


@shown("seaborn: heat map", "moving", size=[3, 5])
def heat_map(size):
    import seaborn

    seaborn.heatmap(
        np.random.default_rng(14).random((size, size)),
        annot=True,
        linewidths=1,
    )


@shown("seaborn: densities", "union", width=[0.3, 1.0])
def densities(width):
    import seaborn

    seaborn.kdeplot(
        x=np.random.default_rng(15).normal(size=100),
        bw_adjust=width,
        fill=True,
    )


@shown("pandas: lines", "union", window=[1, 5, 20])
def rolling(window):
    import pandas

    series = pandas.Series(np.random.default_rng(16).normal(size=100).cumsum())
    series.plot(alpha=0.3)
    series.rolling(window).mean().plot(title=f"mean of {window}")


@shown("pandas: bars", stacked=False)
def pandas_bars(stacked):
    import pandas

    table = pandas.DataFrame(
        {"a": [1, 3, 2], "b": [2, 2, 1]}, index=["x", "y", "z"]
    )
    table.plot.bar(stacked=stacked, ylim=(0, 6), figsize=(4, 3))
