"""Every string is laid out once: matplotlib measures it again whenever it is drawn.

`Text._get_layout` is a function of a dozen properties of the text, and of the fonts. While a view
is harvested, what it returns is kept by the recorder that draws; every other renderer gets
matplotlib's own.
"""

import logging
from contextlib import contextmanager

from matplotlib import rcParams
from matplotlib.text import Text


@contextmanager
def laid_out_once():
    """Let texts that are drawn by a `Recorder` look their layout up in its `layouts`."""
    compute = Text._get_layout

    def look_up(text, renderer):
        layouts = getattr(renderer, "layouts", None)
        if layouts is None or text.get_wrap():  # where a line breaks depends on its place
            return compute(text, renderer)
        key = properties(text)
        if key not in layouts:
            layouts[key] = compute(text, renderer)
        box, lines, corner = layouts[key]
        return box.frozen(), list(lines), corner  # the caller may change them

    Text._get_layout = look_up
    try:
        yield
    finally:
        Text._get_layout = compute


SAID = set()  # what matplotlib has said of fonts and limits
LOGS = [
    logging.getLogger(f"matplotlib.{name}") for name in ("font_manager", "mathtext", "axes._base")
]


def is_new(record):
    """Whether matplotlib has not said this before."""
    said = record.getMessage()
    known = said in SAID
    SAID.add(said)
    return not known


@contextmanager
def warned_once():
    """Let matplotlib say once what it says of every text and of every state."""
    filtered = [log for log in LOGS if is_new not in log.filters]
    for log in filtered:
        log.addFilter(is_new)
    try:
        yield
    finally:
        for log in filtered:
            log.removeFilter(is_new)


def properties(text):
    """All that decides how a text is laid out, except `fonts`."""
    return (
        text.get_text(),
        hash(text.get_fontproperties()),
        text.get_usetex(),
        text.get_parse_math(),
        text.get_rotation(),
        text.get_rotation_mode(),
        text.get_horizontalalignment(),
        text.get_verticalalignment(),
        text._get_multialignment(),
        text._linespacing,
        text.figure.dpi,
        *(repr(getattr(text, name, None)) for name in ("_features", "_language")),
    )


def fonts():
    """The settings that decide which glyphs a string becomes, beyond the properties of its text."""
    return [rcParams[name] for name in SETTINGS]


SETTINGS = [name for name in rcParams if name.startswith(("font.", "mathtext.", "text."))]
