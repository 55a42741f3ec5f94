"""The source that runs, as a notebook displays it."""

import ast
import inspect
import textwrap

from ..expect import given


class Source(str):
    """Python source that a notebook displays as highlighted code."""

    __slots__ = ()

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        return f"```python\n{self}\n```"


def show(thing):
    """The very source that runs: of a function, or of a step's forward pass and pullback.

    The docstring is left out.

    Parameters
    ----------
    thing : function or class
        Of a class of steps, ``step`` is shown: the formula and its pullback.

    Returns
    -------
    Source
        Displays as code.

    Raises
    ------
    TypeError
        ``thing`` has no Python source.

    Examples
    --------
    >>> from gradtrace.steps.arrays import row
    >>> show(row)
    def row(b):
        return b[..., None, :]
    """
    if inspect.isclass(thing) and "step" in vars(thing):
        thing = thing.step
    try:
        lines = textwrap.dedent(inspect.getsource(inspect.unwrap(thing))).rstrip().splitlines()
    except (TypeError, OSError):
        raise TypeError(
            f"thing: expected a function or class written in Python, got {given(thing)}"
        ) from None
    body = ast.parse("\n".join(lines)).body[0]
    first = body.body[0]
    if ast.get_docstring(body) is not None:
        del lines[first.lineno - 1 : first.end_lineno]
    return Source("\n".join(lines).replace("\n\n\n", "\n\n"))
