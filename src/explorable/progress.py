"""How far a long computation is, for whoever is there to read it."""

import sys
from contextlib import contextmanager


@contextmanager
def bar(total, words):
    """A bar that appears after a second, only to a reader, and leaves nothing behind.

    Stored notebooks are executed without a reader, and their outputs compared: there it stays
    silent.

    Parameters
    ----------
    total : int
        How much there is to do.
    words : str
        What is being done.

    Yields
    ------
    tqdm.tqdm
        Its ``update(k)`` says that ``k`` more are done.

    Examples
    --------
    >>> with bar(3, "counting") as shown:
    ...     for _ in range(3):
    ...         _ = shown.update(1)
    """
    try:
        from tqdm.auto import tqdm  # not at the top: importing the package stays light
    except ModuleNotFoundError:
        yield Silent()
        return
    with tqdm(total=total, desc=words, delay=1, leave=False, disable=not attended()) as shown:
        try:
            yield shown
        finally:
            shown.total = shown.n  # a bar that ended early would turn red and stay


class Silent:
    """In the place of a bar where tqdm is not installed."""

    def update(self, count=1):
        """Nothing is shown."""


def attended():
    """Whether a reader is there: at a terminal, or in a front end that can ask for input.

    nbclient and nbval cannot ask.
    """
    return (sys.stderr is not None and sys.stderr.isatty()) or front_end() is not None


def front_end():
    """The shell of a notebook that somebody reads; None where nobody does, or at a terminal."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    kernel = getattr(shell, "kernel", None)
    return shell if getattr(kernel, "_allow_stdin", False) else None
