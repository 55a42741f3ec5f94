"""Sphinx: what a page says of itself in a tab, in a list of results, under a shared link.

Each page gets icons, a preview picture, which ``book/pictures.py`` draws, and a description: the
beginning of its text.
"""

import re
from html import escape, unescape
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes

ABOUT = (
    "An interactive textbook on why the gradients of deep and recurrent networks explode or "
    "vanish, and what to do about it."
)
SEEN = "Dots on a grid, bright in the upper right corner, fading towards the lower left"
SIZE = (1200, 630)  # of the picture, in pixels
ENOUGH = 200  # characters of a description; whatever shows it cuts it about there
FORMULA = "\ufffc"  # in the place of one

ENTRANCE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={first}">{card}
<p><a href="{first}">{title}</a></p>
</html>
"""


def setup(app):
    app.connect("html-page-context", add_card)
    app.connect("build-finished", write_entrance, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_card(app, pagename, templatename, context, doctree):
    """Put icons, description and preview into the head of a page."""
    about = description(doctree) if doctree else ""
    title = unescape(re.sub(r"<[^>]*>", "", context.get("title") or ""))
    root = context["pathto"]("_static", 1).removesuffix("_static")
    context["metatags"] = context.get("metatags", "") + card(
        app.config, root, f"{pagename}.html", title, about
    )


def write_entrance(app, error):
    """Give ``index.html``, which only goes on to the first page, a card as well.

    It is the address that people share.
    """
    if error or app.builder.format != "html" or app.config.root_doc == "index":
        return
    first = f"{app.config.root_doc}.html"
    text = ENTRANCE.format(
        title=escape(app.config.html_title), first=first, card=card(app.config, "", "index.html")
    )
    Path(app.outdir, "index.html").write_text(text, encoding="utf-8")


def card(config, root, page, title="", about=""):
    """The tags for the head of a page from which the relative address ``root`` leads to the book's.

    Sites that show previews ask for full addresses. The book knows its own only if
    ``html_baseurl`` is set in ``_config.yml``; until then these addresses are relative, which some
    of those sites can follow.
    """
    base = config.html_baseurl
    picture = urljoin(base, "_static/preview.png") if base else f"{root}_static/preview.png"
    about = about or ABOUT
    meta = [
        ("name", "description", about),
        ("property", "og:type", "website"),
        ("property", "og:site_name", config.html_title),
        ("property", "og:title", title or config.html_title),
        ("property", "og:description", about),
        *([("property", "og:url", urljoin(base, page))] if base else []),
        ("property", "og:image", picture),
        ("property", "og:image:width", SIZE[0]),
        ("property", "og:image:height", SIZE[1]),
        ("property", "og:image:alt", SEEN),
        ("name", "twitter:card", "summary_large_image"),
    ]
    icons = [
        'rel="icon" href="{}_static/icon.ico" sizes="32x32"',
        'rel="icon" href="{}_static/icon.svg" type="image/svg+xml"',
        'rel="apple-touch-icon" href="{}_static/icon.png"',
    ]
    lines = [f'<meta {kind}="{name}" content="{escape(str(text))}">' for kind, name, text in meta]
    lines += [f"<link {icon.format(root)}>" for icon in icons]
    return "".join(f"\n    {line}" for line in lines)


def description(doctree):
    """The first sentences of a page, up to one with a formula or one that leads to a list."""
    said = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if not isinstance(paragraph.parent, nodes.section):
            continue  # a list, a table, an aside
        words = paragraph.deepcopy()
        for formula in list(words.findall(nodes.math)):
            formula.replace_self(nodes.Text(FORMULA))
        for sentence in re.split(r"(?<=[.!?]) ", " ".join(words.astext().split())):
            longer = f"{said} {sentence}".strip()
            shows = FORMULA not in sentence and not sentence.endswith(":")
            if shows and (not said or len(longer) <= ENOUGH):
                said = longer
            elif said:
                return said
    return said
