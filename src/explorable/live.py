"""A live figure as plain data: what its picture is in every state, and how it is written to a file.

Nothing here needs more than matplotlib. `widget.py` gives the same data to a widget manager, and
`embed.py` to a page of a book.
"""

import hashlib
import html
import json
from base64 import b64encode
from functools import cached_property
from pathlib import Path

from . import bundle, codec
from .tiles import tiles
from .values import kind

FORMAT = 4  # of what the browser gets; js/figure.js reads the same number
TRAITS = {  # what a figure has besides its two blocks of bytes and an index for every parameter
    "spec": {},
    "alt": "",
    "name": "",
    "title": "",
    "cases": [],
    "predict": None,
    "locked": False,
    "registered": [],
}
NOTICE = "The controls of this figure need JavaScript; this is its first state."

PAGE = """<!doctype html>
<html lang="{lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ margin: 1rem; font: 1rem/1.5 system-ui, sans-serif; }}
body {{ background: Canvas; color: CanvasText; }}
.xp-first {{ display: block; max-width: 100%; height: auto; background: white; }}
h1 {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }}
</style>
<main><h1>{title}</h1>
{figure}
</main>
<script>
{script}
explorable.fit();
</script>
</html>
"""


class Live:
    """A harvested view with all that the browser needs.

    Attributes
    ----------
    traits : dict
        JSON-able: those of `TRAITS`, and an index ``at_<name>`` for every parameter.
    data : bytes
        Frames, numbers and texts of all states, see `codec`.
    first : bytes
        A PNG of the state that the figure opens with.
    """

    def __init__(self, traits, data, first):
        self.traits, self.data, self.first = traits, data, first

    def __repr__(self):
        return f"Live({counted(self.traits['spec'])})"

    @cached_property
    def digest(self):
        """A name that changes with the figure."""
        return fingerprint(self.call(""))

    def call(self, digest):
        """The script that brings the figure to its page."""
        traits = json.dumps(self.traits, separators=(",", ":"), ensure_ascii=False)
        traits = traits.replace("<", "\\u003c")  # no HTML parser ends it early
        return f'explorable.put("{digest}", {traits}, "{b64encode(self.data).decode()}");'

    def element(self, name, src, image, *, play=False):
        """The HTML that stands in the figure's place: first frame and notice.

        Parameters
        ----------
        name : str
            The id, which links call.
        src, image : str
            Addresses of the figure's script and of its first frame.
        play : bool
            Whether it plays once by itself, for readers who have not asked for less motion.
        """
        alt = html.escape(self.traits["alt"])
        width, height = png_size(self.first)
        return (
            f'<div class="xp-live" id="{name}" data-figure="{self.digest}" data-src="{src}"'
            f"{' data-play' if play else ''}>"
            f'<img class="xp-first" src="{image}" alt="{alt}" width="{width // 2}"'
            f' height="{height // 2}"><p class="xp-notice">{NOTICE}</p></div>'
        )

    def save(self, path, *, lang="en"):
        """Write one HTML file that lives alone, from a folder or in an ``<iframe>``.

        Parameters
        ----------
        path : str or Path
            Its folder has to exist.
        lang : str
            The language of its texts, for screen readers.
        """
        folder = Path(path).parent
        if not folder.is_dir():
            raise FileNotFoundError(
                f"path: expected a file in a folder that exists, got {str(path)!r}; make the"
                f" folder first, by Path({str(folder)!r}).mkdir(parents=True)"
            )
        Path(path).write_text(self.html(lang=lang), encoding="utf-8")

    def frame(self, *, lang="en"):
        """An ``<iframe>`` that holds that file, for pages where no widget manager comes."""
        text = html.escape(self.html(lang=lang))
        title = html.escape(self.traits["title"] or self.traits["alt"])
        style = "width: 100%; height: 30rem; border: 0; color-scheme: normal"
        return f'<iframe srcdoc="{text}" title="{title}" style="{style}"></iframe>'

    _repr_html_ = frame

    def html(self, *, lang="en"):
        """The text of that file."""
        (figure,), script = on_one_page({self.traits["name"] or "figure": self})
        return PAGE.format(
            lang=html.escape(lang),
            title=html.escape(self.traits["title"] or self.traits["alt"]),
            figure=figure,
            script=script,
        )


def on_one_page(figures):
    """The HTML of several figures, and the script behind them all that brings them to life.

    Parameters
    ----------
    figures : dict of str to Live
        By the ids that they have on the page.

    Returns
    -------
    elements : list of str
    script : str
        What stands between ``<script>`` and ``</script>``, below the figures.
    """
    elements = []
    scripts = [bundle.script().replace("</", "<\\/")]
    for name, live in figures.items():
        image = "data:image/png;base64," + b64encode(live.first).decode()
        elements.append(live.element(name, "", image))
        scripts.append(live.call(live.digest))
    return elements, "\n".join(scripts)


def counted(spec):
    """How many values each parameter of a figure has, in words."""
    return ", ".join(f"{p['name']}: {p['count']} values" for p in spec["params"])


def described(
    harvest, grid, opening, *, drag=None, register=None, wide=False, play=None, autoplay=False
):
    """The bytes of a harvest and the spec that the browser reads them by.

    What grows with the states is in the bytes.
    """
    columns, places = tiles(harvest.opened, harvest.recorder, harvest.slots)
    for slot, place in zip(harvest.slots, places, strict=True):
        slot.tile = place
    data, spec = codec.pack(
        harvest.slots,
        harvest.numbers.spec(),
        {"said": harvest.titles, "printed": harvest.printed},
        labels=list(grid.labels.values()),
        register=register,
    )
    spec |= {
        "format": FORMAT,
        "tiles": columns,
        "params": [
            {"name": n, "trait": f"at_{n}", "kind": control(v), "count": len(v)}
            for n, v in grid.values.items()
        ],
        "start": [opening[n] for n in grid.values],
        "drag": drag,
        "wide": wide,
        "play": None if play is None else list(grid.values).index(play),
        "autoplay": autoplay,
    }
    return data, spec


def control(values):
    """The kind of control that sets one of these values."""
    if kind(values) == "bool" and values == [False, True]:
        return "check"
    return "choice" if kind(values) != "number" or len(values) == 1 else "slider"


def fingerprint(text):
    """A short name for a text that changes with it."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def png_size(png):
    """Width and height of a PNG in pixels."""
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
