"""Live widgets in a published book: no kernel, no server, no network.

Name it once, in ``_config.yml`` of a Jupyter Book 1.x or in ``extensions`` of any Sphinx project
with myst-nb::

    sphinx:
      extra_extensions: [explorable.sphinx]

The figures of ``explore`` then live on the page, opened from a server or from a folder. Any other
widget would be dead without a kernel and is a warning, so a build with ``-W`` stops instead of
publishing it. Nothing on the page is loaded from another host: MathJax comes from the package
``sphinx-mathjax-offline``. A link in the text may set a figure:
``[gain 1.2](#fig-1?gain=1.2&activation=tanh)``. And a page without code may show a figure of a
notebook of the book, here under the anchor ``powers``, which plays once by itself::

    ```{live-figure} ../notebooks/chain.ipynb#powers
    :play:
    ```

The warnings ``explorable.missing``, ``.unknown``, ``.format`` and ``.mathjax`` may be named in
``suppress_warnings``.
"""

import importlib
import json
import re
from pathlib import Path
from shutil import copy2
from types import MappingProxyType

from docutils import nodes
from docutils.parsers.rst import directives
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.addnodes import pending_xref
from sphinx.ext.mathjax import MATHJAX_URL
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from . import bundle
from .embed import Embedded
from .live import fingerprint

log = logging.getLogger(__name__)
FOLDER = "_static/explorable"
CSS = Path(__file__).with_name("js") / "style.css"
VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">'
    r"(.*?)"  # its JSON, with the id of the model
    r"</script>",
    re.DOTALL,
)

# What a page may load of MathJax's 22 MB: the TeX reader, HTML output, its fonts, and extensions
# that MathJax fetches when a formula names their commands. The menu, which would fetch more, is
# switched off.
MATHJAX = ["tex-chtml.js", "output/chtml/fonts/woff-v2/*.woff", "input/tex/extensions/*.js"]
MATHJAX_NEVER = {"all-packages.js"}


