"""Augmented images are exact where no pixel is split, and elsewhere as PyTorch's.

Every image has a draw of its own.
"""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace.training.augment import crop, flip, noise, rotate, scale, translate

SHAPES = [(3, 8, 8), (2, 5, 7), (2, 3, 6, 4), (4, 1, 1), (2, 1, 9), (1, 2, 7, 7)]


def images(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def rng(seed=0):
    return np.random.default_rng(seed)


EVERY = {
    "flip": flip,
    "rotate": lambda x, r=None: rotate(x, 30, r),
    "scale": lambda x, r=None: scale(x, 1.4, r),
    "crop": lambda x, r=None: crop(x, 0.7, r),
    "translate": lambda x, r=None: translate(x, 1.5, 2.5, r),
}
DRAWN = EVERY | {"noise": lambda x, r: noise(x, 0.3, r)}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_splits_no_pixel_is_exact(shape):
    x = images(shape)
    assert (flip(x) == x[..., ::-1]).all()
    assert (flip(x, vertical=True) == x[..., ::-1, :]).all()
    assert (flip(flip(x)) == x).all()
    assert (flip(flip(x, rng(3)), rng(3)) == x).all()
    for still in (
        rotate(x, 0),
        rotate(x, -720),
        scale(x, 1),
        crop(x, 1),
        crop(x, 1, rng()),
        translate(x, 0, 0),
    ):
        assert (still == x).all()
    assert (rotate(x, 180) == x[..., ::-1, ::-1]).all()
    moved = translate(x, 1, -2)
    wide = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 0), (0, 2)])
    assert (moved == wide[..., : x.shape[-2], 2:]).all()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 3, 7, 7), (1, 1, 1)])
@pytest.mark.parametrize("quarters", [1, 2, 3, -1, 5, 4])
def test_quarter_turns_are_those_of_numpy(shape, quarters):
    x = images(shape)
    assert (rotate(x, 90 * quarters) == np.rot90(x, quarters, axes=(-2, -1))).all()


COS = np.cos(np.radians(33.0))
SIN = np.sin(np.radians(33.0))
WARPS = {
    "rotate": (lambda x: rotate(x, 33), [[COS, SIN], [-SIN, COS]], [0, 0]),
    "scale up": (lambda x: scale(x, 1.7), np.eye(2) / 1.7, [0, 0]),
    "scale down": (lambda x: scale(x, 0.6), np.eye(2) / 0.6, [0, 0]),
    "crop": (lambda x: crop(x, 0.7), np.eye(2) * 0.7, [0, 0]),
    "translate": (lambda x: translate(x, 1.3, -2.6), np.eye(2), [-1.3, 2.6]),
}


@pytest.mark.parametrize("name", WARPS)
@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 9999),
    height=st.integers(2, 9),
    width=st.integers(2, 9),
    channels=st.integers(0, 3),
)
def test_split_pixels_are_those_of_pytorch(oracle, name, seed, height, width, channels):
    torch = oracle("torch")
    function, A, b = WARPS[name]
    x = images((3, channels, height, width) if channels else (3, height, width), seed)
    half = (np.array([height, width]) - 1) / 2  # PyTorch counts from −1 to 1, and columns first
    theta = np.concatenate([A * half / half[:, None], (b / half)[:, None]], -1)[::-1][:, [1, 0, 2]]
    four = torch.tensor(x.reshape(3, -1, height, width))
    grid = torch.nn.functional.affine_grid(
        torch.tensor(np.stack([theta] * 3)), four.shape, align_corners=True
    )
    theirs = torch.nn.functional.grid_sample(four, grid, padding_mode="zeros", align_corners=True)
    np.testing.assert_allclose(function(x), theirs.numpy().reshape(x.shape), rtol=1e-9, atol=1e-11)


