"""What a course sets once for all its figures, as matplotlib's `rcParams` are set."""

from numbers import Real


class Settings(dict):
    """A dict that takes known names and values that can be used.

    Raises
    ------
    KeyError
        There is no setting of that name.
    ValueError
        A value that cannot be used.

    Examples
    --------
    >>> Settings(max_bytes=4e6)["max_bytes"]
    4000000.0
    """

    def __init__(self, **start):
        super().__init__()
        self.known = list(start)
        self.update(start)

    def __setitem__(self, name, value):
        if name not in self.known:
            raise KeyError(f"rcParams: expected one of {self.known}, got {name!r}")
        super().__setitem__(name, expect_bytes(name, value))

    def update(self, *given, **named):
        """Set several."""
        for name, value in dict(*given, **named).items():
            self[name] = value


def expect_bytes(name, value):
    """Return it, or raise unless it is a number of bytes."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value < 1e12:
        raise ValueError(f"{name}: expected a number of bytes such as 20e6, got {value!r:.60}")
    return value


rcParams = Settings(max_bytes=4e6)
