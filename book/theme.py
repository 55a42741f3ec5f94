"""Sphinx: the theme's pages ask for no more than they show, and leave no reader out.

The theme sends each page the whole of Font Awesome, of Bootstrap and of its style sheet, and the
search index besides. Here its HTML is mended as it is written: an icon is the SVG itself, a file
that serves nothing on the page is not asked for, and every button has a name. What depends on the
reader's screen is in ``static/site.css`` and ``static/site.js``.
"""

import re
from functools import cache
from html import escape
from pathlib import Path
from shutil import rmtree

import pydata_sphinx_theme

from explorable.sphinx import mathjax_folder

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
ICON = re.compile(r'<(i|span) class="([^"]*\bfa-[^"]*)"([^>]*)></\1>')
PLAIN = re.compile(r"^(fa[srb]?|fa-(solid|regular|brands|lg))$")  # what names no icon

# A script or style sheet, and what a page must hold to have a use for it; None if no page has.
USED_BY = {
    "scripts/fontawesome.js": None,  # icon() does its work
    "scripts/bootstrap.js": None,  # site.js opens the one menu; titles are the browser's own
    "sphinx-thebe.css": "thebe-launch-button",
    "togglebutton.css": 'class="toggle|admonition[^"]* dropdown',
    "togglebutton.js": 'class="toggle|admonition[^"]* dropdown',
    "sphinx-design.min.css": 'class="sd-',
    "design-tabs.js": 'class="sd-tab',
    "copybutton.css": "<pre",
    "copybutton.js": "<pre",
    "clipboard.min.js": "<pre",
    "searchtools.js": 'id="search-results"',
    "language_data.js": 'id="search-results"',
    "searchindex.js": 'id="search-results"',
}
NAMES = "|".join(map(re.escape, USED_BY))
ASKS = re.compile(
    rf'\s*<(?:script|link)\b[^>]*(?:src|href)="(?:[^"]*/)?({NAMES})(?:\?[^"]*)?"[^>]*>(?:</script>)?'
)
SETTINGS = re.compile(r"\s*<script>(?:let|var) toggle\w+ = '[^']*';</script>")

# MathJax without its menu, which the book switches off: two thirds of the size.
MATHJAX = [
    "core",
    "input/tex",
    "output/chtml",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml",
]


