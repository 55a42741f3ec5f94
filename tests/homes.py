"""Try the live figure in other homes, and write to book/homes.md what worked.

`make homes` runs it, outside CI: it needs packages that the book does not need, and some minutes.
The browser reaches this machine alone; what a home asks of another host is refused and printed.
The remarks are written by hand; everything else in the table is measured.

python tests/homes.py [--only WORD]     prints the rows whose name has the word
"""

import argparse
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Error, sync_playwright

TABLE = Path(__file__).parents[1] / "book" / "homes.md"

VIEW = """
import numpy as np
from explorable import Prediction, explore

t = np.linspace(0, 10, 200)

def view(ax, frequency, shape, double):
    wave = np.sin(frequency * t)
    wave = np.sign(wave) if shape == "square" else wave
    ax.plot(t, 2 * wave if double else wave, label="wave")
    ax.set(xlim=(0, 10), ylim=(-2.2, 2.2), title=f"frequency {frequency:.1f}")
"""
WAVE = """
wave = explore(
    view, alt="a wave", play="frequency", cases={"fast": dict(frequency=2.0)},
    frequency=np.linspace(0.5, 2.5, 21), shape=["round", "square"], double=[False, True])
"""
GUESS = """
guess = explore(
    view, alt="a question", frequency=[0.5, 1.0, 1.5, 2.0], shape=["round"], double=[False],
    predict=Prediction("How many periods has it at frequency 2?", ["1.6", "3.2"], "3.2",
                       "20 radians are 3.2 turns.", at=dict(frequency=2.0)))
"""
MARIMO = """
import marimo

app = marimo.App()

@app.cell
def _():
    import marimo as mo
    {view}
    {wave}
    {guess}
    return guess, mo, wave

@app.cell
def _(wave, mo):
    {show_wave}
    return

@app.cell
def _(guess, mo):
    {show_guess}
    return
"""
FRAMES = """<!doctype html><title>frames</title>
<iframe src="wave.html" width="900" height="600"></iframe>
<iframe src="guess.html" width="900" height="600"></iframe>
"""
MYST = """
version: 1
project: {toc: [{file: note.ipynb}]}
site: {template: book-theme}
"""
RUN_MARIMO = """
[tool.marimo.runtime]
auto_instantiate = true
"""


@dataclass
class Home:
    """Where a figure may live."""

    name: str
    package: str  # whose version counts
    pages: tuple  # files, or paths on the server
    remark: str
    build: str = ""  # a command that writes the pages
    serve: str = ""  # a command that serves them at {port}
    needs: str = "a kernel"  # what that command brings
    run: str = ""  # JavaScript that runs the notebook as soon as it gives true
    turn: str = ""  # the key that brings the second figure into sight


