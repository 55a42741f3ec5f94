"""The first frame as SVG: what stands still, and groups that live.js fills again whenever a slider
moves.
"""

from base64 import b64encode
from html import escape

from .codec import count


def write(slots, packer, spec, images, state, alt):
    """The SVG of one state: a `<g data-slot>` for every slot, definitions of clips and symbols
    first.
    """
    uid, view = spec["id"], spec["view"]
    width, height = view[2] * spec["width"] / view[2], view[3] * spec["width"] / view[2]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt)}" '
        f'width="{width:g}pt" height="{height:g}pt" viewBox="{" ".join(map(str, view))}" '
        f'stroke-linejoin="round" stroke-linecap="butt"><defs>'
    ]
    out += [
        f'<clipPath id="{uid}-c{i}"><path d="{d}"/></clipPath>' for i, d in enumerate(spec["clips"])
    ]
    out += [f'<path id="{uid}-s{i}" d="{d}"/>' for i, d in enumerate(spec["symbols"])]
    out.append("</defs>")
    for number, slot in enumerate(slots):
        frames, index = slot.ordered()
        template, coordinates = frames[index[state]]
        xy, at = memoryview(coordinates).cast("H") if coordinates else (), 0
        out.append(f'<g data-slot="{number}" class="xp-{slot.role}">')
        for shape in map(packer.shape, template):
            n = count(shape)
            out.append(element(shape, xy[at : at + n], spec, images))
            at += n
        out.append("</g>")
    return "".join([*out, "</svg>"])


def element(shape, xy, spec, images):
    """One shape as SVG, exactly as live.js draws it."""
    kind, clip = shape[0], shape[1] if shape[0] == "u" else shape[2]
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
        return f'<g{clipped}><path{style} d="{text(spec, shape[3])}" transform="matrix({matrix})"/></g>'
    png = b64encode(images[shape[3]]).decode()
    return (
        f'<g{clipped}><image{style} width="{shape[4]}" height="{shape[5]}" preserveAspectRatio="none" '
        f'transform="matrix({" ".join(map(str, shape[6]))})" href="data:image/png;base64,{png}"/></g>'
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
    parts = iter(spec["runs"][run])
    return "".join(
        f"M{x} {y}{spec['glyphs'][glyph]}" for glyph, x, y in zip(parts, parts, parts, strict=True)
    )