def setup(app):
    app.connect("config-inited", forget_menu, priority=900)
    app.connect("builder-inited", mend_what_is_written)
    app.connect("build-finished", lighten_static_files, priority=900)
    app.add_css_file("type.css")
    app.add_css_file("site.css")
    app.add_js_file("site.js", loading_method="defer")
    app.add_js_file("exercise.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


# ---------------------------------------------------------------- pages


def mend_what_is_written(app):
    """Send every page through `mend` on its way from the template to the file."""
    if app.builder.format != "html":
        return
    render = app.builder.templates.render
    app.builder.templates.render = lambda name, context: mend(render(name, context))


def mend(page):
    """The page's HTML with its icons in it, names where they are wanting, and fewer files."""
    page = ICON.sub(lambda found: icon(found[2], found[3]), page)
    page = ASKS.sub(lambda found: found[0] if wanted(found[1], page) else "", page)
    if "togglebutton.js" not in page:
        page = SETTINGS.sub("", page)
    for pattern, better in MENDED:
        page = re.sub(pattern, better, page)
    return page


def wanted(name, page):
    return USED_BY[name] and re.search(USED_BY[name], page)


# What the theme and MyST-NB write, and what a screen reader can make sense of.
MENDED = [
    # The tree of pages: a summary that held nothing but an icon gets the name of its branch.
    (
        r'(<a class="[^"]*" href="[^"]*">)([^<]*)(</a><details[^>]*><summary)>',
        r'\1\2\3 aria-label="Pages in: \2">',
    ),
    (r'(<span class="toctree-toggle") role="presentation"', r"\1"),
    # A chapter in the tree of pages: its number apart, and of its title what stands before a colon.
    (
        r'(<li class="toctree-l1[^"]*"><a class="[^"]*" href="[^"]*">)(\d+)\u2007([^<:]*)[^<]*</a>',
        r'\1<span class="section-number">\2</span> \3</a>',
    ),
    # A formula and the brackets and stops that touch it, between which browsers would break a line.
    (
        r'([(\[“‘]*)(<span class="math notranslate nohighlight">[^<]*</span>)([.,;:!?)\]’”%]*)',
        lambda found: (
            f'<span class="together">{found[0]}</span>' if found[1] + found[3] else found[0]
        ),
    ),
    # An entry of a list of works: the role that docutils gives it has gone out of use.
    (r'role="doc-biblioentry"', 'role="listitem"'),
    # What an author marks by its first words.
    (r"<p>(<strong>Claim)", r'<p class="claim">\1'),
    (r"<p>(<strong>A common mistake)", r'<p class="mistake">\1'),
    # A folded cell is no admonition, and its words are its name.
    (
        r'<details class="admonition hide [^"]*">\s*<summary[^>]*>\s*'
        r"<p[^>]*>([^<]*)</p>\s*<p[^>]*>[^<]*</p>\s*",
        r'<details class="fold">\n<summary>\1',
    ),
    # The field that opens the search is named by what is seen on it, Ctrl+K or ⌘+K included.
    (r'(class="btn search-button-field[^>]* title="Search") aria-label="Search"', r"\1"),
    # What Bootstrap showed over a button, the browser shows.
    (
        r'aria-label="Color mode" data-bs-title="Color mode"',
        'aria-label="Color mode" title="Color mode"',
    ),
    # Whatever is to be read belongs to a landmark; the sidebar stands outside of <main>.
    (
        r'<div id="pst-primary-sidebar" class="([^"]*)">',
        r'<div id="pst-primary-sidebar" class="\1" role="complementary" aria-label="The book">',
    ),
    # The corner of a table of comparisons is empty, and no header of anything.
    (r'<th class="([^"]*)">(\s*(?:<p>\s*</p>)?\s*)</th>', r'<td class="\1">\2</td>'),
    (r"<th>(\s*(?:<p>\s*</p>)?\s*)</th>", r"<td>\1</td>"),
]


# ---------------------------------------------------------------- icons


@cache
def icons():
    """Size and path of each solid icon, by name, as the theme's own file has them."""
    text = (THEME / "scripts" / "fontawesome.js").read_text("utf-8")
    found = re.findall(r'"?([\w-]+)"?:\[(\d+),(\d+),\[[^\]]*\],"\w+","([^"]*)"\]', text)
    # The solid set stands last, so that its icons replace the others of the same name.
    return {name: (width, height, path) for name, width, height, path in found}


def icon(classes, attributes):
    """The SVG that Font Awesome's script would put in place of the element."""
    classes = classes.split()
    name = next(each for each in classes if each.startswith("fa-") and not PLAIN.match(each))
    width, height, path = icons()[name.removeprefix("fa-")]
    attributes = re.sub(r'\s*title="[^"]*"', "", attributes)  # the button has its own
    kept = " ".join(each for each in classes if each == "fa-lg" or not PLAIN.match(each))
    return (
        f'<svg class="svg-inline--fa {escape(kept)}"{attributes} aria-hidden="true"'
        f' viewBox="0 0 {width} {height}"><path fill="currentColor" d="{path}"/></svg>'
    )


# ---------------------------------------------------------------- static files


def forget_menu(app, config):
    """MathJax refuses an option of a menu that it does not have."""
    options = {**(config.mathjax3_config or {}).get("options", {})}
    options.pop("enableMenu", None)
    config.mathjax3_config = {**(config.mathjax3_config or {}), "options": options}


def lighten_static_files(app, error):
    """Take out of the style sheet, of MathJax and of the folder what no page uses."""
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
    for name in ("scripts/fontawesome.js", "scripts/bootstrap.js"):
        (static / name).unlink(missing_ok=True)
    write_mathjax(static / "mathjax")

    scripts = [path for path in static.glob("**/*.js") if "mathjax" not in path.parts]
    words = set()
    for path in [*Path(app.outdir).rglob("*.html"), *scripts]:
        words.update(re.findall(r"[\w-]+", path.read_text("utf-8")))
    sheet = "styles/pydata-sphinx-theme.css"
    (static / sheet).write_text(used_rules((THEME / sheet).read_text("utf-8"), words), "utf-8")


def write_mathjax(folder):
    """One file of MathJax's own parts, in place of the one that has the menu."""
    source = mathjax_folder()
    names = [f"{name.removesuffix('.js')}.js" for name in ["startup", *MATHJAX]]
    first, *rest = [(source / name).read_text("utf-8") for name in names]
    # startup.js goes on when a promise is kept, which is after the rest of the file has run.
    here = f"MathJax.loader.preLoad({', '.join(map(repr, MATHJAX))})"
    (folder / "tex-chtml.js").write_text(";\n".join([first, here, *rest]), "utf-8")


def used_rules(sheet, words):
    """The style sheet without the rules for classes that are no word of any page or script."""
    kept, start = [], 0
    for opening, closing in blocks(sheet):
        head, body = sheet[start:opening], sheet[opening + 1 : closing]
        start = closing + 1
        if head.lstrip().startswith(("@media", "@supports", "@container", "@layer")):
            body = used_rules(body, words)
            if body:
                kept.append(f"{head}{{{body}}}")
        elif head.lstrip().startswith("@"):
            if "Font Awesome" not in body:
                kept.append(f"{head}{{{body}}}")
        elif head := ",".join(one for one in selectors(head) if serves(one, words)):
            kept.append(f"{head}{{{body}}}")
    return "".join(kept)


def blocks(sheet):
    """Where each outer block of a style sheet opens and closes."""
    depth = opening = 0
    for token in re.finditer(
        r'"[^"]*"|\'[^\']*\'|url\([^"\')]*\)|/\*.*?\*/|[{}]', sheet, re.DOTALL
    ):
        if token[0] == "{":
            opening = opening if depth else token.start()
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if not depth:
                yield opening, token.start()


def selectors(head):
    """The parts of a selector list, split at the commas outside of brackets."""
    return re.findall(r"(?:[^,(\[]|\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\])+", head)


def serves(selector, words):
    """Return whether every class that the selector asks for is somebody's."""
    asked = re.sub(r":(?:not|is|where)\((?:[^()]|\([^()]*\))*\)", "", selector)
    names = re.findall(r"[.#]((?:\\.|[\w-])+)", re.sub(r"\[[^\]]*\]", "", asked))
    return all(re.sub(r"\\", "", name) in words for name in names)