JUPYTER = "--no-browser --allow-root --port={port} --IdentityProvider.token="
RUN_ALL = """() => {
    const app = window.jupyterapp;
    const session = app?.shell.currentWidget?.sessionContext;
    if (!session?.isReady || session.session?.kernel?.status !== "idle") return false;
    app.commands.execute("notebook:run-all-cells");
    return true;
}"""
CONVERT = "jupyter nbconvert --execute"
LIVE = "--Exporter.preprocessors=explorable.nbconvert.LiveFigures"
SPHINX = "sphinx-build -q -C -b html -D root_doc=note"
HOMES = [
    Home(
        "Saved file, opened from a folder",
        "matplotlib",
        ("wave.html", "guess.html"),
        "One figure a file.",
    ),
    Home(
        "Saved file in an `<iframe>`",
        "matplotlib",
        ("frames.html",),
        "From a folder, the frame keeps the height that the page gives it.",
    ),
    Home(
        "nbconvert to HTML",
        "nbconvert",
        ("page.html",),
        "Formulas in the text need MathJax from another host.",
        build=f"{CONVERT} --to html {LIVE} --output page note.ipynb",
    ),
    Home(
        "nbconvert to slides",
        "nbconvert",
        ("talk.slides.html",),
        "reveal.js and require.js have to lie beside the slides:"
        " `reveal_url_prefix`, `require_js_url`.",
        build="npm install --silent --no-save reveal.js@4 requirejs@2;"
        f"{CONVERT} --to slides {LIVE} --output talk note.ipynb"
        " --SlidesExporter.reveal_url_prefix=node_modules/reveal.js"
        " --SlidesExporter.require_js_url=node_modules/requirejs/require.js",
        turn="ArrowRight",
    ),
    Home(
        "nbconvert to HTML, without the preprocessor",
        "nbconvert",
        ("plain.html",),
        "The widget manager comes from another host. Without it not even a still is seen.",
        build=f"{CONVERT} --to html --output plain note.ipynb",
    ),
    Home(
        "JupyterLab",
        "jupyterlab",
        ("lab/tree/note.ipynb",),
        "Lacks nothing that was tried.",
        serve=f"jupyter lab {JUPYTER} --LabApp.expose_app_in_browser=True",
        run=RUN_ALL,
    ),
    Home(
        "Notebook",
        "notebook",
        ("notebooks/note.ipynb",),
        "Lacks nothing that was tried.",
        serve=f"jupyter notebook {JUPYTER} --JupyterNotebookApp.expose_app_in_browser=True",
        run=RUN_ALL,
    ),
    Home(
        "Voila",
        "voila",
        ("",),
        "Lacks nothing that was tried.",
        serve="voila note.ipynb --no-browser --port={port}",
    ),
    Home(
        "marimo, `figure`",
        "marimo",
        ("",),
        "In a frame: Python does not hear what the reader does.",
        serve="marimo run --headless --port {port} whole.py",
    ),
    Home(
        "marimo, `mo.ui.anywidget(figure.figure)`",
        "marimo",
        ("",),
        "The figure brings its own controls.",
        serve="marimo run --headless --port {port} bare.py",
    ),
    Home(
        "marimo's editor, `figure`",
        "marimo",
        ("",),
        "As with `marimo run`.",
        serve="marimo edit --headless --no-token --port {port} whole.py",
    ),
    Home(
        "Sphinx with myst-nb and furo",
        "myst-nb",
        ("book/note.html",),
        "Without `sphinx-mathjax-offline` the formulas of the text need another host.",
        build=f"{SPHINX} -W -D extensions=myst_nb,explorable.sphinx -D html_theme=furo"
        " -D nb_execution_mode=force raw book",
    ),
    Home(
        "nbsphinx, after nbconvert's preprocessor",
        "nbsphinx",
        ("framed/note.html",),
        "The notebook goes through nbconvert first.",
        build=f"{CONVERT} --to notebook {LIVE} --output frames/note note.ipynb;"
        f"{SPHINX} -D extensions=nbsphinx frames framed",
    ),
    Home(
        "nbsphinx as it is",
        "nbsphinx",
        ("bare/note.html",),
        "The widget manager comes from another host.",
        build=f"{SPHINX} -D extensions=nbsphinx raw bare",
    ),
    Home(
        "Jupyter Book 2 (MyST)",
        "mystmd",
        ("note",),
        "The first build downloads a theme from another host."
        " [A widget needs a kernel](https://github.com/jupyter-book/mystmd/issues/449) there."
        " The build does not copy a saved file that `{iframe}` names: give its full address.",
        build=f"{CONVERT} --to notebook {LIVE} --output myst/note note.ipynb;"
        "cd myst && myst build --html",
        serve="python -m http.server {port} -d myst/_build/html",
        needs="a server",
    ),
]
VSCODE = "https://github.com/microsoft/vscode-jupyter"
COLABTOOLS = "https://github.com/googlecolab/colabtools/blob/main/google/colab/output/_widgets.py"
# What their own pages say; nothing of it was tried.
NOT_RUN = {
    "VS Code": "Its Jupyter extension loads the scripts of widgets"
    f" [from a CDN]({VSCODE}/wiki/IPyWidget-Support-in-VS-Code-Python) that the setting"
    " `jupyter.widgetScriptSources` names. With a local kernel"
    f" [it falls back]({VSCODE}/issues/16586) to the installed ones where it can.",
    "Colab": f"Its [manager of custom widgets]({COLABTOOLS}) loads code from other hosts."
    " anywidget switches it on, and the figure passes on the metadata that name it.",
}
COLUMNS = ("picture", "controls", "prediction", "needs")


