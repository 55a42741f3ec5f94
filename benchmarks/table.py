"""``results.json`` as markdown."""

from .measure import met

HEAD = """# What came out

Medians, with quartiles. A ratio (×) is our time divided by the other's within one round: below 1
ours is the faster. The milliseconds beside it are medians of all rounds.
"""


def markdown(results):
    """The text of ``results.md``, from nothing but ``results.json``."""
    facts = [f"{name} {value}" for name, value in results["about"].items()]
    sections = results["sections"].values()
    goals = [row for section in sections for row in section["rows"] if row["goal"] is not None]
    count = f"{sum(map(met, goals))} of {len(goals)} goals are met."
    lines = [HEAD, ", ".join(facts) + ".", "", count]
    for section in sections:
        lines += ["", f"## {section['title']}", "", section["lead"] + apart(section, results)]
        lines += ["", *grid(section["rows"])]
    return "\n".join(lines) + "\n"


def apart(section, results):
    """When and where a section was measured, if that was not with the others."""
    differs = section.get("measured", {}).items() - results["about"].items()
    facts = [f"{name} {value}" for name, value in section.get("measured", {}).items()]
    return f" Measured apart: {', '.join(facts)}." if differs else ""


def grid(rows):
    """The lines of a table. Columns that would be empty are left out."""
    columns = {
        "": [row["case"] for row in rows],
        "what, or beside what": [row["what"] for row in rows],
        "ours, ms": [digits(row.get("ours")) for row in rows],
        "theirs, ms": [digits(row.get("theirs")) for row in rows],
        "measured": [with_unit(row["value"], row["unit"]) for row in rows],
        "quartiles": [quartiles(row) for row in rows],
        "goal": [goal(row) for row in rows],
    }
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    lines = [columns.keys(), ["---"] * len(columns), *zip(*columns.values(), strict=True)]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def quartiles(row):
    return " – ".join(map(digits, row["quartiles"])) if row["quartiles"] else ""


def goal(row):
    if row["goal"] is None:
        return ""
    return f"≤\xa0{with_unit(row['goal'], row['unit'])}, {'met' if met(row) else '**missed**'}"


def with_unit(value, unit):
    return f"{digits(value)}\xa0{unit}".strip()


def digits(value):
    """Three digits, or none for what there is not."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
