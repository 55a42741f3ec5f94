"""The tasks as strips, the learning curves, what arrives from afar, a table.

Runs come by task, length and cell: ``best[task, T, cell]`` has one for each
seed, and ``run["rel"]`` its losses in units of the line, that of a net which
has forgotten what it is asked about; each is the mean of 20 updates.
"""

import numpy as np
from IPython.display import HTML

from gradtrace import tasks
from gradtrace.notebook import figures

LOOK = {
    "RNN": (figures.RED, "--"),
    "IRNN": (figures.PURPLE, "-"),
    "LSTM": (figures.BLUE, "-"),
    "LSTM, bias 1": (figures.SKY, "-."),
    "GRU": (figures.GREEN, "-"),
    "one gate": (figures.ORANGE, ":"),
    "NARX": (figures.GREY, ":"),
}
FIVE = ["RNN", "IRNN", "LSTM", "LSTM, bias 1", "GRU"]
UPDATES = 800
EVERY = 20  # updates that share one mean of the loss
BLOCKS = UPDATES // EVERY
LIMITS = (-5.2, 2.9)


def strips(axes):
    """One sequence of each task: steps to the right, inputs downwards."""
    symbols = ["0", *7 * [""], "blank", ""]
    begin = "copying (last row: the sign to begin)"
    letters = [*"abcdXY", "begin", "ask"]
    strip(axes[0], "adding", tasks.adding, 40, ["number", "mark"])
    strip(axes[1], begin, tasks.copying, 20, symbols)
    strip(axes[2], "temporal order", tasks.temporal_order, 40, letters)


def strip(ax, name, make, T, words):
    """One sequence of ``make``, and a word for each of its inputs."""
    data = make(np.random.default_rng(3), 1, T)
    ax.imshow(
        data.x[:, 0].T,
        cmap="Blues",
        vmin=-0.1,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )
    ax.set(title=name, xlabel="step", ylabel="input")
    ax.set(yticks=range(len(words)), yticklabels=words)


