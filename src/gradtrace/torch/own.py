"""Which code is the user's own, and what a function of it may read and write by name."""

import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType

# Also where they run from a folder of sources.
ALWAYS = {"gradtrace", "explorable", "torch", "numpy"}
PATHS = sysconfig.get_paths()
LIBRARIES = [Path(PATHS[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
FOLDERS = {"site-packages", "dist-packages"}


@cache
def is_own(name):
    """Whether a module, by its full name, is neither Python's, nor a library's, nor of this one.

    Examples
    --------
    >>> is_own("__main__"), is_own("json.decoder"), is_own("torch.nn"), is_own("gradtrace.torch")
    (True, False, False, False)
    """
    if not isinstance(name, str) or name == "__main__":
        return name == "__main__"
    root = name.partition(".")[0]
    if root in ALWAYS or root in sys.stdlib_module_names:
        return False
    module = sys.modules.get(name) or sys.modules.get(root)
    file = getattr(module, "__file__", None)
    if file is None:
        return True  # written where there are no files, as in a notebook
    path = Path(file)
    return FOLDERS.isdisjoint(path.parts) and not any(path.is_relative_to(p) for p in LIBRARIES)


def names_in(code):
    """All names that a code object reads or writes as globals or attributes, inner functions too.

    Examples
    --------
    >>> sorted(names_in(compile("seen.append(step)", "", "eval")))
    ['append', 'seen', 'step']
    """
    names = {*code.co_names}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_in(constant)
    return names


def globals_of(function):
    """``(variables of a module, names)``: what a function may read or write outside of itself.

    Of modules of one's own that it names, too, the variables that it names.
    """
    names = names_in(function.__code__)
    yield function.__globals__, names
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType) and is_own(value.__name__):
            yield vars(value), names