def prepare(folder):
    """Write the one notebook in all the forms that homes take."""
    cells = [f"{VIEW}{WAVE}wave", f"{GUESS}guess"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    for cell in notebook.cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    for place in ("raw", "frames", "myst"):
        (folder / place).mkdir()
    for place in (".", "raw"):
        nbformat.write(notebook, folder / place / "note.ipynb")
    for name, show in (("whole", "{}"), ("bare", "mo.ui.anywidget({}.figure)")):
        lines = {
            "view": VIEW,
            "wave": WAVE,
            "guess": GUESS,
            "show_wave": show.format("wave"),
            "show_guess": show.format("guess"),
        }
        indented = {key: text.strip().replace("\n", "\n    ") for key, text in lines.items()}
        (folder / f"{name}.py").write_text(MARIMO.format(**indented))
    (folder / "pyproject.toml").write_text(RUN_MARIMO)
    (folder / "myst" / "myst.yml").write_text(MYST)
    (folder / "frames.html").write_text(FRAMES)
    here = {}
    exec(VIEW + WAVE + GUESS, here)
    for name in ("wave", "guess"):
        here[name].save(folder / f"{name}.html")


def environment(folder):
    """Variables under which nobody's own settings count."""
    names = ("CONFIG_DIR", "RUNTIME_DIR", "DATA_DIR")
    own = {f"JUPYTER_{name}": str(folder / "jupyter" / name) for name in names}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    home = {"HOME": str(folder), "npm_config_cache": str(folder / "npm")}
    return os.environ | own | home | {"PATH": path, "IPYTHONDIR": str(folder / "ipython")}


@contextmanager
def opened(home, folder):
    """Build and serve a home; gives the addresses of its pages and what ends its server."""
    log = folder / "log"
    how = {"cwd": folder, "env": environment(folder), "stderr": subprocess.STDOUT}
    with log.open("w") as out:
        for command in filter(None, home.build.split(";")):
            subprocess.run(command, shell=True, check=True, stdout=out, timeout=600, **how)
        if not home.serve:
            yield [(folder / page).as_uri() for page in home.pages], None
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = shlex.split(home.serve.format(port=port))
        command[0] = shutil.which(command[0], path=how["env"]["PATH"])
        server = subprocess.Popen(command, stdout=out, **how)

        def end():
            server.terminate()
            server.wait(60)

        try:
            answered(f"http://127.0.0.1:{port}/", server)
            yield [f"http://127.0.0.1:{port}/{page}" for page in home.pages], end
        finally:
            end()


def answered(address, server):
    """Return as soon as the server answers, whatever it says."""
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=60).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not start")


class Visit:
    """The pages of a home in a browser that reaches this machine alone."""

    def __init__(self, browser):
        self.refused = set()
        self.context = browser.new_context(viewport={"width": 1100, "height": 900})
        self.context.set_default_timeout(20_000)
        self.context.route("**/*", self.refuse)
        self.pages = []

    def refuse(self, route):
        host = urlsplit(route.request.url).hostname
        if host in (None, "127.0.0.1", "localhost"):
            route.continue_()
        else:
            self.refused.add(host)
            route.abort()

    def open(self, addresses, run):
        for address in addresses:
            page = self.context.new_page()
            page.goto(address, timeout=120_000)
            if run:
                page.wait_for_function(run, timeout=120_000)
            self.pages.append(page)

    def find(self, selector, seconds=60):
        """The first element of all pages and their frames that is seen; None after a while."""
        for _ in range(2 * seconds):
            for page in self.pages:
                for frame in page.frames:
                    found = frame.locator(selector)
                    if found.count() and found.first.is_visible():
                        return found.first
            time.sleep(0.5)
        return None

    def figure(self, alt, seconds=60):
        """The figure with this text, and the box that has its controls."""
        figure = self.find(f'.xp-figure[aria-label="{alt}"]', seconds)
        if figure is None:
            return None, None
        around = self.find(f'.xp-explore:has(.xp-figure[aria-label="{alt}"])', 1)
        return figure, around or figure


SLIDER = "input[type=range], .noUi-handle"
LOCKED = "input[type=range]:disabled, .noUi-target[disabled]"


def drawn(figure):
    """The picture as it is drawn now."""
    shapes = figure.locator(".xp-picture [data-slot]")
    return shapes.evaluate_all("all => all.map(shape => shape.outerHTML).join()")


def moves(figure, act):
    """Whether the picture changes when the reader does something."""
    before = drawn(figure)
    try:
        act()
    except Error:
        return False
    for _ in range(40):
        if drawn(figure) != before:
            return True
        time.sleep(0.1)
    return False


