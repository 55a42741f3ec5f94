"""Sphinx: chapters and figures have numbers, as in print, and every figure has a caption.

A chapter is a notebook that is no appendix; its number is its place in ``_toc.yml``. It stands in
the heading, in the tree of pages and in the links to the neighbours. Figure 5.1 is the first of
chapter 5, live or still; its address is ``#figure-5-1``, and its caption the first sentence of its
alternative text. All of it stands in the page as it is served, so that it is there without a
script.
"""

import re
from html import escape, unescape

from docutils import nodes

CHAPTER = ".ipynb"
APPENDICES = {"notebooks/errata", "notebooks/gallery"}
LIVE = re.compile(r'<div class="xp-live".*?</div>', re.DOTALL)
ALT = re.compile(r'\balt="([^"]*)"')
FIRST_SENTENCE = re.compile(r"(?:\w+ panels\.\s+)?(.+?)(?:[.]\s.*|[.]?$)", re.DOTALL)


def setup(app):
    # After Sphinx has given its own numbers, of which this book has none.
    app.connect("env-get-updated", number_chapters, priority=900)
    # After the live figures have been put in their places.
    app.connect("doctree-resolved", number_figures, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def chapters(env):
    """The chapters in the order of the table of contents."""
    pages = env.toctree_includes.get(env.config.root_doc, [])
    notebooks = [page for page in pages if str(env.doc2path(page)).endswith(CHAPTER)]
    return [page for page in notebooks if page not in APPENDICES]


def number_chapters(app, env):
    """Enter the numbers where Sphinx keeps those of sections; return the pages to write."""
    changed = []
    for number, page in enumerate(chapters(env), start=1):
        title = env.titles[page]
        entry, *sections = env.tocs[page].findall(nodes.reference)
        if title.get("secnumber") != (number,):
            changed.append(page)
        title["secnumber"] = entry["secnumber"] = (number,)
        env.toc_secnumbers[page] = {each["anchorname"]: None for each in sections}
        env.toc_secnumbers[page][""] = (number,)
    return changed


def number_figures(app, doctree, page):
    """Put each picture into a ``<figure>`` with its number and caption."""
    if app.builder.format != "html":
        return
    count = Counter(*app.env.toc_secnumbers.get(page, {}).get("", ()))
    for node in list(doctree.findall(is_picture)):
        if isinstance(node, nodes.image):
            opening, closing = count.frame(node.get("alt", ""))
            node.replace_self([raw(opening), node.deepcopy(), raw(closing)])
        else:
            node.replace_self(raw(LIVE.sub(count.framed, node.astext())))


def is_picture(node):
    """Whether it is a live figure, or an image that a cell has drawn."""
    if isinstance(node, nodes.raw):
        return 'class="xp-live"' in node.astext()
    return isinstance(node, nodes.image) and is_drawn(node)


def is_drawn(node):
    while node := node.parent:
        if "cell_output" in node.get("classes", ()):
            return True
    return False


class Counter:
    """Counts the figures of a page; on a page without a number they have none either."""

    def __init__(self, chapter=None):
        self.chapter, self.last = chapter, 0

    def framed(self, live):
        """The HTML of a live figure within its frame."""
        alt = ALT.search(live[0])
        opening, closing = self.frame(unescape(alt[1]) if alt else "")
        return f"{opening}{live[0]}{closing}"

    def frame(self, alt):
        """What stands before and behind the next figure."""
        self.last += 1
        opening, number = '<figure class="plate">', ""
        if self.chapter is not None:
            opening = f'<figure class="plate" id="figure-{self.chapter}-{self.last}">'
            number = f'<span class="figure-number">Figure {self.chapter}.{self.last}</span> '
        return opening, f"<figcaption>{number}{escape(caption(alt))}</figcaption></figure>"


def caption(alt):
    """The first sentence that says more than how many panels there are, without its full stop."""
    return FIRST_SENTENCE.match(alt)[1] if alt else ""


def raw(html):
    return nodes.raw("", html, format="html")
