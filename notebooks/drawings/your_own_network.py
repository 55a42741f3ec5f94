"""Five models that do not learn: by layer, by time step, before and after."""

import numpy as np

from gradtrace.notebook.figures import BLUE, GREEN, ORANGE, frame, norms


def layers(reports):
    """The gradient at the states of a deep net, and what its report finds.

    reports : for each kind of net and number of layers.
    """

    def view(ax, net, layers):
        found = reports[net, layers]
        causes = [finding.cause for finding in found.findings]
        title = "report: " + (", ".join(causes) or "no findings")
        norms(ax, found.trace.log_h, colour=BLUE, style=".-")
        name = "‖∂L/∂h‖, powers of ten"
        frame(ax, "state  (0: input)", name, (-0.5, 34), (-16, 1), title)

    return view


def steps(traces):
    """The gradient at the output after each symbol, relative to the last.

    traces : for each bias of the forget gate.
    """

    def view(ax, forget_bias):
        log = traces[forget_bias]
        relative = log.log_h - log.log_h[-1]
        percent = -2 * np.ones(len(relative))
        norms(ax, relative, colour=BLUE)
        ax.plot(percent, ":", color=GREEN)
        ax.text(0.5, -1.8, "a hundredth of the last", color=GREEN)
        power = relative[0] / np.log(10)
        title = f"at the first symbol: 10^{power:.1f} of the last"
        T = len(relative) - 1
        name = "‖∂L/∂hₜ‖ / last, powers of ten"
        frame(ax, "symbols read", name, (0, T), (-12, 1), title)

    return view


def before_and_after(runs, guessed):
    """Losses by update, as it was and repaired, a curve for each seed.

    runs : for each model lists of losses; guessed : the loss of guessing.
    """
    colours = {"as it was": BLUE, "repaired": ORANGE}
    longest = 0
    for model in runs.values():
        longest = max(longest, *map(len, model["repaired"]))

    def view(ax, model):
        for what, colour in colours.items():
            for losses in runs[model][what]:
                relative = smooth(losses) / guessed[model]
                ax.plot(relative, color=colour, linewidth=1)
        ax.axhline(1, color=GREEN, linestyle="--", linewidth=2, zorder=5)
        legend = [*colours.items(), ("guessing", GREEN)]
        for k, (words, colour) in enumerate(legend):
            y = 0.97 - 0.08 * k
            ax.text(
                0.98,
                y,
                words,
                color=colour,
                ha="right",
                va="top",
                transform=ax.transAxes,
            )
        name = "loss / loss of guessing"
        frame(ax, "update", name, (0, longest), (0, 2), model)

    return view


def smooth(losses, window=10):
    """The mean of the last ten losses; nan from the first nan on."""
    means = np.full(len(losses), np.nan)
    for k in range(len(losses)):
        means[k] = np.mean(losses[max(0, k - window + 1) : k + 1])
    return means
