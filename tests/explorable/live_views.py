"""Views with every kind of artist that live figures move: each takes `k` from 0 to 6 and `loud`."""

import numpy as np

X = np.linspace(0, 1, 60)


def lines(ax, k, loud=False):
    """Lines with markers, gaps, log axes, steps; reference lines with blended transforms."""
    y = 10.0 ** (-k * X)
    y[20:23] = np.nan if k % 2 else y[20:23]
    ax.plot(X, y, label=f"rate {k}", lw=1 + k / 4, ls=["-", "--", ":", "-."][k % 4])
    ax.plot(X[::6], y[::6] / 3, "o", ms=5, label="dots", color=f"C{k}")
    ax.plot(X[::6], y[::6] / 9, "s-", mfc="white", drawstyle="steps-mid")
    ax.plot([0.1, 0.5, 0.9], [1e-30, 1e30, 1e-2], color="C4")
    # from zero: far below a log axis
    ax.bar([0.2, 0.7], [1e-5, 10.0**-k], width=0.1, color="C5", alpha=0.4)
    ax.axhline(10.0**-k, color="0.5")
    ax.axvline(k / 7, ls=":", visible=loud)
    ax.set(
        yscale="log",
        ylim=(1e-7, 10),
        xlim=(0, 1),
        xlabel="depth",
        ylabel=r"$\|g\|$ at $k$",
        title=rf"$\lambda^{k}$: {k}",
    )
    ax.legend(loc="lower left")
    ax.grid(True)


def far(ax, k, loud=False):
    """Vertices far outside the axes: clipped, never clamped."""
    ax.plot([0, 0.5, 1], [0, 10.0 ** (5 * k), 0.3])
    ax.plot(X, 1e3 * (X - k / 6), "x-", ms=4)
    ax.fill_between(X, -1e9 * k, np.sin(6 * X) / 3 - 1e8 * (X > 0.7), alpha=0.3)
    ax.add_patch(circle((0.5, 0.5), 0.1 * 30.0 ** (k / 2)))
    ax.set(xlim=(0, 1), ylim=(-1, 1))


def circle(centre, radius):
    from matplotlib.patches import Circle

    return Circle(centre, radius, fc="C2", alpha=0.2, ec="C3")


def areas(ax, k, loud=False):
    """Filled areas, bars, scatters, spans, error bars and patches."""
    ax.fill_between(X, k / 8 * X, X, color="C1", alpha=0.3, where=k / 9 < X, interpolate=True)
    ax.bar(
        np.arange(5) / 5 + 0.1,
        np.arange(1, 6) * (k - 2) / 20,
        width=0.1,
        label="bars",
        color=["C0", "C3" if k > 3 else "C2", *"rgb"],
    )
    ax.scatter(
        X[::4],
        np.cos(k * X[::4]) / 2,
        s=np.linspace(5, 50, 15),
        c=np.linspace(0, 1, 15),
        cmap="viridis",
    )
    ax.scatter(X[::7], np.sin(k * X[::7]) / 2, marker="^", s=20 + 5 * k)
    ax.errorbar([0.2, 0.5], [k / 9, 0.4], yerr=0.1 + k / 50, capsize=3)
    ax.axvspan(0, k / 20, color="0.9")
    ax.vlines([0.3, 0.35], 0, k / 7)
    ax.set(xlim=(0, 1), ylim=(-1, 1))


def texts(ax, k, loud=False):
    """Moving and changing strings, mathematics, arrows, boxes."""
    ax.text(
        0.1 + k / 10,
        0.5,
        "é Ωλ" * (k % 3 + 1),
        rotation=10 * k,
        fontsize=8 + k,
        color=f"C{k}",
        alpha=0.7,
    )
    ax.text(
        0.5,
        0.1,
        rf"$\frac{{\partial L}}{{\partial h_{k}}} = \sum_{{t={k}}} W^{{\top {k}}}$",
        bbox={"fc": "white", "ec": "0.4"},
    )
    ax.annotate(
        f"here {k}",
        xy=(k / 7, 0.8),
        xytext=(0.5, 0.6),
        arrowprops={"arrowstyle": "->", "color": "C3"},
    )
    ax.arrow(0.1, 0.3, k / 20 + 0.1, 0.1, width=0.01)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"step {k}", title="left" if loud else "right")
    if loud:
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_title("")


def images(axes, k, loud=False):
    """An image, a mesh and colour bars beside lines, in two panels."""
    u, v = np.meshgrid(np.linspace(-2, 2, 24), np.linspace(-2, 2, 16))
    shown = axes[0].imshow(
        np.sin(u * k) + v, vmin=-3, vmax=3, aspect="auto", extent=(-2, 2, -2, 2), origin="lower"
    )
    axes[0].figure.colorbar(shown, ax=axes[0])
    axes[1].pcolormesh(u, v, np.cos(v * k) * u, vmin=-2, vmax=2, cmap="gray", shading="nearest")
    axes[1].plot([-2, 2], [k / 3, -k / 3], color="C1")
    axes[1].set(xlim=(-2, 2), ylim=(-2, 2))


NAMES = ["ann", "bob", "eve", "dan", "a longer name"]


def categories(axes, k, loud=False):
    """Names on both axes: in every state others, in another order, among them the longest."""
    others = np.random.default_rng(k).permutation(4)[: 2 + k % 3].tolist()
    some = [*others[: k % 2], 4, *others[k % 2 :]]
    heights = [1 + i for i in some]
    names = [NAMES[i] for i in some]
    axes[0].bar(names, heights, color=f"C{k}")
    axes[0].plot(names, heights, "o-", color="0.3")
    axes[0].set(xlim=(-0.6, 4.6), ylim=(0, 6))
    axes[1].barh(names, heights)
    axes[1].scatter(heights, names, color="C1")
    axes[1].set(xlim=(0, 6), ylim=(-0.6, 4.6))


VIEWS = {
    "lines": (lines, (1, 1)),
    "far": (far, (1, 1)),
    "areas": (areas, (1, 1)),
    "texts": (texts, (1, 1)),
    "images": (images, (1, 2)),
    "categories": (categories, (2, 1)),
}