def test_amounts_mean_what_they_say():
    """On a plane ``a + b·row + c·column`` bilinear interpolation is exact.

    So the inside is known in closed form.
    """
    row, column = np.indices((21, 21)) - 10.0

    def plane(i, j):
        return (5 + 2 * i - 3 * j)[None]

    inside = (..., slice(8, 13), slice(8, 13))
    c, s = np.cos(0.3), np.sin(0.3)
    for out, expected in [
        (
            rotate(plane(row, column), np.degrees(0.3)),
            plane(c * row + s * column, c * column - s * row),
        ),
        (scale(plane(row, column), 1.3), plane(row / 1.3, column / 1.3)),
        (crop(plane(row, column), 0.6), plane(0.6 * row, 0.6 * column)),
        (translate(plane(row, column), 0.25, 1.5), plane(row - 0.25, column - 1.5)),
    ]:
        np.testing.assert_allclose(out[inside], expected[inside], rtol=1e-12)


def test_turning_there_and_back_shows_the_same_smooth_picture():
    row, column = np.indices((41, 41)) - 20.0
    x = np.exp(-((row - 3) ** 2 + (column + 2) ** 2) / 50)[None]
    assert np.abs(rotate(rotate(x, 37), -37) - x).max() < 0.02 < np.abs(rotate(x, 37) - x).max()


@pytest.mark.parametrize("name", DRAWN)
def test_every_image_gets_a_draw_of_its_own_and_the_seed_repeats_it(name):
    many = np.broadcast_to(images((1, 2, 9, 9)), (40, 2, 9, 9))
    out = DRAWN[name](many, rng())
    assert (out == DRAWN[name](many, rng())).all()
    assert (out != DRAWN[name](many, rng(1))).any()
    assert len({image.tobytes() for image in out}) == (2 if name == "flip" else 40)
    if name != "noise":  # the channels of an image go together
        np.testing.assert_allclose(EVERY[name](many[:, :1], rng())[:, 0], out[:, 0], rtol=1e-13)


def test_draws_fill_their_range_evenly():
    n = 4000
    spot = np.zeros((1, 1, 41))
    spot[..., 20] = 1.0
    spots = np.broadcast_to(spot, (n, 1, 41))

    def place(x):
        return (x[:, 0] @ np.arange(-20.0, 21)) / x[:, 0].sum(-1)

    moves = place(translate(spots, 0, 6, rng()))
    assert np.abs(moves).max() <= 6 + 1e-12
    assert abs(moves.mean()) < 4 * 6 / (3 * n) ** 0.5
    assert np.histogram(moves, 6, (-6, 6))[0].min() > n / 6 - 4 * (n / 6) ** 0.5
    flipped = place(flip(np.roll(spots, 5, -1), rng()))
    assert set(flipped) == {-5.0, 5.0}
    assert abs(flipped.mean()) < 4 * 5 / n**0.5
    ramp = np.broadcast_to(np.arange(-20.0, 21)[None, None], (n, 1, 41))
    factors = -np.log2(scale(ramp, 2, rng())[:, 0, 21])  # one pixel from the centre
    assert np.abs(factors).max() <= 1 + 1e-12
    assert np.histogram(factors, 4, (-1, 1))[0].min() > n / 4 - 4 * (n / 4) ** 0.5
    column = np.indices((9, 9))[1] - 4.0
    turned = rotate(np.broadcast_to(column, (n, 9, 9)), 30, rng())
    turns = turned[:, 4, 5]
    assert np.cos(np.radians(30)) - 1e-12 <= turns.min() < 0.87
    assert turns.max() > 0.9999


def test_a_crop_stays_in_the_picture_and_reaches_its_edges():
    ramp = np.broadcast_to(1 + np.arange(11.0), (3000, 1, 11))
    first, last = crop(ramp, 0.4, rng())[:, 0, [0, -1]].T
    np.testing.assert_allclose(last - first, 4, rtol=1e-12)
    assert 1 - 1e-12 <= first.min() < 1.01
    assert 10.99 < last.max() <= 11 + 1e-12