def setup(app):
    """Register the extension."""
    app.connect("config-inited", keep_to_this_host)
    app.connect("builder-inited", disconnect_thebe)
    app.connect("doctree-resolved", embed_figures)
    app.connect("html-page-context", add_runtime, priority=400)  # myst-nb's comes after it
    app.connect("build-finished", finish_static_files)
    app.add_directive("live-figure", LiveFigure)
    app.add_node(Elsewhere)
    app.add_transform(KeepStateLinks)
    app.add_post_transform(ResolveStateLinks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def keep_to_this_host(app, config):
    """Replace the scripts that a stock build loads from a CDN."""
    config.nb_ipywidgets_js = {}
    if config.mathjax_path != MATHJAX_URL:
        return  # the author chose another place
    if mathjax_folder() is None:
        message = "MathJax stays on a CDN: install sphinx-mathjax-offline to serve it with the book"
        log.warning(message, type="explorable", subtype="mathjax")
        return
    config.mathjax_path = "mathjax/tex-chtml.js"
    # The menu makes every formula a stop of the Tab key between a reader and the next slider.
    config.mathjax3_config = {"options": {"enableMenu": False}} | (config.mathjax3_config or {})


def mathjax_folder():
    """Return the folder of MathJax's files; None if the package with them is not installed."""
    try:
        # hyphens: no import statement can name it
        package = importlib.import_module("sphinx-mathjax-offline")
    except ImportError:
        return None
    return Path(package.__file__).parent / "static" / "mathjax"


def disconnect_thebe(app):
    """Keep Thebe's script and settings, which name hosts, off pages that offer no Thebe button."""
    buttons = (app.config.html_theme_options or {}).get("launch_buttons") or {}
    if buttons.get("thebe"):
        return
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            name = f"{listener.handler.__module__}.{getattr(listener.handler, '__name__', '')}"
            if name in {"sphinx_thebe.init_thebe_core", "sphinx_thebe.update_thebe_context"}:
                app.disconnect(listener.id)


class KeepStateLinks(SphinxTransform):
    """Let ``[text](#fig-1?gain=1.2)`` or ``[text](#fig-1?)`` through.

    MyST would look it up as a heading.
    """

    default_priority = 878  # just before MyST's ResolveAnchorIds

    def apply(self):
        """Turn each such link into a plain one."""
        for node in self.document.findall(nodes.reference):
            if node.get("id_link") and "?" in node["refuri"]:
                del node["id_link"]
                node.update_basic_atts({"classes": ["xp-set"]})
                node["internal"] = True


class ResolveStateLinks(SphinxTransform):
    """Let ``[text](depth.ipynb#bounds?gain=1.2)`` through to another page of the book."""

    default_priority = 8  # just before MyST's resolver of references

    def apply(self):
        """Turn each such link into a plain one."""
        for node in list(self.document.findall(pending_xref)):
            target, page = node.get("reftargetid") or "", node.get("reftarget")
            if node.get("refdomain") == "doc" and "?" in target and page in self.env.all_docs:
                words = list(node[0].children)
                link = make_refnode(self.app.builder, self.env.docname, page, target, words)
                link["classes"].append("xp-set")
                node.replace_self(link)


class Elsewhere(nodes.General, nodes.Element):
    """The place of a figure that another page makes."""


class LiveFigure(SphinxDirective):
    """``{live-figure} notebook.ipynb#anchor``: a figure of another page."""

    required_arguments = 1
    option_spec = MappingProxyType({"play": directives.flag})

    def run(self):
        """The place, which is filled when all pages were read."""
        path, _, name = self.arguments[0].partition("#")
        file, full = self.env.relfn2path(path)
        self.env.note_dependency(full)
        page = self.env.path2doc(file)
        return [Elsewhere(page=page, name=name, play="play" in self.options)]


def saved_widgets(env, docname):
    """The saved state of a page's widgets, by model."""
    scripts = NbMetadataCollector.get_js_files(env, docname)
    _, saved = scripts.get("ipywidgets_state", (None, {"body": "{}"}))
    return json.loads(saved["body"]).get("state", {})


def embed_figures(app, doctree, docname):
    """Put the figures where each widget view stands, and their files beside the page."""
    if app.builder.format != "html":
        for node in list(doctree.findall(Elsewhere)):
            node.parent.remove(node)
        return
    page = Embedded(saved_widgets(app.env, docname))
    root = app.builder.get_relative_uri(docname, "index").rpartition("/")[0]

    def place(live):
        folder = Path(app.outdir, FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{live.digest}.js").write_text(live.call(live.digest), encoding="utf-8")
        (folder / f"{live.digest}.png").write_bytes(live.first)
        return [f"{root or '.'}/{FOLDER}/{live.digest}.{ending}" for ending in ("js", "png")]

    for node in list(doctree.findall(nodes.raw)):
        if VIEW.search(node.astext()):
            here = node.parent  # myst-nb gives the place to the output, not to what it holds

            def put(view):
                return page.figure(json.loads(view[1])["model_id"], place, doctree.ids)

            node.replace_self(nodes.raw("", VIEW.sub(put, node.astext()), format="html"))
            report(page, here)
    for node in list(doctree.findall(Elsewhere)):
        html = page.borrowed(saved_widgets(app.env, node["page"]), place, **node.attributes)
        report(page, node)
        node.replace_self(nodes.raw("", html, format="html"))
    doctree["explorable"] = bool(page.figures)
    report(page, docname)


def report(page, location):
    """Warn of what would be dead on the page; a build with ``-W`` then fails."""
    while page.problems:
        kind, message = page.problems.pop(0)
        log.warning(message, type="explorable", subtype=kind, location=location)


def add_runtime(app, pagename, templatename, context, doctree):
    """Load the runtime on pages that have figures, and nothing of the widgets behind them."""
    NbMetadataCollector.get_js_files(app.env, pagename).pop("ipywidgets_state", None)
    if doctree is None or not doctree.get("explorable"):
        return
    text = bundle.script()
    name = f"explorable/explorable.js?v={fingerprint(text)}"
    write(app, "explorable.js", text)
    write(app, "explorable.css", CSS.read_text("utf-8"))  # the first frames, before any script
    app.add_css_file("explorable/explorable.css")
    # At the end of the text, not in the head: there it runs before the theme's and MathJax's
    # deferred megabytes.
    context["body"] += f'<script src="{context["pathto"](f"_static/{name}", 1)}"></script>'


def write(app, name, text):
    """A file of the runtime."""
    Path(app.outdir, FOLDER, name).write_text(text, encoding="utf-8")


def finish_static_files(app, error):
    """Copy the needed part of MathJax and delete the theme's source maps, which no reader loads."""
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    source = mathjax_folder()
    if source and app.config.mathjax_path == "mathjax/tex-chtml.js":
        for pattern in MATHJAX:
            for path in source.glob(pattern):
                if path.name not in MATHJAX_NEVER:
                    target = static / "mathjax" / path.relative_to(source)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    copy2(path, target)
    for path in static.rglob("*.map"):
        path.unlink()
