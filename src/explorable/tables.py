"""Which artists the table of numbers shows: live.js reads the values off the vertices."""

import re

from matplotlib._mathtext_data import tex2uni
from matplotlib.container import BarContainer


def tables(harvest):
    """For every labelled line and group of bars: its label, its panel, its kind and its slots."""
    slot = {id(artist): i for i, (artist, _) in enumerate(harvest.parts)}
    found = []

    def add(artist, panel, kind, slots):
        label = plain(artist.get_label())
        found.append({"label": label, "axes": panel, "kind": kind, "slots": slots})

    for panel, ax in enumerate(harvest.axes):
        for line in ax.get_lines():
            if labelled(line) and line.get_transform() == ax.transData:
                add(line, panel, "line", [slot[id(line)]])
        for bars in ax.containers:
            if isinstance(bars, BarContainer) and labelled(bars):
                seen = [slot[id(bar)] for bar in bars if id(bar) in slot]
                add(bars, panel, bars.orientation, seen)
    return found


def labelled(artist):
    """Whether an artist has a label of its own."""
    return not str(artist.get_label()).startswith("_")


def plain(text):
    r"""A label without TeX: ``$\|g\|$`` as ‖g‖."""
    text = str(text)
    if "$" not in text:
        return text

    def character(command):
        name = command[1]
        return chr(tex2uni[name]) if name in tex2uni else name

    named = re.sub(r"\\([A-Za-z]+|.) ?", character, text)
    return re.sub(r"[${}]", "", named)
