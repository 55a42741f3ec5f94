"""One run of every notebook serves all who need it: pytest -p notebook_plugin --nbval notebooks

While nbval compares the outputs, `notebook_watch` looks on in the same kernel. After the last cell
it checks the nets and figures that it saw, and the executed notebook is kept, with the state of its
widgets, for the book and for JupyterLab's tests.
"""

import copy
import json
import sys
import time
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book"))

import executed  # noqa: E402

STATE = "application/vnd.jupyter.widget-state+json"


def ask(kernel, code, timeout=600):
    """Run code in a notebook's kernel, in a namespace of its own; fail with what it raised."""
    message = kernel.kc.execute_interactive(
        f"exec({code!r}, {{}})",
        store_history=False,
        allow_stdin=False,
        timeout=timeout,
        output_hook=lambda message: None,
    )
    reply = message["content"]
    if reply["status"] != "ok":
        pytest.fail("\n".join(reply.get("traceback", [str(reply)])), pytrace=False)


@pytest.hookimpl(trylast=True)  # the kernel has started
def pytest_runtest_setup(item):
    if isinstance(item, IPyNbCell) and item.cell_num == 0:
        item.parent.began = time.monotonic()
        item.parent.failed = False
        here = f"import sys; sys.path.append({str(ROOT / 'tests')!r})"
        ask(item.parent.kernel, f"{here}; import notebook_watch; notebook_watch.start()")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if isinstance(item, IPyNbCell) and outcome.get_result().failed:
        item.parent.failed = True


def pytest_collection_modifyitems(items):
    """After the last cell of each notebook comes the check of what was seen."""
    last = {item.parent: number for number, item in enumerate(items) if isinstance(item, IPyNbCell)}
    for file, number in sorted(last.items(), key=lambda pair: -pair[1]):
        items.insert(number + 1, Seen.from_parent(file, name="what was seen"))


class Seen(pytest.Item):
    """The nets and figures of a notebook that has just run."""

    def runtest(self):
        if self.parent.failed:
            pytest.skip("a cell failed")
        report = executed.ROOT / "_build" / f"seen-{self.parent.path.stem}.json"
        report.parent.mkdir(exist_ok=True)
        try:
            ask(
                self.parent.kernel, f"import notebook_watch; notebook_watch.finish({str(report)!r})"
            )
            seen = json.loads(report.read_text("utf-8"))
        finally:
            report.unlink(missing_ok=True)
        assert not seen["faults"], "\n".join(seen["faults"])
        keep(self.parent, seen["widgets"])

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::{self.name}"


def keep(file: IPyNbFile, widgets):
    """Put the executed notebook where the book looks for it."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    notebook = copy.deepcopy(file.nb)
    done = {
        item.cell_num: item.test_outputs
        for item in file.session.items
        if isinstance(item, IPyNbCell) and item.parent is file
    }
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.outputs, cell.execution_count = done[number], number + 1
    notebook.metadata["widgets"] = {STATE: widgets}
    bundle = CacheBundleIn(
        notebook, str(file.path), data={"execution_seconds": time.monotonic() - file.began}
    )
    get_cache(str(executed.folder())).cache_notebook_bundle(
        bundle, check_validity=False, overwrite=True
    )
