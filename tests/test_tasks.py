"""Tasks ask what they say: their targets follow from their inputs.

Who has forgotten what the answer is made of reaches the baseline, and no more.
"""

import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import RNN, cross_entropy, forward, init_params, unroll
from gradtrace.data.digits import digits, pixels
from gradtrace.data.tasks import adding, copying, one_hot, temporal_order
from gradtrace.data.text import decode, encode, hello, vocabulary, walrus, windows
from gradtrace.data.translation import translation


def rng(seed=0):
    return np.random.default_rng(seed)


WORDS = rng(9).permutation(8)
IMAGES = rng(1).random((30, 4, 3))
LABELS = rng(2).integers(3, size=30)
DRAWN = {
    "adding": lambda seed, batch, T: adding(rng(seed), batch, T),
    "copying": lambda seed, batch, T: copying(rng(seed), batch, T),
    "temporal order": lambda seed, batch, T: temporal_order(rng(seed), batch, T),
    "windows": lambda seed, batch, T: windows(rng(seed), walrus(), batch, T),
}
TASKS = {**DRAWN, "hello": lambda *_: hello(), "pixels": lambda *_: pixels(IMAGES, LABELS)}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("batch", [0, 1, 5])
def test_shapes_are_those_that_unroll_takes(name, batch):
    data = TASKS[name](0, batch, 12)
    T, batch, n = data.x.shape
    assert data.x.dtype == float
    assert data.mask.shape == (T,)
    assert data.mask.dtype == bool
    assert data.y.shape[:2] == (data.mask.sum(), batch)
    assert data.mask[-1]
    assert 0 < data.lag < T
    assert type(data.lag) is int
    assert type(data.baseline) is float
    cell = RNN(n, 3)
    h, _ = forward(unroll(cell, init_params(cell, rng()), data.x), np.zeros((batch, 3)))
    assert np.array(h)[1:][data.mask].shape == (*data.y.shape[:2], 3)


@pytest.mark.parametrize("name", DRAWN)
def test_the_seed_decides(name):
    one, same, other = (DRAWN[name](seed, 20, 30) for seed in (3, 3, 4))
    assert (one.x == same.x).all()
    assert (one.y == same.y).all()
    assert (one.x != other.x).any()
    assert (one.y != other.y).any()


