"""Landscapes of two numbers: slopes, turns, and arguments that cannot be used.

The slopes are held to finite differences.
"""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace.theory.surfaces import saddle, valley

SURFACES = [valley, partial(valley, steep=3.0, turn=30.0), saddle]


@pytest.mark.parametrize("surface", SURFACES)
@settings(deadline=None, max_examples=40)
@given(x=st.floats(-9, 9), y=st.floats(-9, 9))
def test_slopes_are_those_of_finite_differences(surface, x, y):
    found = surface(x, y)
    e = 1e-5
    by_x, by_y = (
        surface(x + a, y + b).loss - surface(x - a, y - b).loss for a, b in ((e, 0), (0, e))
    )
    np.testing.assert_allclose(found[1:], np.array([by_x, by_y]) / (2 * e), rtol=1e-5, atol=1e-6)


def test_a_turned_valley_is_the_valley_at_the_point_turned_back():
    x = 2.0
    y = -0.5
    angle = np.radians(30.0)
    c = np.cos(angle)
    s = np.sin(angle)
    straight, turned = valley(x, y, 7.0), valley(c * x - s * y, s * x + c * y, 7.0, 30.0)
    np.testing.assert_allclose(turned.loss, straight.loss)
    np.testing.assert_allclose(
        turned[1:], [c * straight.dx - s * straight.dy, s * straight.dx + c * straight.dy]
    )


def test_condition_number_and_rest():
    level = valley(0.0, 0.0)
    assert level == (0, 0, 0)
    assert valley(0.0, 1.0, 100.0).dy == 100 * valley(1.0, 0.0, 100.0).dx
    assert saddle(0.0, 0.0).loss == 1
    assert saddle(0.0, np.pi).loss == -1
    assert abs(saddle(0.0, np.pi).dy) < 1e-15
    assert saddle(0.0, 0.1).dy < 0


@pytest.mark.parametrize("surface", SURFACES)
def test_grids_dtypes_and_empty_arrays(surface):
    x = np.linspace(-1, 1, 3, dtype=np.float32)
    y = np.zeros((2, 1), dtype=np.float32)
    assert all(part.shape == (2, 3) and part.dtype == np.float32 for part in surface(x, y))
    assert all(part.shape == (0,) for part in surface(np.zeros(0), 1.0))


@pytest.mark.parametrize("surface", SURFACES)
def test_what_does_not_fit_or_overflows_is_named(surface):
    with pytest.raises(ValueError, match="x, y: expected shapes that broadcast"):
        surface(np.zeros(2), np.zeros(3))
    with pytest.raises(
        FloatingPointError, match="x, y: expected a loss within float64, got an overflow"
    ):
        surface(1e200, 0.0)
