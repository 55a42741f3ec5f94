"""A JupyterLab of the tests' own, with notebooks of the book in it.

It gets temporary folders for settings, runtime files and the notebooks, so that nobody's own are
touched.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import executed
import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.sign import NotebookNotary

ROOT = Path(__file__).parents[2]
PLACES = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTER_DATA_DIR": "data",
    "IPYTHONDIR": "ipython",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
}
COMMAND = [
    sys.executable,
    "-m",
    "jupyter",
    "lab",
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
    "--LabApp.news_url=",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
]
READY = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel?.status === "idle";
}"""


def count_figures(name):
    """Return how many live figures a notebook of the book has."""
    cells = nbformat.read(ROOT / "notebooks" / name, as_version=4).cells
    codes = [cell.source for cell in cells if cell.cell_type == "code"]
    return sum("explore(" in code or "log.figure()" in code for code in codes)  # that of a watch


class Lab:
    """Address and folder of a running JupyterLab."""

    def __init__(self, address, folder, notary):
        self.address, self.folder, self.notary = address, folder, notary

    def page(self, name):
        """Return the address at which a notebook of the folder opens."""
        return f"{self.address}/lab/tree/{name}?reset"

    def put_executed(self, name):
        """Put a notebook of the book into the folder as nbval's run left it, outputs trusted."""
        notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
        try:
            _, notebook = get_cache(str(executed.folder())).merge_match_into_notebook(notebook)
        except KeyError:
            pytest.fail(f"{name} was not executed before: see the stages of tests/run.py")
        nbformat.write(notebook, self.folder / name)
        self.notary.sign(nbformat.read(self.folder / name, as_version=4))


@contextmanager
def running(home):
    """Give the `Lab` of a new server that keeps everything below the folder `home`."""
    folder, settings = home / "work", home / "settings" / "@jupyterlab" / "notebook-extension"
    folder.mkdir()
    settings.mkdir(parents=True)
    whole = json.dumps({"windowingMode": "none"})  # figures out of sight are tested too
    (settings / "tracker.jupyterlab-settings").write_text(whole)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {name: str(home / place) for name, place in PLACES.items()}
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    log = (home / "log").open("w")
    server = subprocess.Popen(
        [*COMMAND, f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"],
        env=os.environ | own | {"PYTHONPATH": path},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        wait(f"http://127.0.0.1:{port}/api", server, home / "log")
        yield Lab(f"http://127.0.0.1:{port}", folder, NotebookNotary(data_dir=str(home / "data")))
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def wait(address, server, log):
    """Return as soon as the server answers."""
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
