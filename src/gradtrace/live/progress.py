"""A line that says how far a long harvest is, and leaves nothing behind."""

import sys
import time


class Progress:
    """Call it with the number of states done; it speaks up after a second, and only if someone is there.

    Stored notebooks are executed without a reader, and their outputs compared: there it stays silent.
    """

    def __init__(self, total):
        self.total, self.began, self.shown = total, time.monotonic(), 0
        self.handle = None

    def __enter__(self):
        return self

    def __call__(self, done):
        now = time.monotonic()
        if now - self.began < 1 or now - self.shown < 0.2:
            return
        self.shown = now
        self.say(f"drawing state {done} of {self.total}")

    def __exit__(self, *error):
        if self.shown:
            self.say("")

    def say(self, words):
        """Replace the line."""
        if sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(f"\r{words:40}" + ("" if words else "\r"))
            sys.stderr.flush()
        elif attended():
            from IPython.display import display
            if self.handle is None:
                self.handle = display({"text/plain": words}, raw=True, display_id=True)
            else:
                self.handle.update({"text/plain": words}, raw=True)


def attended():
    """Whether a reader runs this cell: a front end that can ask for input does, nbclient and nbval cannot."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))
