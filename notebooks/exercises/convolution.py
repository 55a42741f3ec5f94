"""The exercises of the chapter on convolution."""

import numpy as np

from gradtrace import Conv2D, Pool2D
from gradtrace.notebook.exercises import Function, Number


def by_layer(image, W, b, stride=1, padding=0):
    """What the package's layer answers to one image with one filter."""
    features = 1, *image.shape
    layer = Conv2D(features, 1, len(W), stride, padding, "identity")
    p = {"W": W[None, None], "b": np.array([float(b)])}
    maps, _ = layer(p, image[None, None])
    return maps[0, 0]


def flipped(image, W, b, stride, padding):
    return by_layer(image, W[::-1, ::-1], b, stride, padding)


def transposed(image, W, b, stride, padding):
    return by_layer(image, W.T, b, stride, padding)


def one_short(image, W, b, stride, padding):
    """n − m rows instead of n − m + 1."""
    rows, columns = np.array(image.shape) + 2 * padding - len(W)
    return by_layer(image, W, b, stride, padding)[
        : rows // stride, : columns // stride
    ]


def without_stride(image, W, b, stride, padding):
    return by_layer(image, W, b, 1, padding)


def window_without_stride(image, W, b, stride, padding):
    """As many answers as the stride leaves, from neighbouring windows."""
    rows, columns = by_layer(image, W, b, stride, padding).shape
    return by_layer(image, W, b, 1, padding)[:rows, :columns]


def without_padding(image, W, b, stride, padding):
    return by_layer(image, W, b, stride, 0)


def padding_before(image, W, b, stride, padding):
    """Zeros above and on the left only."""
    return by_layer(np.pad(image, (padding, 0)), W, b, stride, 0)


def edges_repeated(image, W, b, stride, padding):
    return by_layer(np.pad(image, padding, mode="edge"), W, b, stride, 0)


def without_bias(image, W, b, stride, padding):
    return by_layer(image, W, 0, stride, padding)


def bias_for_each_weight(image, W, b, stride, padding):
    return by_layer(image, W, b * W.size, stride, padding)


def pooled_back(image, g):
    """What max-pooling by 2 × 2 hands to the image."""
    pool = Pool2D((1, *image.shape), 2)
    _, vjp = pool({}, image[None, None].astype(float))
    return vjp(g[None, None]).h[0, 0]


def to_all(image, g):
    return np.repeat(np.repeat(g, 2, axis=0), 2, axis=1)


def shared_out(image, g):
    return to_all(image, g) / 4


def times_the_pixel(image, g):
    return pooled_back(image, g) * image


def to_the_smallest(image, g):
    return pooled_back(-image, g)


def to_the_first(image, g):
    back = np.zeros(image.shape)
    back[::2, ::2] = g
    return back


def as_whole_numbers(image, g):
    """np.zeros_like(image) has the type of the image, and cuts g."""
    return pooled_back(image, g).astype(image.dtype)


def ones(image, g):
    return pooled_back(image, np.ones_like(g))


rng = np.random.default_rng(9)
SMALL = np.arange(12.0).reshape(3, 4)
IMAGE = rng.standard_normal((6, 7))
W = rng.standard_normal((3, 3))
PLACES = (12 - 3) // 2 + 1

EXERCISES = {
    1: Number(
        16 * (3 * 5 * 5 + 1),
        unit="numbers",
        hints=[
            (16 * 26, "a filter has a slice for each of the three channels."),
            (16 * 75, "and the biases?"),
            (
                16 * (3 * 32**2 + 1),
                "that is a dense layer; the side does not matter here.",
            ),
        ],
    ),
    2: Number(
        PLACES**2,
        unit="places",
        hints=[
            (100, "the stride is 2."),
            (36, "the whole window must fit: (12 - 3) // 2 + 1."),
            (16, "the window at the very edge counts, too: + 1."),
            (8 * PLACES**2, "each filter has weights of its own."),
            (9, "that is the window."),
        ],
    ),
    3: Function(
        by_layer,
        cases={
            "the known value": (
                SMALL,
                np.array([[1.0, 0.0], [0.0, -2.0]]),
                10.0,
                1,
                0,
            ),
            "a window of three": (IMAGE, W, 0.5, 1, 0),
            "a stride of two": (IMAGE, W, 0.5, 2, 0),
            "padding": (IMAGE, W, 0.5, 1, 1),
            "a stride of two with padding": (IMAGE, W, 0.5, 2, 1),
        },
        hints=[
            (
                flipped,
                "the filter is turned round: W[0, 0] meets the upper left "
                "pixel of the window.",
            ),
            (transposed, "rows and columns of the filter are exchanged."),
            (
                one_short,
                "off by one: with m rows of the window, n - m + 1 places fit.",
            ),
            (
                without_stride,
                "the window moves by `stride` pixels, and fewer places fit.",
            ),
            (
                window_without_stride,
                "the map has the right shape, but the window at row r starts "
                "at pixel stride * r.",
            ),
            (without_padding, "the zeros around the image are missing."),
            (padding_before, "the zeros go to all four edges."),
            (
                edges_repeated,
                "around the image are zeros, not copies of its edge.",
            ),
            (without_bias, "the bias b is missing."),
            (bias_for_each_weight, "the bias is added once a window."),
        ],
    ),
    4: Function(
        pooled_back,
        cases={
            "the known value": (
                np.array([[1.0, 2.0, 5.0, 0.0], [3.0, 4.0, -1.0, -2.0]]),
                np.array([[10.0, 20.0]]),
            ),
            "six by eight pixels": (
                rng.standard_normal((6, 8)),
                rng.standard_normal((3, 4)),
            ),
            "an image of whole numbers": (
                np.array([[1, 2, 5, 0], [3, 4, -1, -2]]),
                np.array([[0.5, 1.5]]),
            ),
        },
        hints=[
            (to_all, "only the largest pixel of a window has a slope of 1."),
            (shared_out, "that is average pooling."),
            (
                times_the_pixel,
                "the largest pixel has the slope 1, whatever its value.",
            ),
            (to_the_smallest, "that is the smallest pixel."),
            (to_the_first, "that is the upper left pixel of each window."),
            (ones, "those are the slopes; they still meet g."),
            (
                as_whole_numbers,
                "np.zeros_like(image) makes whole numbers if the image has "
                "them, and cuts g: take np.zeros(image.shape).",
            ),
        ],
    ),
}