def controls(figure, box):
    """Which of its controls move the picture."""
    figure.scroll_into_view_if_needed()
    slider = box.locator(SLIDER).first
    acts = {
        "slider": lambda: slider.press("ArrowRight", timeout=5000),
        "menu": lambda: box.locator("select").first.select_option(index=1, timeout=5000),
        "check box": lambda: box.locator("input[type=checkbox]").first.check(timeout=5000),
        "case": lambda: figure.get_by_role("button", name="fast").click(timeout=5000),
        "play": lambda: figure.get_by_role("button", name="Play").click(timeout=5000),
    }
    return {name: moves(figure, act) for name, act in acts.items()}


def predicts(figure, box):
    """Whether the controls wait for the answer, and the answer shows its state."""
    figure.scroll_into_view_if_needed()
    locked = box.locator(LOCKED).count() == 1
    figure.get_by_label("1.6").check()
    check = figure.get_by_role("button", name="Check my prediction")
    revealed = moves(figure, check.click)
    told = figure.get_by_text("You predicted: 1.6. It is: 3.2.").first.is_visible()
    return locked and revealed and told and box.locator(LOCKED).count() == 0


def words(results):
    """Yes, no, or which of them."""
    if all(results.values()):
        return "yes"
    return ", ".join(name for name, worked in results.items() if worked) or "no"


def trial(home, browser, folder):
    """What a reader has of the figures in this home: the columns of the table."""
    row = dict.fromkeys(COLUMNS[:3], "no") | {"needs": ""}
    visit = Visit(browser)
    try:
        with opened(home, folder) as (addresses, end):
            visit.open(addresses, home.run)
            figure, box = visit.figure("a wave")
            if figure:
                seen = figure.locator(".xp-picture [data-slot] path").first.is_visible()
                row["picture"] = "yes" if seen else "no"
                row["controls"] = words(controls(figure, box))
            elif visit.find('img[alt="a wave"], img[src^="data:image/png"]', 5):
                row["picture"] = "still"
            if figure:
                row["needs"] = home.needs if home.serve else "nothing"
            elif visit.refused:
                row["needs"] = "a network"
            for page in visit.pages if home.turn else ():
                page.evaluate("document.activeElement.blur()")
                page.keyboard.press(home.turn)
            guess, around = visit.figure("a question", 20 if figure else 1)
            if guess:
                row["prediction"] = "yes" if predicts(guess, around) else "no"
            if end and figure:
                reset = figure.get_by_role("button", name="Reset")
                end()
                if moves(figure, lambda: reset.evaluate("button => button.click()")):
                    row["needs"] = f"{home.needs} to start, none to move"
    except (Error, OSError, RuntimeError, subprocess.SubprocessError) as error:
        said = (folder / "log").read_text(errors="replace")
        print(f"{home.name}: {error}\n{said[-1500:]}", file=sys.stderr)
        row = dict.fromkeys(COLUMNS[:3], "not run") | {"needs": ""}
    visit.context.close()
    print(home.name, row, "refused:", sorted(visit.refused), flush=True)
    return row


def line(*cells):
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def table(rows, chromium):
    """The text of book/homes.md."""
    head = ("Home", "Version", "Picture", "Controls", "Prediction", "Needs", "Remark")
    return "\n".join(
        [
            f"Tried on {date.today():%-d %B %Y} by `make homes`, with Chromium {chromium} and no",
            "other host in reach. Controls are a slider, a menu, a check box, a case and play.",
            "",
            line(*head),
            line(*["---"] * len(head)),
            *rows,
            *(line(name, "", *["not run"] * 3, "", remark) for name, remark in NOT_RUN.items()),
            "",
        ]
    )


def main():
    """Try the homes one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a word in the name of the homes to try")
    only = parser.parse_args().only
    path = os.environ.get("GRADTRACE_CHROMIUM") or shutil.which("chromium")
    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for home in HOMES:
            if only not in home.name:
                continue
            with tempfile.TemporaryDirectory() as folder:
                prepare(Path(folder))
                row = trial(home, browser, Path(folder))
            number = f"{home.package} {version(home.package)}"
            rows.append(line(home.name, number, *(row[each] for each in COLUMNS), home.remark))
        text = table(rows, browser.version)
        browser.close()
    if only:
        print(text)
    else:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
