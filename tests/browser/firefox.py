"""A small client of WebDriver BiDi for Firefox as it is installed: no driver, no build of its own.

``with running("firefox-esr") as firefox, firefox.tab(900, 700) as tab: tab.goto(address)``

Firefox gets a home and a profile that are deleted with it. The protocol is described in
https://www.w3.org/TR/webdriver-bidi/.
"""

import base64
import json
import os
import re
import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import websocket

PATIENCE = 60  # seconds
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
DARK = 'user_pref("layout.css.prefers-color-scheme.content-override", 0);\n'
# What plays by itself is looked at in Chromium; here it would move what is to be compared.
STILL = 'user_pref("ui.prefersReducedMotion", 1);\n'
INSIDE = ("data:", "blob:", "about:")  # addresses that ask nobody
KEYS = {  # https://www.w3.org/TR/webdriver2/#keyboard-actions
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Space": " ",
    "PageUp": "\ue00e",
    "PageDown": "\ue00f",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}
# The middle of the element and whether a mouse would reach it there; null without the element.
MIDDLE = """(selector, text) => {
    const elements = [...document.querySelectorAll(selector)];
    const element = elements.find(el => el.textContent.includes(text));
    if (!element) return null;
    element.scrollIntoView({ block: "center", behavior: "instant" });
    const { x, y, width, height } = element.getBoundingClientRect();
    const middle = [x + width / 2, y + height / 2];
    return { middle, reached: element.contains(document.elementFromPoint(...middle)) };
}"""


@contextmanager
def running(executable, dark=False):
    """Give the `Firefox` of a new process, which prefers dark pages or light ones."""
    with TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as home:
        profile, log = Path(home, "profile"), Path(home, "log")
        profile.mkdir()
        (profile / "user.js").write_text(STILL + (DARK if dark else ""))
        command = [executable, "--headless", "--no-remote", "--remote-debugging-port=0"]
        with log.open("w") as out:
            process = subprocess.Popen(
                [*command, "--profile", str(profile)],
                env=os.environ | {"HOME": home},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            address = f"{listening(process, log)}/session"
            with closing(websocket.create_connection(address, suppress_origin=True)) as socket:
                yield Firefox(socket)
        finally:
            stop(process)


def listening(process, log):
    """Return the address at which Firefox takes commands, as soon as its log tells it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = LISTENING.search(log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.05)
    end = "a process that ended" if process.poll() is not None else f"none in {PATIENCE} s"
    raise RuntimeError(
        f"firefox: expected an address for WebDriver BiDi, got {end} and the log\n"
        f"{log.read_text(errors='replace')[-2000:]}"
    )


def stop(process):
    """End a process, by force if it does not follow."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Firefox:
    """A session of WebDriver BiDi.

    Attributes
    ----------
    events : list of dict
        What Firefox reported since the present tab was opened: entries of the log, requests.
    """

    def __init__(self, socket):
        self.socket, self.events, self.calls = socket, [], 0
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])

    def call(self, method, timeout=PATIENCE, **parameters):
        """Return the result of a command; events that come before it are kept."""
        self.calls += 1
        command = {"id": self.calls, "method": method, "params": parameters}
        try:
            self.socket.send(json.dumps(command))
            answer = self._answer(time.monotonic() + timeout)
        except websocket.WebSocketTimeoutException:
            message = f"{method}: expected an answer within {timeout} s, got none"
            raise TimeoutError(message) from None
        except (websocket.WebSocketConnectionClosedException, ConnectionError) as error:
            raise RuntimeError(f"{method}: expected an answer, got no Firefox: {error}") from error
        if answer["type"] == "error":
            problem = f"{answer['error']}: {answer['message']}"
            raise RuntimeError(f"{method}: expected success, got {problem}")
        return answer["result"]

    def _answer(self, deadline):
        """Return the answer to the last command, and pass over those that came too late."""
        answer = {}
        while answer.get("id") != self.calls:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            answer = json.loads(self.socket.recv())
            if answer["type"] == "event":
                self.events.append(answer)
        return answer

    @contextmanager
    def tab(self, width=900, height=700, pixel_ratio=1):
        """Give a `Tab` with cookies and storage of its own, one at a time."""
        user = self.call("browser.createUserContext")["userContext"]
        try:
            context = self.call("browsingContext.create", type="tab", userContext=user)["context"]
            self.call(
                "browsingContext.setViewport",
                context=context,
                viewport={"width": width, "height": height},
                devicePixelRatio=pixel_ratio,
            )
            self.events.clear()
            yield Tab(self, context)
        finally:
            self.call("browser.removeUserContext", userContext=user)


