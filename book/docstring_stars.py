"""Sphinx: the star in a shape such as (*sweep, batch, n) of a docstring begins no emphasis."""

import re


def escape(app, what, name, obj, options, lines):
    for i, line in enumerate(lines):
        parts = line.split("``")  # every second one is literal
        parts[::2] = [
            re.sub(r"(?<![*\\])\*(?=sweep|features|grid)", r"\*", part) for part in parts[::2]
        ]
        lines[i] = "``".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", escape, priority=600)  # after numpydoc
    return {"parallel_read_safe": True}
