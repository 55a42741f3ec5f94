"""Live figures in what nbconvert writes, without a network.

nbconvert's own pages load a widget manager from another host. With this preprocessor each figure
stands in a frame of its own::

    jupyter nbconvert --to html --Exporter.preprocessors=explorable.nbconvert.LiveFigures note.ipynb

The notebook has to be saved with its widget state, as JupyterLab and ``--execute`` do.
"""

from nbconvert.preprocessors import Preprocessor

from .embed import Embedded

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


class LiveFigures(Preprocessor):
    """Put frames in the place of the views of live figures; other widgets stay as they are."""

    def preprocess(self, nb, resources):
        state = nb.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
        for cell in nb.cells:
            for output in cell.get("outputs", []):
                view = output.get("data", {}).get(VIEW)
                if view and (found := Embedded(state).lives(view["model_id"])):
                    html = "".join(live.frame() for live in found)
                    output["data"] = {"text/html": html, "text/plain": "live figure"}
        return nb, resources
