"""Parameters as one flat dict, and numbers that differ from one sweep member to the next."""

from collections.abc import Iterable

import numpy as np

from ..expect import expect_array, expect_number, expect_size, expect_whole_numbers, given, plain


def flatten_params(params):
    """One dict for all layers, of gradients, too: entry ``"W"`` of ``params[2]`` becomes ``"2.W"``.

    Parameters
    ----------
    params : sequence of dict
        One dict of arrays per layer, as :func:`~gradtrace.deep` takes them.

    Returns
    -------
    dict of str to ndarray
        The same arrays, not copies. :func:`unflatten_params` goes back.

    Examples
    --------
    >>> sorted(flatten_params([{"W": np.eye(2)}, {"W": np.eye(2), "b": np.zeros(2)}]))
    ['0.W', '1.W', '1.b']
    """
    if not isinstance(params, Iterable) or isinstance(params, dict | str):
        raise TypeError(f"params: expected a list of dicts of arrays, got {given(params)}")
    flat = {}
    for i, p in enumerate(params):
        if not isinstance(p, dict):
            raise TypeError(f"params[{i}]: expected a dict of arrays, got {given(p)}")
        for name, value in p.items():
            flat[f"{i}.{name}"] = expect_plain(f"params[{i}][{name!r}]", value)
    return flat


def unflatten_params(p, layers=None):
    """One dict per layer, the inverse of :func:`flatten_params`.

    Parameters
    ----------
    p : dict of str to ndarray
        With names such as ``"2.W"``.
    layers : int or None
        How many dicts to return; needed only where the last layers have no parameters.

    Raises
    ------
    ValueError
        A name does not start with the number of one of the layers and a point.

    Examples
    --------
    >>> unflatten_params({"0.b": np.zeros(2), "1.b": np.ones(1)})
    [{'b': array([0., 0.])}, {'b': array([1.])}]
    """
    if not isinstance(p, dict):
        raise TypeError(f"p: expected a dict of arrays, got {given(p)}")
    split = {name: str(name).partition(".") for name in p}
    for name, (number, point, own) in split.items():
        if not (number.isascii() and number.isdecimal() and len(number) <= 6 and point and own):
            raise ValueError(
                f"p: expected names such as '0.W', of at most a million layers, got {given(name)}"
            )
        expect_plain(f"p[{name!r}]", p[name])
    most = max((int(number) + 1 for number, _, _ in split.values()), default=0)
    layers = most if layers is None else expect_size("layers", layers, least=0)
    if most > layers:
        raise ValueError(f"layers: expected at least {most} for the names in p, got {layers}")
    params = [{} for _ in range(layers)]
    for name, (number, _, own) in split.items():
        params[int(number)][own] = p[name]
    return params


def tile_params(p, sweep):
    """The same start for every sweep member: copies of all arrays, with sweep axes in front.

    Parameters
    ----------
    p : dict of str to ndarray
    sweep : tuple of int

    Examples
    --------
    >>> tile_params({"b": np.zeros(3)}, (41,))["b"].shape
    (41, 3)
    """
    sweep = expect_whole_numbers("sweep", sweep)
    return {
        name: np.broadcast_to(value, (*sweep, *value.shape)).copy()
        for name, value in expect_dict("p", p).items()
    }


def align_sweep(value, like):
    """A number, or an array ``(*sweep,)``, ready to multiply ``like``, ``(*sweep, *features)``."""
    value = np.asarray(value, dtype=like.dtype)  # np.float64(0.1) would make float64 of float32
    return value[(...,) + (None,) * (like.ndim - value.ndim)]


def expect_plain(name, value):
    """Return ``value`` if it is a numpy array, whatever it holds; else raise, naming it."""
    if not plain(value):
        raise TypeError(f"{name}: expected a numpy array, got {given(value)}")
    return value


def expect_dict(name, value):
    """Return ``value`` if it is a dict of arrays of finite floats; else raise, naming the entry."""
    if not isinstance(value, dict) or not value:
        raise TypeError(
            f"{name}: expected a dict of arrays, got {given(value)};"
            " flatten_params makes one of a list of dicts"
        )
    for key, array in value.items():
        expect_array(lambda key=key: f"{name}[{key!r}]", array)
    return value


def expect_rate(name, value, least=0.0, below=np.inf):
    """Return a number, or one for each sweep member, if ``least <= value < below``; else raise."""
    if isinstance(value, np.ndarray):
        value = value[()]  # without axes it is a number
    check = expect_array if isinstance(value, np.ndarray) else expect_number
    value = check(name, value)
    wrong = (value < least) | (value >= below)
    if np.any(wrong):
        upper = "" if below == np.inf else f" and below {below:g}"
        bad = np.extract(wrong, value)[0]
        raise ValueError(f"{name}: expected at least {least:g}{upper}, got {bad}")
    return value


def expect_sweep_axes(name, value, key, array):
    """Raise unless ``array``, called ``key``, has the axes of ``value`` in front."""
    shape = np.shape(value)
    if array.shape[: len(shape)] != shape:
        raise ValueError(
            f"{name}: expected one number, or one for each member of a sweep that all arrays carry"
            f" in front, got shape {shape} for {key} of shape {array.shape};"
            " tile_params(p, sweep) adds axes"
        )


def sweep_shape(name, p, sweep):
    """The sizes of the ``sweep`` leading axes that all arrays of ``p`` share; else raise."""
    sweep = expect_size("sweep", sweep, least=0)
    shapes = {key: value.shape[:sweep] for key, value in p.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) < sweep for shape in shapes.values()):
        raise ValueError(
            f"{name}: expected arrays that share their {sweep} leading axes, got {shapes}"
        )
    return next(iter(shapes.values()))
