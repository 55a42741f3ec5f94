"""Sphinx: the star in a shape such as (*sweep, batch, n) of a docstring begins no emphasis."""

import re

STAR = re.compile(r"(?<![*\\])\*(?=sweep|features|grid)")


def escape(app, what, name, obj, options, lines):
    for i, line in enumerate(lines):
        parts = line.split("``")
        for k in range(0, len(parts), 2):  # every second one is literal
            parts[k] = STAR.sub(r"\*", parts[k])
        lines[i] = "``".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", escape, priority=600)  # after numpydoc
    return {"parallel_read_safe": True}