@settings(deadline=None)
@given(T=st.integers(2, 60), seed=st.integers(0, 99))
def test_adding_marks_one_number_in_each_half(T, seed):
    data = adding(rng(seed), 7, T)
    number, mark = np.moveaxis(data.x, -1, 0)
    assert set(np.unique(mark)) <= {0, 1}
    assert (mark[: T // 2].sum(0) == 1).all()
    assert (mark[T // 2 :].sum(0) == 1).all()
    assert (number >= 0).all()
    assert (number < 1).all()
    np.testing.assert_allclose(
        data.y[0, :, 0], [sum(x[m == 1]) for x, m in zip(number.T, mark.T, strict=True)]
    )
    assert data.mask.tolist() == [False] * (T - 1) + [True]


def test_adding_marks_every_place_about_as_often():
    mark = adding(rng(), 20_000, 10).x[..., 1]
    np.testing.assert_allclose(mark.mean(1), 0.2, atol=4 * (0.2 * 0.8 / 20_000) ** 0.5)


def test_the_baseline_of_adding_is_one_sixth():
    data = adding(rng(), 100_000, 8)
    square = (data.y - 1) ** 2
    assert data.baseline == 1 / 6
    assert abs(square.mean() - data.baseline) < 4 * square.std() / square.size**0.5
    assert all(((data.y - c) ** 2).mean() > square.mean() for c in (0.95, 1.05))


@pytest.mark.parametrize("T", [2, 4, 10])
def test_who_sees_the_last_step_of_adding_alone_does_a_little_better(T):
    data = adding(rng(), 100_000, T)
    number, mark = data.x[-1].T
    square = (data.y[0, :, 0] - np.where(mark == 1, number + 0.5, 1)) ** 2
    expected = (1 - 1 / T) * data.baseline
    assert abs(square.mean() - expected) < 4 * square.std() / square.size**0.5


@settings(deadline=None)
@given(delay=st.integers(1, 40), seed=st.integers(0, 99))
def test_copying_returns_the_ten_symbols(delay, seed):
    data = copying(rng(seed), 5, delay)
    x = data.x.argmax(-1)
    assert data.x.shape == (delay + 20, 5, 10)
    assert (data.x.sum(-1) == 1).all()
    assert (x[:10] < 8).all()
    assert (np.argwhere(x == 9)[:, 0] == delay + 9).all()
    assert (x == 9).sum() == 5
    assert (np.delete(x[10:], delay - 1, axis=0) == 8).all()
    assert (data.y[data.lag :] == x[:10]).all()
    assert (data.y[: data.lag] == 8).all()


def test_the_baseline_of_copying_is_the_closed_form():
    delay, batch = 30, 4000
    data = copying(rng(), batch, delay)
    blind = np.full((delay + 20, 9), -1e3)  # logits: the blank, then any of the eight
    blind[:-10, 8] = blind[-10:, :8] = 0
    loss = np.mean(
        [cross_entropy(np.tile(u, (batch, 1)), y)[0] for u, y in zip(blind, data.y, strict=True)]
    )
    assert data.baseline == pytest.approx(10 * np.log(8) / 50) == pytest.approx(loss, rel=1e-12)
    wrong = np.mean(blind.argmax(-1)[:, None] != data.y)
    assert wrong == pytest.approx(data.error, abs=4 * (7 / 64 / (10 * batch)) ** 0.5 / 5)


@settings(deadline=None)
@given(T=st.integers(10, 120), seed=st.integers(0, 99))
def test_temporal_order_is_the_order_of_two_symbols(T, seed):
    data = temporal_order(rng(seed), 6, T)
    x = data.x.argmax(-1)
    assert (x[0] == 6).all()
    assert (x[-1] == 7).all()
    assert (x[1:-1] < 6).all()
    for sequence, label in zip(x.T, data.y[0], strict=True):
        first, second = np.flatnonzero(sequence[1:-1] >= 4) + 1
        assert T // 10 <= first < 2 * T // 10
        assert 4 * T // 10 <= second < 5 * T // 10
        assert label == 2 * (sequence[first] == 5) + (sequence[second] == 5)
        assert T - 1 - first <= data.lag


def test_the_classes_of_temporal_order_are_balanced():
    data = temporal_order(rng(), 20_000, 50)
    share = np.bincount(data.y[0]) / 20_000
    np.testing.assert_allclose(share, 0.25, atol=4 * (3 / 16 / 20_000) ** 0.5)
    assert data.error == 0.75
    assert data.baseline == pytest.approx(cross_entropy(np.zeros((1, 4)), np.array([2]))[0])


def test_hello_needs_one_step_of_memory():
    data = hello()
    assert decode(data.x.argmax(-1)[:, 0], "helo") == "hell"
    assert decode(data.y[:, 0], "helo") == "ello"
    # after h, e, l and l
    blind = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1]]) * 1e3
    losses = [cross_entropy(u[None], y)[0] for u, y in zip(blind, data.y, strict=True)]
    assert np.mean(losses) == pytest.approx(data.baseline)
    assert np.mean(blind.argmax(-1) != data.y[:, 0]) == data.error


def test_the_walrus_is_whole():
    text = walrus()
    stanzas = text.strip().split("\n\n")
    assert len(text) == 3275
    assert len(stanzas) == 18
    assert all(len(s.split("\n")) == 6 for s in stanzas)
    assert text.startswith("The sun was shining on the sea,\n")
    assert text.endswith("They'd eaten every one.\n")
    assert vocabulary(text) == "".join(sorted(set(text)))
    assert len(vocabulary(text)) == 51


@given(st.text(st.characters(), min_size=1, max_size=30))
def test_decode_undoes_encode(text):
    assert decode(encode(text, vocabulary(text)), vocabulary(text)) == text


def test_windows_are_cut_from_the_text_and_ask_for_what_follows():
    text = walrus()
    data = windows(rng(), text, 200, 20)
    letters = vocabulary(text)
    for x, y in zip(data.x.argmax(-1).T, data.y.T, strict=True):
        assert decode(np.append(x, y[-1]), letters) in text
        assert (x[1:] == y[:-1]).all()
    one = windows(rng(), "ab", 50, 1)
    assert decode(one.x.argmax(-1)[0], "ab") == 50 * "a"
    assert (one.y == 1).all()
    ends = windows(rng(), "abcd", 100, 2)
    assert set(ends.y[-1]) == {2, 3}  # the first window and the last one


def test_the_baseline_of_windows_is_the_entropy_of_the_letters():
    data = windows(rng(), "aaab" * 500, 2000, 10)
    assert data.baseline == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    loss = -np.log(np.array([0.75, 0.25])[data.y]).mean()
    assert loss == pytest.approx(data.baseline, rel=0.05)
    assert data.error == 0.25 == pytest.approx(np.mean(data.y != 0), abs=0.02)


def test_digits_are_cut_into_disjoint_parts_that_hold_them_all(oracle):
    every = oracle("sklearn.datasets").load_digits()
    train_x, train_y, test_x, test_y = digits(rng(), test=0.2)
    assert len(train_x) + len(test_x) == 1797
    assert train_x.shape[1:] == (8, 8)
    assert train_x.min() == 0
    assert train_x.max() == 1
    assert train_x.dtype == float
    rows = [
        bytes([label]) + image.tobytes()
        for x, y in ((train_x, train_y), (test_x, test_y))
        for image, label in zip(x, y, strict=True)
    ]
    whole = [
        bytes([label]) + (image / 16).tobytes()
        for image, label in zip(every.images, every.target, strict=True)
    ]
    assert sorted(rows) == sorted(whole)
    assert not set(rows[: len(train_x)]) & set(rows[len(train_x) :])
    counts = np.bincount(test_y)
    assert counts.tolist() == [round(0.2 * k) for k in np.bincount(every.target)]


def test_digits_repeat_with_the_seed(oracle):
    oracle("sklearn.datasets")
    one, same, other = (digits(rng(seed)) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert (one[3] != other[3]).any()


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(
        ImportError, match="digits: expected the package scikit-learn: pip install scikit-learn"
    ):
        digits(rng())


def test_pixels_come_line_by_line_or_in_the_order_given():
    straight = pixels(IMAGES, LABELS)
    assert (straight.x[..., 0].T.reshape(IMAGES.shape) == IMAGES).all()
    assert (straight.y[0] == LABELS).all()
    order = rng().permutation(12)
    mixed = pixels(IMAGES, LABELS, order)
    assert (mixed.x[..., 0] == np.array([image.ravel()[order] for image in IMAGES]).T).all()
    assert pixels(IMAGES.astype("f4"), LABELS).x.dtype == "f4"


def test_the_baseline_of_pixels_is_that_of_the_frequencies():
    labels = np.array([0, 0, 0, 2])
    data = pixels(np.ones((4, 2, 2)), labels)
    u = np.log(np.array([0.75, 1e-300, 0.25]))
    assert data.baseline == pytest.approx(cross_entropy(np.tile(u, (4, 1)), labels)[0])
    assert data.error == 0.25


@settings(deadline=None)
@given(length=st.integers(1, 12), reverse=st.booleans(), seed=st.integers(0, 99))
def test_translation_is_word_by_word_with_neighbours_exchanged(length, reverse, seed):
    data = translation(rng(seed), 3, length, WORDS, reverse)
    source = data.source.argmax(-1)
    given = data.given.argmax(-1)
    start = 8
    end = 9
    assert data.source.shape == (length, 3, 8)
    assert data.given.shape == (length + 1, 3, 10)
    assert (given[0] == start).all()
    assert (given[1:] == data.y[:-1]).all()
    assert (data.y[-1] == end).all()
    places = [0]  # of each target word in the source
    for k in range(1, length, 2):
        places += [k + 1, k] if k + 1 < length else [k]
    read = source[::-1] if reverse else source
    assert (data.y[:-1] == WORDS[read[places]]).all()
    heard = [length - p if reverse else p + 1 for p in places]
    assert data.lags.tolist() == [length + k + 1 - at for k, at in enumerate(heard)]


def test_reversing_shortens_the_first_way_and_not_the_average():
    straight, reverse = (translation(rng(), 4, 9, WORDS, r) for r in (False, True))
    assert (straight.lags[0], reverse.lags[0]) == (9, 1)
    assert straight.lags.mean() == reverse.lags.mean() == 9
    assert (straight.y == reverse.y).all()
    assert (straight.source == reverse.source[::-1]).all()


def test_the_baseline_of_translation_is_that_of_a_deaf_decoder():
    data = translation(rng(), 5000, 4, WORDS)
    share = np.array([np.bincount(y, minlength=10) / 5000 for y in data.y])
    entropy = -sum((s[s > 0] * np.log(s[s > 0])).sum() for s in share) / 5
    assert entropy == pytest.approx(data.baseline, rel=1e-3)
    assert (1 - share.max(-1)).mean() == pytest.approx(data.error, abs=0.02)
    assert translation(rng(), 0, 4, WORDS).source.shape == (4, 0, 8)


def test_one_hot_counts_from_the_first_axis():
    assert one_hot(np.zeros((2, 0), int), 3).shape == (2, 0, 3)
    assert (one_hot(np.arange(3, dtype="u1"), 3) == np.eye(3)).all()


CASES = {
    "no second half": (lambda: adding(rng(), 3, 1), ValueError, "T: expected at least 2, got 1"),
    "no delay": (lambda: copying(rng(), 3, 0), ValueError, "delay: expected at least 1, got 0"),
    "too short for an order": (
        lambda: temporal_order(rng(), 3, 9),
        ValueError,
        "T: expected at least 10, got 9",
    ),
    "classes too large": (
        lambda: one_hot(np.array([3]), 3),
        ValueError,
        "classes: .* from 0 to 2, got 3 to 3",
    ),
    "no text": (lambda: vocabulary(""), ValueError, "text: expected at least 1 characters, got 0"),
    "unknown letter": (
        lambda: encode("help", "helo"),
        ValueError,
        "text: expected only .* 'helo', got 'p'",
    ),
    "letter twice": (
        lambda: encode("hello", "hello"),
        ValueError,
        "letters: expected each character once",
    ),
    "classes of two axes": (
        lambda: decode(np.zeros((1, 1), int), "a"),
        ValueError,
        r"classes: .* shape \(1, 1\)",
    ),
    "text too short": (
        lambda: windows(rng(), "abc", 1, 3),
        ValueError,
        "text: expected more than T = 3 .* got 3",
    ),
    "images flat": (
        lambda: pixels(IMAGES[0], LABELS),
        ValueError,
        r"images: .* got shape \(4, 3\)",
    ),
    "no images": (
        lambda: pixels(IMAGES[:0], LABELS[:0]),
        ValueError,
        "images: expected at least one",
    ),
    "labels too few": (
        lambda: pixels(IMAGES, LABELS[1:]),
        ValueError,
        "labels: expected 30, one for each image",
    ),
    "order of half": (
        lambda: pixels(IMAGES, LABELS, np.arange(6)),
        ValueError,
        "order: expected each of 0 … 11 once",
    ),
    "dictionary empty": (
        lambda: translation(rng(), 1, 3, WORDS[:0]),
        ValueError,
        "dictionary: expected at least one",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
