"""What lies beside a notebook in the book's folder, and one sentence for where it is missing."""

import sys
from importlib.abc import MetaPathFinder


class MissingFolder(ModuleNotFoundError):
    """A notebook was taken out of its folder; displayed as one sentence, without a traceback."""

    def _render_traceback_(self):
        return [f"{type(self).__name__}: {self}"]


class Beside(MetaPathFinder):
    """Asked last, when nobody else has found a module."""

    folders = ("drawings", "evidence", "exercises")

    def find_spec(self, name, path=None, target=None):
        if name in self.folders:
            raise MissingFolder(
                f"this notebook needs the folder {name!r} beside it: it lies in the book's"
                f" repository, in notebooks/{name}; copy the whole folder notebooks, or run"
                " `make lab` there",
                name=name,
            )


sys.meta_path.append(Beside())