def bands(best, now):
    """Quartiles of the loss over seeds, in powers of ten: ``(3, 40)`` each.

    ``now[T, cell]`` are losses of adding, ``(updates, seeds)``. They end
    early, and ``nan`` follows. What is above ten lines, or below 1e-5 of
    one, is set to that edge.
    """
    made = {}
    for key, runs in best.items():
        made[key] = quartiles(np.array([run["rel"] for run in runs]))
    for (T, cell), loss in now.items():
        many = np.full((loss.shape[1], BLOCKS), np.nan)  # seed, block
        for block in range(len(loss) // EVERY):
            updates = slice(block * EVERY, (block + 1) * EVERY)
            many[:, block] = loss[updates].mean(axis=0)
        made["adding", T, cell] = quartiles(many)
    return made


def quartiles(many):
    """Lower quartile, median and upper quartile over the first axis."""
    logs = np.clip(np.log10(many), -5, 1)
    return np.quantile(logs, [0.25, 0.5, 0.75], axis=0)


def curves(ax, band, task, T, cell):
    """The medians of all cells, and one of them thick in its band."""
    empty = np.full((3, BLOCKS), np.nan)
    x = np.arange(EVERY // 2, UPDATES, EVERY)
    for name, (colour, style) in LOOK.items():
        _, middle, _ = band.get((task, T, name), empty)
        ax.plot(x, middle, style, color=colour, linewidth=1.2, label=name)
    colour, _ = LOOK[cell]
    low, middle, high = band.get((task, T, cell), empty)
    ax.plot(x, middle, color=colour, linewidth=3.5)
    ax.fill_between(x, low, high, color=colour, alpha=0.3)
    ax.axhline(0, color=figures.GREY, linewidth=0.8)
    ax.legend(loc="upper right", ncols=3, fontsize=9, columnspacing=0.8)
    finite = middle[np.isfinite(middle)]
    outcome = "did not run"
    if len(finite):
        outcome = f"ends at {10 ** finite[-1]:.2g} of the line"
    figures.frame(
        ax,
        "updates",
        "loss / line, powers of ten",
        (0, UPDATES),
        LIMITS,
        f"{task}, T = {T}: {cell} {outcome}",
    )


def by_lag(best, now):
    """Learning curves of adding, those of ``now`` among them."""
    band = bands(best, now)

    def view(ax, T, cell):
        curves(ax, band, "adding", T, cell)

    return view


def others(best):
    """Learning curves of the other tasks, named by task and length."""
    band = bands(best, now={})

    def view(ax, task, cell):
        name, T = task.split()
        curves(ax, band, name, int(T), cell)

    return view


def race(best):
    """The median loss against the length, as it was after some updates."""
    band = bands(best, now={})
    lengths = (10, 30, 100, 1000)
    empty = np.full((3, BLOCKS), np.nan)

    def view(ax, task, updates):
        block = updates // EVERY - 1
        for cell in FIVE:
            colour, style = LOOK[cell]
            medians = []
            for T in lengths:
                _, middle, _ = band.get((task, T, cell), empty)
                medians.append(middle[block])
            style = "o" + style
            ax.semilogx(lengths, medians, style, color=colour, label=cell)
        ax.axhline(0, color=figures.GREY, linewidth=0.8)
        figures.frame(
            ax,
            "length T",
            "loss / line, powers of ten",
            (8, 1250),
            LIMITS,
            f"{task} after {updates} of {UPDATES} updates",
        )
        ax.legend(loc="upper left", ncols=3, fontsize=9, columnspacing=0.8)

    return view


def reach(best, before, after, end):
    """The gradient by delay, of a cell and of the tanh RNN.

    ``before`` and ``after`` the training, in powers of ten of its norm at the
    newest state; ``end`` is the last loss. All by task, length and cell.
    """

    def curve(ax, key, log, style, colour, label):
        task, T, cell = key
        first_run = best[key][0]
        share = np.array(first_run["delays"]) / T
        ax.plot(share, log, style, color=colour, linewidth=2, label=label)

    def view(ax, task, T, cell):
        tanh = (task, T, "RNN")
        grey = figures.GREY
        curve(ax, tanh, before[tanh], ":", grey, "tanh RNN, before")
        curve(ax, tanh, after[tanh], "-", grey, "tanh RNN, after")
        key = (task, T, cell)
        curve(ax, key, before[key], ":", figures.BLUE, "this cell, before")
        curve(ax, key, after[key], "-", figures.ORANGE, "this cell, after")
        figures.frame(
            ax,
            "delay, share of T",
            "gradient, powers of ten",
            (0, 1),
            (-21, 6),
            f"{task}, T = {T}, {cell}: {end[key]:.2g} of the line",
        )
        ax.legend(loc="upper center", ncols=2, fontsize=8)

    return view


def table(rows, verdict, best, seed):
    """What was published and what came out, as a table of HTML.

    A row is a dict: what was measured, the published value, what differs
    there, ours, the least and the most that is allowed (``None`` if nothing
    can be compared), and the runs that ours comes from, named by task, length
    and cell.
    """
    names = (
        "what",
        "published",
        "differs",
        "ours",
        "allowed",
        "verdict",
        "seed, time",
    )
    html = row_of("th", names)
    for row in rows:
        ours = row["ours"]
        digits = 2 if ours < 0.01 else 3
        allowed = "–"
        if row["allowed"] is not None:
            least, most = row["allowed"]
            allowed = f"{least} to {most}"
        source = "0; now"
        if "runs" in row:
            runs = best[row["runs"]]
            seconds = sum(run["seconds"] for run in runs)
            source = f"{seed}; {len(runs)} runs, {seconds:.0f} s"
        cells = (
            row["what"],
            row["published"],
            row["differs"],
            f"{ours:.{digits}g}",
            allowed,
            verdict(ours, row["allowed"]),
            source,
        )
        html += row_of("td", cells)
    return HTML(f"<table>{html}</table>")


def row_of(tag, cells):
    """A row of a table of HTML."""
    return "<tr>" + "".join(f"<{tag}>{c}</{tag}>" for c in cells) + "</tr>"
