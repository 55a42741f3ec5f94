"""``results.json`` as markdown: goals first, then every table."""

from .compare import met

HEAD = """# Side by side

Milliseconds are medians with quartiles, in shuffled turns within one process. A ratio is ours / peer, the median over
the rounds: below 1 ours is faster. Before anything is timed, all contestants agree to a relative 1e-10. The column
*floor* has the ratio that bare matrix products and tanh in numpy reach; in bold, even they miss the goal.
"""


def markdown(results):
    """The text of ``results.md``, from nothing but ``results.json``."""
    sections = list(results["sections"].values())
    shared = dict(set.intersection(*(set(facts(s).items()) for s in sections)))
    goals = [goal for section in sections for goal in section["goals"]]
    lines = [HEAD, line({k: v for k, v in facts(sections[0]).items() if k in shared})]
    if goals:
        lines += ["", f"## Goals: {sum(map(met, goals))} of {len(goals)} met", "",
                  *grid(["", "against", "measured", "goal", "floor", ""], [goal_row(goal) for goal in goals])]
    for section in sections:
        lines += ["", f"## {section['title']}", "", section["lead"]]
        own = {k: v for k, v in facts(section).items() if k not in shared}
        lines += ["", line(own)] if own else []
        for table in section["tables"]:
            lines += ["", f"### {table['title']}", "", *grid(table["columns"], table["rows"])]
            lines += ["", table["note"]] if "note" in table else []
        if section["missing"]:
            lines += ["", f"Not installed: {', '.join(section['missing'])}."]
    return "\n".join(lines) + "\n"


def facts(section):
    return {"command": f"`{section['command']}`"} | section["about"]


def line(facts):
    return ", ".join(f"{name} {value}" for name, value in facts.items()) + "."


def grid(columns, rows):
    bar = lambda cells: f"| {' | '.join(map(text, cells))} |"
    return [bar(columns), bar(["---"] * len(columns)), *map(bar, rows)]


def text(cell):
    if isinstance(cell, list):
        return " – ".join(map(text, cell))
    return "" if cell is None else digits(cell) if isinstance(cell, float) else str(cell)


def goal_row(goal):
    """``floor``: the same ratio for the floor in our place, bold where even that misses the goal."""
    floor = digits(goal["floor"]) if "floor" in goal else ""
    value, limit = (number(goal[k], goal["unit"]) for k in ("value", "goal"))
    return [goal["group"], goal["what"], value, f"≤\xa0{limit}",
            f"**{floor}**" if floor and goal["floor"] > goal["goal"] else floor, "met" if met(goal) else "**not met**"]


def number(value, unit):
    if unit == "%":
        return f"{digits(100 * value)}\xa0%"
    return digits(value) + (f"\xa0{unit}" if unit not in ("", "×") else "")


def digits(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
