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
    files = ("digit_net",)

    def find_spec(self, name, path=None, target=None):
        if name in self.folders or name in self.files:
            what = f"folder {name!r}" if name in self.folders else f"file '{name}.py'"
            raise MissingFolder(
                f"this notebook needs the {what} beside it: it lies in the book's repository,"
                f" in notebooks/{name}{'' if name in self.folders else '.py'};"
                " copy the whole folder notebooks, or run `make lab` there",
                name=name,
            )


sys.meta_path.append(Beside())
