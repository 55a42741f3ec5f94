"""Where executed notebooks are kept: a folder named after everything that they run on.

A notebook whose code, packages and neighbours have not changed is not run again, neither by `make
book` nor by the tests. Whatever changes in `src/` or beside the notebooks gives another folder, so
that no output is ever stale.
"""

import hashlib
import shutil
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDS_TORCH = ["notebooks/pytorch-defaults.ipynb", "notebooks/your-own-network.ipynb"]
# what the notebooks import is Python, and evidence is JSON; their own text decides by itself
READ = ("src/**/*", "notebooks/**/*.py", "notebooks/**/*.json")


def fingerprint():
    """A short name for the sources and the installed packages that notebooks run on."""
    digest = hashlib.sha256(sys.version.encode())
    paths = [path for pattern in READ for path in ROOT.glob(pattern)]
    for path in sorted(paths):
        generated = "__pycache__" in path.parts or path.parent.name.endswith(".egg-info")
        if path.is_file() and not generated:
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    for name in sorted(f"{found.name} {found.version}" for found in distributions()):
        digest.update(name.encode())
    return digest.hexdigest()[:12]


def folder():
    """The folder of the present sources; those of former ones are deleted."""
    here = ROOT / "_build" / "executed" / fingerprint()
    if here.parent.is_dir():
        for other in here.parent.iterdir():
            if other != here:
                shutil.rmtree(other, ignore_errors=True)
    here.mkdir(parents=True, exist_ok=True)
    return here


def configure(app, config):
    """Tell MyST-NB where to look, and what not to run.

    Without PyTorch two chapters show their stored pictures.
    """
    config.nb_execution_cache_path = str(folder())
    if find_spec("torch") is None:
        config.nb_execution_excludepatterns = [*config.nb_execution_excludepatterns, *NEEDS_TORCH]
        names = " and ".join(NEEDS_TORCH)
        print(f"{names}: PyTorch is not installed, so the pages show stored pictures")


def setup(app):
    app.connect("config-inited", configure)
    return {"parallel_read_safe": True}
