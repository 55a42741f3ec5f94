"""The table of numbers says what the picture shows, in every state."""

import numpy as np
from unpacked import unpacked

from explorable import explore
from explorable.numbers import digits, plain

X = np.linspace(0, 1, 41)


def tables(view, **grid):
    """What the browser gets of a view, by label."""
    panels = grid.pop("panels", (1, 1))
    found = explore(view, alt="numbers", panels=panels, **grid).figure
    return {series["label"]: series for series in unpacked(found)["numbers"]}


def at(series, state):
    """The rows of a series in a state."""
    return series["values"][series["of"][state] if series["of"] else 0]


def test_a_labelled_line_is_thinned_and_keeps_its_ends():
    def view(ax, k):
        ax.plot(X, k * X**2, label=r"$x^2$ times $k$")
        ax.set(xlim=(0, 1), ylim=(0, 9), xlabel="$x$", ylabel="height")

    ((label, series),) = tables(view, k=range(4)).items()
    assert label == "x^2 times k" and (series["x"], series["y"]) == ("x", "height")
    x, y = at(series, 3)
    assert len(x) == len(y) == 9 and (x[0], x[-1], y[-1]) == ("0", "1", "3")
    assert [float(v) for v in y] == [float(digits(3 * float(v) ** 2)) for v in x]
    assert at(series, 0)[1] == ["0"] * 9


def test_what_does_not_move_is_stored_once_and_what_is_gone_has_no_rows():
    def view(ax, k):
        ax.plot([0, 1], [0, 1], label="still")
        ax.plot([0, 1] if k else [], [0, k] if k else [], label="comes")
        ax.set(xlim=(0, 1), ylim=(0, 9))

    found = tables(view, k=range(3))
    assert found["still"]["of"] == [] and len(found["still"]["values"]) == 1
    assert at(found["comes"], 0) == [[], []] and at(found["comes"], 2) == [["0", "1"], ["0", "2"]]


def test_categories_are_told_by_their_names():
    """Their places are numbers, which mean something else in every state."""
    names = ["ann", "bob", "cyd"]

    def view(axes, k):
        turned = names[k:] + names[:k]
        axes[0].bar(turned, [3, 1, 2], label="upwards")
        axes[0].plot(turned[:2], [3, 1], label="line")
        axes[1].barh(turned, [3, 1, 2], label="sideways")
        axes[1].scatter([3, 1], turned[:2], label="points")

    found = tables(view, k=range(3), panels=(1, 2))
    assert at(found["upwards"], 0) == [["ann", "bob", "cyd"], ["3", "1", "2"]]
    assert at(found["upwards"], 2) == [["cyd", "ann", "bob"], ["3", "1", "2"]]
    assert at(found["line"], 1) == [["bob", "cyd"], ["3", "1"]]
    assert at(found["sideways"], 1) == [["3", "1", "2"], ["bob", "cyd", "ann"]]
    assert at(found["points"], 2) == [["3", "1"], ["cyd", "ann"]]


def test_bars_points_and_images_have_numbers():
    def view(axes, k):
        axes[0].bar([0, 1, 2], [k, -1, 3], label="bars")
        axes[0].set(xlim=(-1, 3), ylim=(-2, 9))
        axes[1].barh([0, 1], [k, 2], label="sideways")
        axes[1].set(xlim=(0, 9), ylim=(-1, 2))
        axes[2].scatter([1, 2], [k, np.nan], label="points")
        axes[2].set(xlim=(0, 3), ylim=(0, 9))
        axes[3].imshow([[k, 1.0], [2.0, 3.0]], vmin=0, vmax=9)
        axes[3].set(ylabel="row")

    found = tables(view, panels=(2, 2), k=range(4))
    assert at(found["bars"], 2) == [["0", "1", "2"], ["2", "-1", "3"]]
    assert at(found["sideways"], 2) == [["2", "2"], ["0", "1"]]
    assert at(found["points"], 2) == [["1"], ["2"]], "what is not drawn is not told"
    assert at(found["row 0"], 3) == [["0", "1"], ["3", "1"]]
    assert at(found["row 1"], 3) == [["0", "1"], ["2", "3"]]


def test_steps_bands_and_words_have_numbers():
    def view(axes, k):
        axes[0].stairs([k, 2, 3], [0, 1, 2, 3], label="steps")
        axes[0].set(xlim=(0, 3), ylim=(0, 9))
        axes[1].fill_between([0, 1], [k, 2], [5, 7], label="band")
        axes[1].fill_between([0, 1], [1, k], label="hill")
        axes[1].set(xlim=(0, 1), ylim=(0, 9))
        axes[2].text(0, 0, f"$\\alpha$ is {k}")
        axes[2].text(1, 0, " ")
        for i in range(6):
            axes[3].plot([i, i + 1], [k, k])
        axes[3].set(xlim=(0, 9), ylim=(0, 9), ylabel="apart")

    live = explore(view, panels=(2, 2), k=range(4), alt="a picture")
    series = unpacked(live.figure)["numbers"]
    found = {each["label"]: each for each in series}
    assert at(found["steps"], 1) == [["0.5", "1.5", "2.5"], ["1", "2", "3"]]
    assert at(found["band from"], 1) == [["0", "1"], ["1", "2"]]
    assert at(found["band to"], 1) == [["0", "1"], ["5", "7"]]
    assert at(found["hill"], 2) == [["0", "1"], ["1", "2"]], "it stands on zero"
    said = next(each for each in series if each["y"] == "words")
    assert at(said, 3) == [["1"], ["α is 3"]]
    assert len([each for each in series if each["y"] == "apart"]) == 6


def test_many_lines_without_a_name_are_told_by_their_range():
    def view(ax, k):
        ax.plot(X, np.outer(X, np.arange(11)) * k)
        ax.axhline(2)
        ax.set(xlim=(0, 1), ylim=(0, 30))

    found = tables(view, k=[1, 3])
    assert list(found) == ["least of 11 lines", "median of 11 lines", "largest of 11 lines"]
    assert [at(series, 1)[1][-1] for series in found.values()] == ["0", "15", "30"]


def test_the_titles_of_a_state_are_told():
    def view(ax, k, dark):
        ax.plot([0, 1], [0, k])
        ax.set(xlim=(0, 1), ylim=(0, 9), title=f"$k = {k}$")

    figure = explore(view, alt="titles", k=range(3), dark=[False, True]).figure
    told = unpacked(figure)["said"]
    assert [told["texts"][i] for i in told["of"]] == [f"k = {k}" for k in (0, 0, 1, 1, 2, 2)]


def test_labels_without_tex():
    assert plain(r"$\|g\|$ at $\alpha_1$") == "‖g‖ at α_1"
    assert plain("plain") == "plain"
