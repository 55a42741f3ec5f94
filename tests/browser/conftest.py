"""Two browsers, the built book and a server for it, and a JupyterLab.

``GRADTRACE_CHROMIUM`` and ``GRADTRACE_FIREFOX`` name the browsers' executables, ``GRADTRACE_SITE``
another built book. Without a browser or a book the tests are skipped with the reason; where ``CI``
is set they fail instead.
"""

import functools
import os
import re
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import lab_server
import pytest

BUILT = Path(__file__).parents[2] / "_build" / "html"
SITE = Path(os.environ.get("GRADTRACE_SITE", BUILT)).resolve()
# index.html only goes on to the first page
NOT_PROSE = {"search.html", "genindex.html", "py-modindex.html", "index.html"}
# these have no number
NOT_CHAPTERS = {"notebooks/errata.html", "notebooks/gallery.html", "notebooks/words.html"}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


def pages(having="", without=NOT_PROSE):
    """Return the paths of the book's pages whose HTML contains `having`, relative to the site."""
    if not SITE.is_dir():
        return []
    names = []
    for path in sorted(SITE.rglob("*.html")):
        name = path.relative_to(SITE).as_posix()
        if "_static" in path.parts or name in without:
            continue
        if having in path.read_text("utf-8"):
            names.append(name)
    return names


def pytest_generate_tests(metafunc):
    """Run a test once for every page that has what its argument names."""
    with_figures = pages('class="xp-live"')
    notebooks = {name for name in pages() if name.startswith("notebooks/")}
    chapters = sorted(notebooks - NOT_CHAPTERS)
    wanted = {
        "page_name": pages(),
        "any_page": pages(without={"index.html"}),
        "figure_page": with_figures,
        "first_figure_page": [name for name in chapters if name in with_figures][:1],
        "chapter_page": chapters,
        "still_page": pages('src="../_images/')[:6],
        "link_page": pages("xp-set"),
        "exercise_page": pages("data-exercise"),
    }
    for argument in wanted.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(argument, wanted[argument])


def give_up(reason):
    """Skip where a reader runs the tests, fail where nobody would notice a skip."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(scope="session")
def site():
    """Folder of the built book."""
    if not SITE.is_dir():
        give_up(f"no book in {SITE}: run `make book` first")
    return SITE


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium, the same for all tests of a process."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = [
        os.environ.get("GRADTRACE_CHROMIUM", ""),
        "chromium",
        "chromium-browser",
        "google-chrome",
    ]
    with playwright.sync_playwright() as driver:
        own = driver.chromium.executable_path
        path = next(filter(None, map(shutil.which, names)), own if Path(own).exists() else None)
        if path is None:
            give_up("no Chromium: set GRADTRACE_CHROMIUM or run `playwright install chromium`")
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def new_firefox(**options):
    """Return the context of a new Firefox: see `firefox.running`."""
    client = pytest.importorskip("firefox", reason="websocket-client is not installed")
    names = [os.environ.get("GRADTRACE_FIREFOX", ""), "firefox-esr", "firefox"]
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        give_up("no Firefox: install firefox-esr or set GRADTRACE_FIREFOX")
    return client.running(path, **options)


@pytest.fixture(scope="session")
def firefox():
    """A running Firefox, the same for all tests of a process."""
    with new_firefox() as browser:
        yield browser


@pytest.fixture
def tab(firefox):
    """A tab of Firefox."""
    with firefox.tab(1200, 900) as tab:
        yield tab


@pytest.fixture
def dark_tab():
    """A tab of a Firefox that prefers dark pages, with three device pixels to one."""
    with new_firefox(dark=True) as browser, browser.tab(1200, 900, pixel_ratio=3) as tab:
        yield tab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A running JupyterLab."""
    with lab_server.running(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def page(chromium):
    """A page of two device pixels to one, with the errors it logs."""
    context = chromium.new_context(viewport={"width": 900, "height": 700}, device_scale_factor=2)
    page = context.new_page()
    page.failures = []
    page.on("pageerror", lambda error: page.failures.append(str(error)))
    page.on("console", lambda m: m.type == "error" and page.failures.append(m.text))
    yield page
    context.close()


@pytest.fixture(scope="session")
def server(site):
    """Address of a server on this machine that serves the book."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


class Visit:
    """One page in the browser; remembers what went wrong and what left the site.

    Parameters
    ----------
    context : playwright.sync_api.BrowserContext
    home : str
        Address below which everything must lie.
    formulas : bool
        False leaves MathJax out, which takes half of the time of a page.
    """

    def __init__(self, context, home, formulas=True):
        self.home, self.strays, self.errors = home, [], []
        self.page = context.new_page()
        self.page.route(re.compile(rf"^(?!{re.escape(home)}/|data:|blob:|about:)"), self._refuse)
        if not formulas:
            self.page.route("**/mathjax/*.js", lambda route: route.fulfill(body=""))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))

    def _refuse(self, route):
        self.strays.append(route.request.url)
        route.abort()

    def open(self, path):
        """Load `path` of the book and wait until its figures live and its formulas are set."""
        self.page.goto("about:blank")  # else a new fragment alone would not load the page anew
        self.page.goto(f"{self.home}/{path}")
        self.page.evaluate("() => window.explorable?.all()")
        self.page.evaluate("() => window.MathJax?.startup?.promise")
        return self.page

    def assert_clean(self):
        """Assert that nothing was asked of another host and no error was logged."""
        assert not self.strays, f"requests outside the book: {self.strays}"
        assert not self.errors, f"errors in the console: {self.errors}"


@pytest.fixture(scope="session")
def contexts(chromium):
    """A function that gives a browser context.

    Equal options share one context, since each takes a fifth of a second.
    """
    made = {}

    def get(**options):
        key = repr(sorted(options.items()))
        if key not in made:
            made[key] = chromium.new_context(
                **{"viewport": {"width": 1200, "height": 900}} | options
            )
            made[key].set_default_timeout(10_000)
        return made[key]

    return get


@pytest.fixture
def visit(contexts):
    """A function that makes a `Visit` in a context with the given options.

    After the test the visit is closed.
    """
    visits = []

    def start(home, formulas=True, **options):
        visits.append(Visit(contexts(**options), home, formulas))
        return visits[-1]

    yield start
    for each in visits:
        each.page.close()
