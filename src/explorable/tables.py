"""Which artists the table of numbers shows: live.js reads the values off the vertices."""

import re

from matplotlib._mathtext_data import tex2uni
from matplotlib.container import BarContainer


def tables(harvest):
    """For every labelled line and group of bars on linear or log axes: its label, its panel and its
    slots.
    """
    slot = {id(artist): i for i, (artist, _) in enumerate(harvest.parts)}
    found = []
    for panel, ax in enumerate(harvest.axes):
        for line in ax.get_lines():
            if labelled(line) and line.get_transform() == ax.transData:
                found.append(
                    {
                        "label": plain(line.get_label()),
                        "axes": panel,
                        "kind": "line",
                        "slots": [slot[id(line)]],
                    }
                )
        for bars in ax.containers:
            if isinstance(bars, BarContainer) and labelled(bars):
                found.append(
                    {
                        "label": plain(bars.get_label()),
                        "axes": panel,
                        "kind": bars.orientation,
                        "slots": [slot[id(bar)] for bar in bars if id(bar) in slot],
                    }
                )
    return found


def labelled(artist):
    """Whether an artist has a label of its own."""
    return not str(artist.get_label()).startswith("_")


def plain(text):
    r"""A label without TeX: ``$\|g\|$`` as ‖g‖."""
    if "$" not in (text := str(text)):
        return text
    named = re.sub(
        r"\\([A-Za-z]+|.) ?", lambda m: chr(tex2uni[m[1]]) if m[1] in tex2uni else m[1], text
    )
    return re.sub(r"[${}]", "", named)
