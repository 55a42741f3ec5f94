"""The picture of the net that Depth begins with: how fast it learns, with a
remedy or without."""

import numpy as np

from gradtrace.notebook import figures


def loss_by_net(runs, nets, epochs):
    """The loss of each net against epochs, at its best rate: median and
    quartiles of the starts.

    runs : by net, with the loss, (epochs, starts), and the rate; nets : those
    to draw, five at most.
    """
    grey = figures.GREY
    looks = [
        (figures.BLUE, "o-"),
        (figures.ORANGE, "s-"),
        (figures.GREEN, "^-"),
        (figures.PURPLE, "v-"),
        (figures.RED, "d-"),
    ]

    def view(ax):
        ax.axhline(np.log(10), color=grey, linestyle="--")
        ax.text(20, 2.36, "knows nothing", color=grey, ha="right")
        for net, (colour, style) in zip(nets, looks, strict=False):
            loss = np.array(runs[net]["loss"])
            label = f"{net}; rate {runs[net]['rate']}"
            figures.band(
                ax, epochs, loss, colour=colour, style=style, label=label
            )
        y = "loss, mean of an epoch"
        figures.frame(ax, "epoch", y, (1, 20.2), (0, 4.5))
        ax.set_xticks(epochs)
        ax.legend(loc="upper right", fontsize=8)

    return view