class Tab:
    """A page and the reader's hands on it."""

    def __init__(self, firefox, context):
        self.firefox, self.context = firefox, context

    def call(self, method, **parameters):
        return self.firefox.call(method, context=self.context, **parameters)

    def goto(self, address):
        """Load an address anew, even if only its fragment differs from the present one."""
        for url in ("about:blank", address):
            self.call("browsingContext.navigate", url=url, wait="complete")

    def evaluate(self, expression, *given, timeout=PATIENCE):
        """Return the JSON value of an expression, or of a function called with what is `given`.

        A promise is awaited.
        """
        value = f"({expression})(...{json.dumps(given)})" if given else expression
        answer = self.firefox.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({value})))()",
            target={"context": self.context},
            awaitPromise=True,
            timeout=timeout,
        )
        if answer["type"] == "exception":
            error = answer["exceptionDetails"]["text"]
            raise RuntimeError(f"evaluate: expected the value of {expression}, got {error}")
        text = answer["result"].get("value")
        return None if text is None else json.loads(text)

    def wait_for(self, expression, *given, timeout=PATIENCE):
        """Return the value of `expression` (see `evaluate`) as soon as it is true."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            value = self.evaluate(expression, *given)
            if value:
                return value
            time.sleep(0.05)
        wanted = " ".join([expression, *map(str, given)])
        raise TimeoutError(f"wait_for: expected {wanted} within {timeout} s, got {value!r}")

    def press(self, key):
        """Press and release a key: a character or one of `KEYS`."""
        value = KEYS.get(key, key)
        self._perform("key", [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")])

    def focus(self, selector):
        """Give the keyboard to the first element that `selector` finds."""
        self.evaluate("selector => document.querySelector(selector).focus()", selector)

    def click(self, selector, text=""):
        """Click the middle of the first element that `selector` finds and that holds `text`."""
        found = self.evaluate(MIDDLE, selector, text)
        if not (found and found["reached"]):
            got = "one that is hidden or covered" if found else "none"
            raise RuntimeError(f"click: expected {selector} with the text {text!r}, got {got}")
        self.drag(found["middle"])

    def drag(self, *points):
        """Press the mouse at the first (x, y) of the viewport and release it at the last."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y)} for x, y in points]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        self._perform("pointer", [moves[0], down, *moves[1:], up])

    def _perform(self, kind, actions):
        self.call("input.performActions", actions=[{"type": kind, "id": kind, "actions": actions}])

    def screenshot(self, box=None):
        """Return a PNG of the viewport, or of its part {x, y, width, height}."""
        clip = {"clip": {"type": "box", **box}} if box else {}
        return base64.b64decode(self.call("browsingContext.captureScreenshot", **clip)["data"])

    def errors(self):
        """Return the texts of what the pages logged as errors, uncaught ones among them."""
        entries = self._events("log.entryAdded")
        return [entry["text"] for entry in entries if entry["level"] == "error"]

    def strays(self, home):
        """Return the addresses that the pages asked for and that do not lie below `home`.

        Firefox does not report files.
        """
        asked = [sent["request"]["url"] for sent in self._events("network.beforeRequestSent")]
        return [url for url in asked if not url.startswith((f"{home}/", *INSIDE))]

    def _events(self, method):
        self.evaluate("null")  # what was sent before the answer has then come
        return [event["params"] for event in self.firefox.events if event["method"] == method]
