"""The modules of js/ become one text, each in a scope of its own."""

import re

import pytest

from explorable import bundle, live

MODULES = sorted(bundle.HERE.glob("*.js"))


def test_every_module_is_in_a_text_once_and_after_what_it_imports():
    both = bundle.joined("widget"), bundle.joined("page")
    for text in both:
        order = re.findall(r"^const \$(\w+) = ", text, re.M)
        assert len(order) == len(set(order))
        for name in order:
            source = (bundle.HERE / f"{name}.js").read_text("utf-8")
            for found in bundle.IMPORT.finditer(source):
                assert order.index(found["file"]) < order.index(name)
    found = {name for text in both for name in re.findall(r"^const \$(\w+) = ", text, re.M)}
    assert found == {path.stem for path in MODULES}, "nothing is left over"


@pytest.mark.parametrize("path", [*MODULES, bundle.HERE / "style.css"], ids=lambda p: p.name)
def test_every_line_fits_the_house(path):
    """A hundred columns, as ruff has it for Python."""
    assert not [line for line in path.read_text("utf-8").splitlines() if len(line) > 100]


def test_imports_may_rename_and_exports_are_given_back():
    source = 'import { a, b as c } from "./other.js";\n\n'
    source += "export const one = 1;\nexport async function two() {}\n"
    text = bundle.scoped("here", source)
    assert "const { a, b: c } = $other;" in text
    assert text.startswith("const $here = (() => {") and text.endswith(
        "return { one, two };\n})();"
    )
    assert "export" not in text and "import" not in text


@pytest.mark.parametrize(
    "line", ["import all from './x.js';", "export default 3;", "export { a };"]
)
def test_a_form_that_the_joiner_does_not_know_is_an_error(line):
    with pytest.raises(ValueError, match=r"^here\.js: expected a form of import or export"):
        bundle.scoped("here", line + "\n")


def test_python_and_the_browser_speak_of_one_format():
    text = (bundle.HERE / "figure.js").read_text("utf-8")
    assert int(re.search(r"^export const FORMAT = (\d+);", text, re.M)[1]) == live.FORMAT
