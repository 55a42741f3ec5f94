"""Give the reader notebooks of her own: a copy, kept up to date.

It is brought up to date only where she has changed nothing.
Use: python notebooks/working_copy.py FOLDER      (`make lab` does)

What was copied is remembered in FOLDER/.originals.json. A notebook counts as
changed when the text of a cell is another, not when it was merely run. To get
the original of a file back, delete the file and run this again.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDERS = ("drawings", "evidence", "exercises")
RECORD = ".originals.json"


def originals():
    """The files that a reader works with, by their names in `notebooks/`."""
    files = [*HERE.glob("*.ipynb"), *HERE.glob("*.md"), HERE / "digit_net.py"]
    for folder in FOLDERS:
        files += [
            path
            for path in (HERE / folder).rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        ]
    return {path.relative_to(HERE).as_posix(): path for path in sorted(files)}


def content(path):
    """A short name for what a reader may change in a file.

    Of a notebook, that is the text of its cells.
    """
    data = path.read_bytes()
    if path.suffix == ".ipynb":
        try:
            cells = json.loads(data)["cells"]
            data = json.dumps(
                [
                    [cell["cell_type"], "".join(cell["source"])]
                    for cell in cells
                ]
            ).encode()
        except (ValueError, KeyError, TypeError):
            pass  # she has made something else of it: compare it as it is
    return hashlib.sha256(data).hexdigest()


def update(folder):
    """Bring the copy in `folder` up to date.

    Return the names of the files that are kept as the reader left them.
    """
    record = folder / RECORD
    copied = json.loads(record.read_text("utf-8")) if record.exists() else {}
    files, kept, now = originals(), [], {}
    for name in copied.keys() - files.keys():  # no longer in the book
        mine = folder / name
        if mine.exists() and content(mine) == copied[name]:
            mine.unlink()
    for name, path in files.items():
        mine, new = folder / name, content(path)
        if mine.exists() and content(mine) not in (new, copied.get(name)):
            kept.append(name)
            now[name] = copied.get(name, "")
            continue
        if not mine.exists() or content(mine) != new:
            mine.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, mine)
        now[name] = new
    folder.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(now, indent=1), "utf-8")
    return kept


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    kept = update(folder)
    print(f"Your copy of the notebooks is in {folder}.")
    for name in kept:
        print(f"  {name} is kept as you changed it;")
        print("    delete it to get the book's own again")
