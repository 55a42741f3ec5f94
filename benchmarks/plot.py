"""The ratios of ``results.json`` as an SVG: a mark for each, on a log axis, and the goal beside it.

Text and lines take the colour of the page, so the picture goes into it as it is, not as an image.
"""

import math
from html import escape

from .measure import met

WIDTH, LEFT, RIGHT = 360, 112, 8  # of the picture, and where the axis begins
TOP, BOTTOM = 50, 22
ROW, HEADING = 15, 22  # heights
STYLE = """.bench{display:block;width:100%;max-width:40rem;height:auto;margin:0 auto;
font:10.5px system-ui,sans-serif;color:inherit}
.bench text{fill:currentColor}.bench .group{font-weight:600}
.bench .axis{stroke:currentColor;opacity:.22}.bench .one{stroke:currentColor;opacity:.7}
.bench .goal{stroke:currentColor;stroke-width:2}.bench .met{fill:#2f7fc1}
.bench .missed{fill:none;stroke:#cf6413;stroke-width:2}
.bench .free{fill:none;stroke:currentColor;stroke-width:1.5}"""
LEGEND = """<text x="0" y="11">our time / the other's; left of 1 ours is faster</text>
<circle class="met" cx="5" cy="25" r="4"/><text x="13" y="29">goal met</text>
<path class="missed" d="M75 21l4 4-4 4-4-4z"/><text x="84" y="29">missed</text>
<circle class="free" cx="135" cy="25" r="3.5"/><text x="143" y="29">no goal</text>
<path class="goal" d="M195 20v10"/><text x="201" y="29">goal</text>"""


def svg(results):
    """The text of ``results.svg``, from nothing but ``results.json``."""
    sections = results["sections"].values()
    rows = [row for section in sections for row in section["rows"] if row["unit"] == "×"]
    groups = {}
    for row in rows:
        groups.setdefault(row["what"], []).append(row)
    axis = Axis(rows)
    height = TOP + HEADING * len(groups) + ROW * len(rows) + BOTTOM
    parts = [LEGEND, *axis.ticks(height)]
    y = TOP
    for what, members in groups.items():
        y += HEADING
        parts.append(f'<text class="group" x="0" y="{y - 5}">beside {escape(what)}</text>')
        for row in members:
            y += ROW
            parts.append(mark(row, axis, y - ROW / 2))
    label = "Ratios of our time to the other's on a logarithmic axis, as in the table"
    body = "\n".join(parts)
    return (
        f'<svg class="bench" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{label}">\n<style>{STYLE}</style>\n{body}\n</svg>\n'
    )


class Axis:
    """From a ratio to its place, with 1 and all values and goals in sight."""

    def __init__(self, rows):
        shown = [1.0, *(row["value"] for row in rows)]
        shown += [row["goal"] for row in rows if row["goal"] is not None]
        self.low = math.log10(min(shown)) - 0.1
        self.high = math.log10(max(shown)) + 0.1

    def __call__(self, ratio):
        part = (math.log10(ratio) - self.low) / (self.high - self.low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def ticks(self, height):
        """A line with its number above and below for 1, 3, 10, 30 and so on."""
        decades = range(math.floor(self.low), math.ceil(self.high))
        for ratio in [float(f"{digit}e{k}") for k in decades for digit in (1, 3)]:
            if self.low < math.log10(ratio) < self.high:
                x = self(ratio)
                kind = "one" if ratio == 1 else "axis"
                yield f'<path class="{kind}" d="M{x:.1f} {TOP}V{height - 18}"/>'
                for y in (TOP - 4, height - 6):
                    yield f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{ratio:g}</text>'


def mark(row, axis, y):
    """One line of the picture: its name, its mark, and the upright bar of its goal."""
    x = axis(row["value"])
    told = f"{row['case']} beside {row['what']}: {row['value']:.3g}"
    if row["goal"] is None:
        shape, bar = f'<circle class="free" cx="{x:.1f}" cy="{y}" r="3.5"/>', ""
    else:
        told += f", goal {row['goal']:g}"
        bar = f'<path class="goal" d="M{axis(row["goal"]):.1f} {y - 5.5}v11"/>'
        if met(row):
            shape = f'<circle class="met" cx="{x:.1f}" cy="{y}" r="4"/>'
        else:
            shape = f'<path class="missed" d="M{x:.1f} {y - 4}l4 4-4 4-4-4z"/>'
    return (
        f"<g><title>{escape(told)}</title>"
        f'<text x="8" y="{y + 3.5}">{escape(row["case"])}</text>'
        f'<path class="axis" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>{shape}{bar}</g>'
    )
