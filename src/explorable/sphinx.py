"""Live widgets in a published book: no kernel, no server, no network.

Name it once, in ``_config.yml`` of a Jupyter Book 1.x or in ``extensions`` of any Sphinx project
with myst-nb::

    sphinx:
      extra_extensions: [explorable.sphinx]

Sliders, dropdowns and checkboxes that ``jslink`` joins to an anywidget then work on the page,
opened from a server or from a folder. A widget that could not work without a kernel is a warning,
so a build with ``-W`` stops instead of publishing a dead slider. Nothing on the page is loaded from
another host: MathJax comes from the package ``sphinx-mathjax-offline``. A link in the text may set
a figure: ``[gain 1.2](#fig-1?gain=1.2&activation=tanh)``.

The warnings ``explorable.missing``, ``.unknown``, ``.esm``, ``.unlinked`` and ``.mathjax`` may be
named in ``suppress_warnings``.
"""

import importlib
import json
import re
from pathlib import Path
from shutil import copy2

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.addnodes import pending_xref
from sphinx.ext.mathjax import MATHJAX_URL
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

from .embed import Embedded, fingerprint, script_safe

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
RUNTIME = ["controls.js", "page.js"]
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
    app.connect("html-page-context", add_runtime)
    app.connect("build-finished", finish_static_files)
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


def embed_figures(app, doctree, docname):
    """Put a figure where each widget view stands, and the state of all at the end of the page."""
    if app.builder.format != "html":
        return
    scripts = NbMetadataCollector.get_js_files(app.env, docname)
    _, saved = scripts.pop("ipywidgets_state", (None, {"body": "{}"}))
    page = Embedded(json.loads(saved["body"]).get("state", {}))
    for node in list(doctree.findall(nodes.raw)):
        if VIEW.search(node.astext()):
            here = node.parent  # myst-nb gives the place to the output, not to what it holds

            def put(view):
                return page.figure(json.loads(view[1])["model_id"], doctree.ids)

            node.replace_self(nodes.raw("", VIEW.sub(put, node.astext()), format="html"))
            report(page, here)
    if page.models:
        doctree.append(nodes.raw("", page.script(), format="html"))
        doctree["explorable_modules"] = publish(app, page.modules)
    report(page, docname)


def report(page, location):
    """Warn of what would be dead on the page; a build with ``-W`` then fails."""
    while page.problems:
        kind, message = page.problems.pop(0)
        log.warning(message, type="explorable", subtype=kind, location=location)


def publish(app, modules):
    """Copy the runtime, write each ESM as a script that registers its text, return their names.

    A page opened from a folder may not import a module by URL, but it may load a script.
    """
    folder = Path(app.outdir, "_static", "explorable")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*RUNTIME, "page.css"):
        copy2(HERE / name, folder / name)
    for digest, source in modules.items():
        text = script_safe(json.dumps(source, ensure_ascii=False))
        body = f'(window.explorableModules ??= {{}})["{digest}"] = {text};\n'
        (folder / f"{digest}.js").write_text(body, encoding="utf-8")
    return [f"{digest}.js" for digest in modules]


def add_runtime(app, pagename, templatename, context, doctree):
    """Load the runtime on pages that have widgets, ahead of MathJax.

    MathJax then sets the formulas in the labels of the widgets.
    """
    modules = doctree.get("explorable_modules") if doctree else None
    if modules is None:
        return
    app.add_css_file("explorable/page.css")
    names = list(modules)
    for name in RUNTIME:
        version = fingerprint((HERE / name).read_text("utf-8"))
        names.append(f"{name}?v={version}")
    sources = [context["pathto"](f"_static/explorable/{name}", 1) for name in names]
    # Not in the head but at the end of the text: here they run before the megabytes of the theme
    # and of MathJax, which are deferred.
    context["body"] += "".join(f'<script src="{source}"></script>' for source in sources)


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