def test_noise_has_mean_zero_and_the_deviation_asked_for():
    x = images((10, 3, 40, 40))
    added = noise(x, 0.5, rng(1)) - x
    n = added.size
    assert abs(added.mean()) < 4 * 0.5 / n**0.5
    assert abs(added.std() - 0.5) < 4 * 0.5 / (2 * n) ** 0.5
    assert (noise(x, 0, rng()) == x).all()


@pytest.mark.parametrize("name", DRAWN)
def test_extremes_purity_and_dtype(name):
    for x in (
        images((3, 5, 5)),
        images((3, 2, 5, 4)).astype("f4"),
        1e300 * images((2, 4, 4)),
        np.full((2, 3, 3), 5e-324),
        np.empty((0, 4, 4)),
        np.empty((0, 2, 4, 4), "f4"),
        np.ones((1, 1, 1)),
    ):
        before = x.copy()
        out = DRAWN[name](x, rng())
        assert out.shape == x.shape
        assert out.dtype == x.dtype
        assert np.isfinite(out).all()
        assert (x == before).all()
        assert not np.shares_memory(out, x)


def test_far_amounts_have_an_answer():
    x = images((2, 4, 5))
    for far in (1e9, 1e300, -1e300):
        assert not translate(x, far, 0).any()
        assert not translate(x, 0, far).any()
    assert (rotate(x, 5e-324) == x).all()
    for many in (1e17, 1e25, -1e200, 1e300):
        assert (rotate(x, many) == rotate(x, np.fmod(many, 360))).all()
    assert not scale(x, 0.001)[:, 0].any()
    assert np.isfinite(scale(x, 1000)).all()
    np.testing.assert_allclose(
        crop(x[:, :3], 1e-300), np.broadcast_to(x[:, 1:2, 2:3], (2, 3, 5)), rtol=1e-12
    )


def test_without_scipy_they_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    with pytest.raises(ImportError, match="augment: expected the package scipy: pip install scipy"):
        rotate(images((1, 4, 4)), 5)


X = np.ones((2, 4, 4))
BAD = {
    "one image": (
        lambda: scale(np.ones((4, 4)), 2),
        ValueError,
        r"images: expected shape \(batch, height, width\) or .* got \(4, 4\)",
    ),
    "too many axes": (
        lambda: noise(np.ones((1, 1, 1, 4, 4)), 1, rng()),
        ValueError,
        "images: expected shape",
    ),
    "no pixels": (
        lambda: translate(np.ones((2, 0, 4)), 1, 1),
        ValueError,
        r"no size but the batch 0; got \(2, 0, 4\)",
    ),
    "factor zero": (
        lambda: scale(X, 0),
        ValueError,
        "factor: expected a number from 0.001 to 1000, got 0",
    ),
    "factor huge": (
        lambda: scale(X, 1e4, rng()),
        ValueError,
        "factor: expected a number from 0.001 to 1000, got 10000",
    ),
    "noise overflows": (
        lambda: noise(X.astype("f4"), 1e300, rng()),
        FloatingPointError,
        "deviation: expected noise within float32",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call()


def test_a_section_is_drawn_anywhere_its_row_apart_from_its_column():
    """Two channels hold the row and the column of every pixel.

    So the middle of a section tells where it was.
    """
    batch, size, share = 2000, 9, 0.5
    places = np.broadcast_to(np.indices((size, size), dtype=float), (batch, 2, size, size))
    middle = crop(places, share, np.random.default_rng(0))[:, :, size // 2, size // 2] - size // 2
    reach = (1 - share) * (size - 1) / 2
    assert np.abs(middle).max() <= reach
    np.testing.assert_allclose(middle.std(axis=0), reach / 3**0.5, rtol=0.05)  # uniform
    assert abs(np.corrcoef(middle.T)[0, 1]) < 4 / batch**0.5
