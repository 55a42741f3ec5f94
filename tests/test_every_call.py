"""Every public call gives the same bits in any error state of numpy.

It gives float32 for float32, and names what overflows.
"""

import dataclasses

import numpy as np
import pytest
from calls import TABLE
from test_refusals import called, valid

SCALES = [1.0, 1e-160, 1e-300, 1e150, 1e300]
AS_THEY_ARE = {"rng", "hints", "answer", "state", "vjps", "path"}  # no numbers to scale or to round
DOUBLE = {
    "total_log_norm": "ln ‖g‖ in float32 would be e^ln ‖g‖ with four digits",
    "clip_norm": "its ln ‖g‖",
    "clip_value": "its ln ‖g‖",
    "train": "its ln ‖g‖",
    "init_params": "dtype says",
    "Run.load": "as saved",
    "EarlyStopping.update": "a state begins in float64",
    "dynamics.iterate": "the step is one of float64",
    "dynamics.basins": "the step is one of float64",
}


def changed(value, change):
    """The value with every array of floats in it changed."""
    if isinstance(value, dict):
        return {name: changed(entry, change) for name, entry in value.items()}
    if isinstance(value, list):
        return [changed(entry, change) for entry in value]
    return change(value) if isinstance(value, np.ndarray) and value.dtype == float else value


def outcome(call, change):
    """All arrays and numbers that the call returns, or how it refuses."""
    function, values = valid(call)
    values = {
        name: value if name in AS_THEY_ARE else changed(value, change)
        for name, value in values.items()
    }
    try:
        return list(leaves(called(function, values)))
    except (ValueError, TypeError, FloatingPointError, AssertionError, RuntimeWarning) as error:
        return [type(error).__name__, str(error)]


def leaves(result):
    if isinstance(result, dict):
        result = list(result.values())
    elif dataclasses.is_dataclass(result) and not isinstance(result, type):
        result = [getattr(result, field.name) for field in dataclasses.fields(result)]
    elif hasattr(result, "log_p"):  # a trace
        result = [result.log_h, result.log_p]
    elif hasattr(result, "shared"):  # plain gradients
        result = [result.h, result.shared()]
    if isinstance(result, tuple | list):
        for part in result:
            yield from leaves(part)
    elif isinstance(result, np.ndarray | np.generic | float | int | str):
        yield result


def same(a, b):
    if isinstance(a, int | str):
        return a == b
    a, b = np.asarray(a), np.asarray(b)
    return (a.shape, a.dtype, a.tobytes()) == (b.shape, b.dtype, b.tobytes())


@pytest.mark.parametrize("call", TABLE)
def test_the_error_state_changes_nothing(call):
    different = {}
    for scale in SCALES:

        def arguments(a, scale=scale):
            return np.ldexp(a, int(np.log2(scale)))  # no digit is lost

        usual = outcome(call, arguments)
        with np.errstate(all="raise"):
            strict = outcome(call, arguments)
        warned = any(isinstance(leaf, str) and leaf == "RuntimeWarning" for leaf in usual)
        if warned or len(usual) != len(strict) or not all(map(same, usual, strict)):
            different[scale] = usual, strict
    assert not different


@pytest.mark.parametrize("call", [call for call in TABLE if call not in DOUBLE])
def test_single_precision_stays_single(call):
    given = []

    def single(a):
        given.append(a.astype("f4"))
        return given[-1]

    found = outcome(call, single)
    kinds = {
        leaf.dtype.name
        for leaf in found
        if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f"
    }
    assert not given or kinds <= {"float32"}
