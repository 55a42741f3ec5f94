"""The ratios of ``results.json`` as an SVG: a mark for each, on a log axis, and the goal beside it.

Text and lines take the colour of the page around them, so the picture is put into a page as it is, not as an image.
"""

import math
from html import escape

from .compare import met

WIDTH, LEFT, RIGHT, ROW, HEAD, GAP = 360, 172, 8, 15, 17, 5
SHORT = (("RNNCell", "cells"), ("LSTMCell", "cells"), ("GRUCell", "cells"), (", retained gradients", ", retained"))
STYLE = """.bench{display:block;width:100%;max-width:40rem;height:auto;margin:0 auto;font:10.5px system-ui,sans-serif;
color:inherit}.bench text{fill:currentColor}.bench .group{font-weight:600}.bench .axis{stroke:currentColor;opacity:.22}
.bench .one{stroke:currentColor;opacity:.7}.bench .goal{stroke:currentColor;stroke-width:2}
.bench .met{fill:#2f7fc1}.bench .not{fill:none;stroke:#cf6413;stroke-width:2}"""


def svg(results):
    """The text of ``results.svg``, from nothing but ``results.json``."""
    goals = [goal for section in results["sections"].values() for goal in section["goals"] if goal["unit"] == "×"]
    groups = list(dict.fromkeys(goal["group"] for goal in goals))
    ends = [math.log10(goal[k]) for goal in goals for k in ("value", "goal")] or [0]
    low, high = min(*ends, -1) - 0.1, max(*ends, 0) + 0.1
    at = lambda ratio: LEFT + (math.log10(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)
    top = 44
    height = top + len(goals) * ROW + len(groups) * (HEAD + GAP) + 22
    ticks = [float(f"{digit}e{k}") for k in range(math.floor(low), math.ceil(high)) for digit in (1, 3)]
    body = [legend(), *(axis(at(tick), tick, top, height) for tick in ticks if low < math.log10(tick) < high)]
    y = top
    for group in groups:
        y += GAP + HEAD
        body.append(f'<text class="group" x="0" y="{y - 5}">{escape(group)}</text>')
        for goal in (g for g in goals if g["group"] == group):
            y += ROW
            body += mark(goal, at, y - ROW / 2)
    label = f"Ratios ours / peer on a logarithmic axis: {sum(map(met, goals))} of {len(goals)} goals met"
    return (f'<svg class="bench" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{label}"><style>{STYLE}</style>\n' + "\n".join(body) + "\n</svg>\n")


def legend():
    return ('<text x="0" y="11">ours / peer; left of 1 ours is faster</text>'
            '<circle class="met" cx="5" cy="25" r="4"/><text x="13" y="29">goal met</text>'
            '<path class="not" d="M75 21l4 4-4 4-4-4z"/><text x="84" y="29">not met</text>'
            '<path class="goal" d="M142 20v10"/><text x="148" y="29">goal</text>')


def axis(x, tick, top, height):
    label = f'<text x="{x:.1f}" y="{{}}" text-anchor="middle">{tick:g}</text>'
    return (f'<path class="{"one" if tick == 1 else "axis"}" d="M{x:.1f} {top}V{height - 18}"/>'
            + label.format(top - 4) + label.format(height - 6))


def mark(goal, at, y):
    x, limit, name = at(goal["value"]), at(goal["goal"]), goal["what"]
    for long, short in SHORT:
        name = name.replace(long, short)
    shape = (f'<circle class="met" cx="{x:.1f}" cy="{y}" r="4"/>' if met(goal) else
             f'<path class="not" d="M{x:.1f} {y - 4}l4 4-4 4-4-4z"/>')
    text = f"{goal['group']}, {goal['what']}: {goal['value']:.3g}, goal {goal['goal']:g}"
    return [f'<g><title>{escape(text)}</title><text x="8" y="{y + 3.5}">{escape(name)}</text>'
            f'<path class="axis" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>{shape}'
            f'<path class="goal" d="M{limit:.1f} {y - 5.5}v11"/></g>']
