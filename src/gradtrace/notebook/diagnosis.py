"""What is wrong with an array that should have been another: its shape, sign, factor, axis, index.

The right numbers are never said.
"""

from itertools import combinations

import numpy as np

from ..expect import expect_number

__all__ = ["diagnose"]


def diagnose(got, wanted, rtol=1e-6):
    """One phrase on how ``got`` differs from ``wanted``, or None where it does not.

    Parameters
    ----------
    got : object
        What a reader's function returned.
    wanted : ndarray
    rtol : float
        Relative to each number, and a thousandth of it to the largest of all.

    Examples
    --------
    >>> diagnose(np.array([1.0, -2.0]), np.array([-1.0, 2.0]))
    'sign: all signs are the other way round'
    """
    wanted, rtol = np.asarray(wanted), expect_number("rtol", rtol, least=0)
    try:
        got = np.asarray(got)
    except ValueError:  # rows of different lengths
        return "shape: its rows have different lengths"
    if got.dtype.kind not in "biufc":
        return f"kind: {numbers_of(wanted.shape)} is asked for, this holds {got.dtype}"
    if got.dtype.kind == "b" and wanted.dtype.kind != "b":
        got = got.astype(float)
    if got.shape != wanted.shape:
        return _wrong_shape(got, wanted, rtol)
    if wanted.dtype.kind == "b":
        if not np.isin(got, [0, 1]).all():
            return "kind: True or False is asked for"
        got, wanted = _ones_and_twos(got), _ones_and_twos(wanted)
        if np.array_equal(got, 3 - wanted):
            return "value: True and False are exchanged"
    if close(got, wanted, rtol):
        return None
    if not np.isfinite(got).all():
        where = _first(~np.isfinite(got))
        return f"value: {got[where]}{_at(where)}, which is not a finite number"
    if not got.any():
        return "value: zero" + (" everywhere" if got.size > 1 else "")
    for look in (_wrong_sign, _wrong_factor, _wrong_axis, _wrong_index):
        with np.errstate(all="ignore"):  # numbers may be of any size
            found = look(got, wanted, rtol)
        if found:
            return found
    wrong = ~np.isclose(got, wanted, rtol=rtol, atol=_floor(wanted, rtol))
    if got.size == 1:
        return f"value: {got.item():.4g} is not the number"
    return f"value: {wrong.sum()} of {wrong.size} numbers are wrong, the first{_at(_first(wrong))}"


def close(got, wanted, rtol):
    """Whether two arrays of one shape agree."""
    return bool(np.allclose(got, wanted, rtol=rtol, atol=_floor(wanted, rtol), equal_nan=True))


def numbers_of(shape):
    """What a shape holds, in words."""
    return f"an array of shape {shape}" if shape else "a number"


def _ones_and_twos(answers):
    """False as 1, True as 2: numbers that differ in no sign."""
    return np.where(answers == 0, 1.0, 2.0)


def _floor(wanted, rtol):
    """The absolute tolerance: numbers far below the largest are sums in which digits cancel."""
    finite = np.abs(wanted[np.isfinite(wanted)])
    return rtol * 1e-3 * (float(finite.max(initial=0.0)) or 1.0)


def _wrong_shape(got, wanted, rtol):
    asked = f"{numbers_of(wanted.shape)} is asked for, this is {numbers_of(got.shape)}"
    for axis in range(got.ndim):
        if got.ndim == wanted.ndim + 1 and got.sum(axis).shape == wanted.shape:
            if got.shape[axis] > 1 and close(got.sum(axis), wanted, rtol):
                return f"axis: not yet summed over axis {axis}; {asked}"
            if got.shape[axis] > 1 and close(got.mean(axis), wanted, rtol):
                return f"axis: not yet averaged over axis {axis}; {asked}"
    if got.ndim == 2 and got.shape == wanted.shape[::-1]:
        right = close(got.T, wanted, rtol)
        return ("axis" if right else "shape") + f": rows and columns are exchanged; {asked}"
    if got.size == wanted.size and close(got.ravel(), wanted.ravel(), rtol):
        return f"shape: the numbers are right; {asked}"
    return f"shape: {asked}"


def _wrong_sign(got, wanted, rtol):
    if np.iscomplexobj(got):
        return None
    if close(got, -wanted, rtol):
        return "sign: all signs are the other way round" if got.size > 1 else "sign: the other one"
    if got.size > 1 and close(np.abs(got), np.abs(wanted), rtol):
        wrong = np.sign(got) != np.sign(wanted)
        return f"sign: the sizes are right, {wrong.sum()} of {wrong.size} signs are wrong"
    return None


def _wrong_factor(got, wanted, rtol):
    if np.count_nonzero(wanted) < 2:  # of one number, the factor would give the answer away
        return None
    largest = np.abs(wanted).max()
    unit = wanted / largest
    factor = np.vdot(unit, got / largest) / np.vdot(unit, unit)
    if factor == 0 or not close(got, factor * wanted, rtol):
        return None
    lengths = [axis for axis, n in enumerate(got.shape) if n > 1 and np.isclose(abs(factor), n)]
    if np.isrealobj(factor) and factor < 0:
        return f"sign and factor: everything is {factor:.4g} times what it should be"
    of_axis = f", the length of axis {lengths[0]}" if lengths else ""
    return f"factor: everything is {factor:.4g} times what it should be{of_axis}"


def _wrong_axis(got, wanted, rtol):
    for one, other in combinations(range(got.ndim), 2):
        swapped = np.swapaxes(wanted, one, other)
        if swapped.shape == got.shape and close(got, swapped, rtol):
            names = "rows and columns" if got.ndim == 2 else f"axes {one} and {other}"
            return f"axis: {names} are exchanged"
    for axis in range(got.ndim):
        if got.shape[axis] > 1 and close(got, np.flip(wanted, axis), rtol):
            kind = "index" if got.ndim == 1 else "axis"
            return f"{kind}: {_along(got, axis)}the order is reversed"
    return None


def _wrong_index(got, wanted, rtol):
    for axis in range(got.ndim):
        n = got.shape[axis]
        if n < 3:
            continue
        mine, right = np.moveaxis(got, axis, 0), np.moveaxis(wanted, axis, 0)
        if close(mine[1:], right[:-1], rtol):
            return f"index: {_along(got, axis)}everything stands one place too late"
        if close(mine[:-1], right[1:], rtol):
            return f"index: {_along(got, axis)}everything stands one place too early"
        same = np.isclose(mine, right, rtol=rtol, atol=_floor(wanted, rtol))
        wrong = np.flatnonzero(~same.reshape(n, -1).all(axis=1))
        if len(wrong) == 1:
            ends = {0: ", the first", n - 1: ", the last"}
            place = f"index {wrong[0]}{ends.get(int(wrong[0]), '')}"
            return f"index: right everywhere but at {place}{_of(got, axis)}"
    return None


def _along(got, axis):
    return "" if got.ndim == 1 else f"along axis {axis}, "


def _of(got, axis):
    return "" if got.ndim == 1 else f" of axis {axis}"


def _first(where):
    return tuple(int(i) for i in np.argwhere(where)[0])


def _at(index):
    if not index:
        return ""
    return f" at index {index[0] if len(index) == 1 else index}"
