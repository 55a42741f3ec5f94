"""Strings as matplotlib lays them out: runs of shared glyph outlines.

So text that moves looks like text that was drawn.
"""

import numpy as np
from matplotlib.path import Path

LETTERS = {Path.MOVETO: "m", Path.LINETO: "l", Path.CURVE3: "q", Path.CURVE4: "c"}
SIZES = {Path.MOVETO: 1, Path.LINETO: 1, Path.CURVE3: 2, Path.CURVE4: 3}
PER_EM = 64  # outlines are kept in 1/64 of matplotlib's font unit: FreeType's own whole numbers


class Glyphs:
    """Lays strings out once each.

    Parameters
    ----------
    paths : matplotlib.textpath.TextToPath
        The one that measures the strings, too: it keeps the mathematics that it has parsed.
    """

    def __init__(self, paths):
        self.paths, self.runs, self.outlines, self.written = paths, {}, {}, {}

    def run(self, text, prop, ismath, mtext=None):
        """`((outline, x, y), ...)` of a string, y down, in 1/64 font units."""
        features = asked_features(mtext)
        key = text, ismath, hash(prop), repr(features)
        if key not in self.runs:
            self.runs[key] = self.lay_out(text, prop, ismath, features)
        return self.runs[key]

    def lay_out(self, text, prop, ismath, features):
        """The run of a string that has not been seen before."""
        if ismath == "TeX":
            placed, shapes, bars = self.paths.get_glyphs_tex(prop, text)
        elif ismath:
            placed, shapes, bars = self.paths.get_glyphs_mathtext(prop, text)
        else:
            font = self.paths._get_font(prop)
            placed, shapes, bars = self.paths.get_glyphs_with_font(font, text, **features)
        run = []
        for name, x, y, scale in placed:
            vertices, codes = shapes[name]
            if len(vertices):  # a space has no outline
                d = self.outline(np.asarray(vertices) * scale, codes)
                run.append((d, round(x * PER_EM), -round(y * PER_EM)))
        for vertices, codes in bars:
            run.append((self.outline(np.asarray(vertices), codes), 0, 0))
        return tuple(run)

    def outline(self, vertices, codes):
        """The outline as an SVG path relative to the pen; equal outlines are one string."""
        key = vertices.tobytes(), bytes(codes)
        if key not in self.written:
            d = outline(Path(vertices * (PER_EM, -PER_EM), codes))
            self.written[key] = self.outlines.setdefault(d, d)
        return self.written[key]


def asked_features(mtext):
    """The font features and the language that a text asks for, in a matplotlib that knows them."""
    asked = {}
    for name, getter in (("features", "get_fontfeatures"), ("language", "get_language")):
        value = getattr(mtext, getter, lambda: None)()
        if value:
            asked[name] = value
    return asked


def outline(path):
    """An SVG path of whole numbers, relative throughout, so that it can follow any `M x y`."""
    vertices = np.rint(path.vertices).astype(int).tolist()
    codes = path.codes.tolist()
    start = x, y = 0, 0
    out, i = [], 0
    while i < len(codes):
        code = codes[i]
        if code == Path.STOP:
            break
        if code == Path.CLOSEPOLY:
            out.append("z")
            x, y = start
            i += 1
            continue
        n = SIZES[code]
        points = vertices[i : i + n]
        out.append(LETTERS[code] + " ".join(f"{a - x} {b - y}" for a, b in points))
        x, y = points[-1]
        i += n
        if code == Path.MOVETO:
            start = x, y
    return "".join(out)
