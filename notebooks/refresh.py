"""Run notebooks and store what a reader without a kernel should see.

That is text and first frames, no widget state. Without arguments, of all:
python notebooks/refresh.py [notebooks/gates.ipynb …]
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"


def refresh(path):
    """Execute a notebook in place, and strip what changes from run to run."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = joined(cell.outputs)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(
                WIDGET, None
            )  # a model id without its model
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def joined(outputs):
    """The outputs with what was printed in a row as one.

    The kernel sends it in more or fewer pieces.
    """
    together = []
    for output in outputs:
        last = together[-1] if together else None
        if (
            last
            and output.output_type == last.output_type == "stream"
            and output.name == last.name
        ):
            last.text += output.text
        else:
            together.append(output)
    return together


if __name__ == "__main__":
    for path in (
        map(Path, sys.argv[1:])
        if sys.argv[1:]
        else sorted(HERE.glob("*.ipynb"))
    ):
        print(path.name, flush=True)
        refresh(path)
