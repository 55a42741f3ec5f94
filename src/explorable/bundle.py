"""The ES modules of `js/` as one: what anywidget takes, and a classic script for pages.

A page that is opened from a folder may not import modules, and anywidget takes one text. Each
module keeps a scope of its own, so that names may repeat. Only the forms of import and export that
the modules use are known; anything else is an error.
"""

import json
import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).with_name("js")
IMPORT = re.compile(r'^import \{ (?P<names>[^}]+) \} from "\./(?P<file>\w+)\.js";$', re.M)
STYLE = re.compile(
    r'^import (?P<name>\w+) from "\./(?P<file>\w+\.css)" with \{ type: "css" \};$', re.M
)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.M)


@cache
def esm():
    """The module of the widget: its default export has `render`."""
    return f"{joined('widget')}\nexport default $widget.widget;\n"


@cache
def script():
    """The script of a page; it gives `window.explorable` the functions `put`, `fit` and `all`."""
    return f'(() => {{\n"use strict";\n{joined("page")}\nwindow.explorable = $page;\n}})();\n'


def joined(entry):
    """The source of a module and of all that it imports, each in a scope of its own."""
    done = {}

    def visit(name):
        if name in done:
            return
        done[name] = None  # a circle would come back here
        source = (HERE / f"{name}.js").read_text("utf-8")
        for found in IMPORT.finditer(source):
            visit(found["file"])
        done.pop(name)
        done[name] = scoped(name, source)

    visit(entry)
    return "\n".join(done.values())


def scoped(name, source):
    """One module as a constant that holds what it exports."""
    body = IMPORT.sub(lambda m: f"const {{ {renamed(m['names'])} }} = ${m['file']};", source)
    body = STYLE.sub(style, body)
    exports = EXPORT.findall(body)
    body = EXPORT.sub("", body)
    left = re.search(r"^(import|export)\b.*", body, re.M)
    if left:
        raise ValueError(
            f"{name}.js: expected a form of import or export that bundle.py knows, got {left[0]}"
        )
    return f"const ${name} = (() => {{\n{body}return {{ {', '.join(exports)} }};\n}})();"


def renamed(names):
    """`a, b as c` of an import as it stands in a destructuring."""
    return names.replace(" as ", ": ")


def style(found):
    """A style sheet as the object that the import would have given."""
    css = json.dumps((HERE / found["file"]).read_text("utf-8"), ensure_ascii=False)
    return f"const {found['name']} = new CSSStyleSheet();\n{found['name']}.replaceSync({css});"
