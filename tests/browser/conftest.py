"""A browser, the built book, and a server for it.

``GRADTRACE_CHROMIUM`` names the browser's executable, ``GRADTRACE_SITE`` another built book.
Without a browser or a book the tests are skipped with the reason; where ``CI`` is set they fail
instead.
"""

import functools
import os
import re
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SITE = Path(
    os.environ.get("GRADTRACE_SITE", Path(__file__).parents[2] / "_build" / "html")
).resolve()
# index.html only redirects to the first page
NOT_PROSE = {"search.html", "genindex.html", "index.html"}
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--no-first-run", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pages(having="", without=NOT_PROSE):
    """Return the paths of the book's pages whose HTML contains `having`, relative to the site."""
    if not SITE.is_dir():
        return []
    found = sorted(path for path in SITE.rglob("*.html") if "_static" not in path.parts)
    names = [
        path.relative_to(SITE).as_posix() for path in found if having in path.read_text("utf-8")
    ]
    return [name for name in names if name not in without]


def pytest_generate_tests(metafunc):
    """Run a test once for every page that has what its argument names."""
    with_figures = pages('class="xp-live"')
    wanted = {
        "page_name": pages(),
        "any_page": pages(without={"index.html"}),
        "figure_page": with_figures,
        "first_figure_page": with_figures[:1],
        "link_page": pages("xp-set"),
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


@pytest.fixture(params=["http", "file"])
def address(request, site):
    """Address of the book, once from a server and once from a folder, as out of an unpacked zip."""
    return request.getfixturevalue("server") if request.param == "http" else site.as_uri()


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
        self.page.wait_for_function("() => !document.querySelector('.xp-live:not([data-state])')")
        self.page.evaluate("() => window.MathJax?.startup?.promise")
        return self.page

    def assert_clean(self):
        """Assert that nothing was asked of another host and no error was logged."""
        assert not self.strays, f"requests outside the book: {self.strays}"
        assert not self.errors, f"errors in the console: {self.errors}"


@pytest.fixture(scope="session")
def contexts(chromium):
    """Function that gives a browser context; equal options share one, since each takes a fifth of a
    second.
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
    """Function that makes a `Visit`, in a context with the given options, and closes it after the
    test.
    """
    visits = []

    def start(home, formulas=True, **options):
        visits.append(Visit(contexts(**options), home, formulas))
        return visits[-1]

    yield start
    for each in visits:
        each.page.close()
