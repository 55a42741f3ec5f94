"""The first frame as SVG: what stands still, and groups that live.js fills again.

It does so whenever a slider moves.
"""

from base64 import b64encode
from html import escape

from .codec import count


def write(slots, packer, spec, images, state, alt):
    """The SVG of one state: definitions of clips and symbols, then a `<g data-slot>` a slot."""
    uid, view = spec["id"], spec["view"]
    width = spec["width"]
    height = width * view[3] / view[2]
    box = " ".join(map(str, view))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt)}" '
        f'width="{width:g}pt" height="{height:g}pt" viewBox="{box}" '
        f'stroke-linejoin="round" stroke-linecap="butt"><defs>'
    ]
    for i, d in enumerate(spec["clips"]):
        out.append(f'<clipPath id="{uid}-c{i}"><path d="{d}"/></clipPath>')
    for i, d in enumerate(spec["symbols"]):
        out.append(f'<path id="{uid}-s{i}" d="{d}"/>')
    out.append("</defs>")
    for number, slot in enumerate(slots):
        frames, index = slot.ordered()
        template, coordinates = frames[index[state]]
        xy = memoryview(coordinates).cast("H") if coordinates else ()
        at = 0
        out.append(f'<g data-slot="{number}" class="xp-{slot.role}">')
        for shape in map(packer.shape, template):
            n = count(shape)
            out.append(element(shape, xy[at : at + n], spec, images))
            at += n
        out.append("</g>")
    return "".join([*out, "</svg>"])


def element(shape, xy, spec, images):
    """One shape as SVG, exactly as live.js draws it."""
    kind = shape[0]
    clip = shape[1] if kind == "u" else shape[2]
    clipped = f' clip-path="url(#{spec["id"]}-c{clip})"' if clip >= 0 else ""
    style = "" if kind == "u" else f' style="{spec["styles"][shape[1]]}"'
    if kind == "p":
        return f'<path{clipped}{style} d="{path(shape[3], xy)}"/>'
    if kind == "u":
        uses, at = [], 0
        for symbol, css, n in shape[2]:
            for _ in range(n):
                uses.append(
                    f'<use href="#{spec["id"]}-s{symbol}" style="{spec["styles"][css]}" '
                    f'x="{xy[at]}" y="{xy[at + 1]}"/>'
                )
                at += 2
        return f"<g{clipped}>{''.join(uses)}</g>"
    if kind == "t":
        matrix = " ".join(map(str, (*shape[4], xy[0], xy[1])))
        d = text(spec, shape[3])
        return f'<g{clipped}><path{style} d="{d}" transform="matrix({matrix})"/></g>'
    png = b64encode(images[shape[3]]).decode()
    width, height = shape[4], shape[5]
    matrix = " ".join(map(str, shape[6]))
    return (
        f'<g{clipped}><image{style} width="{width}" height="{height}" preserveAspectRatio="none" '
        f'transform="matrix({matrix})" href="data:image/png;base64,{png}"/></g>'
    )


def path(steps, xy):
    """The `d` of a path from its commands and coordinates."""
    out, at = [], 0
    for letter, n in steps:
        out.append(letter + " ".join(map(str, xy[at : at + 2 * n])))
        at += 2 * n
    return "".join(out)


def text(spec, run):
    """The `d` of a run of glyphs."""
    numbers = spec["runs"][run]  # glyph, x, y; glyph, x, y; …
    triples = zip(numbers[0::3], numbers[1::3], numbers[2::3], strict=True)
    return "".join(f"M{x} {y}{spec['glyphs'][glyph]}" for glyph, x, y in triples)
