"""Small data that can really be learned: images, tables, a poem, and tasks made up on the spot."""

import functools

import numpy as np
import torch
from sklearn import datasets

from gradtrace.data.text import encode, vocabulary, walrus

# --- images and tables of scikit-learn ---


@functools.cache
def digits():
    """Images (n, 1, 8, 8) with pixels from 0 to 16 and labels, to train and to test with."""
    images, labels = datasets.load_digits(return_X_y=True)
    return halves(images.reshape(-1, 1, 8, 8), labels)


def halves(x, y, test=0.25):
    """``(train, test)``, each ``(x, y)``: a fixed random cut."""
    order = np.random.default_rng(0).permutation(len(y))
    cut = int(len(y) * (1 - test))
    x = torch.tensor(x, dtype=torch.float32)
    y = torch.tensor(y)
    y = y if y.dtype == torch.int64 else y.float()
    rows = torch.tensor(order)
    return (x[rows[:cut]], y[rows[:cut]]), (x[rows[cut:]], y[rows[cut:]])


def standard_digits(flat=False):
    """The images with mean 0 and deviation 1 over all pixels; as rows of 64 if ``flat``."""
    train, test = digits()
    mean, deviation = train[0].mean(), train[0].std()
    parts = []
    for x, y in (train, test):
        x = (x - mean) / deviation
        parts.append((x.flatten(1) if flat else x, y))
    return parts


def quarter_turned(data):
    """The images turned by a quarter, as rows of 64, and their labels."""
    return data[0].rot90(1, (2, 3)).flatten(1), data[1]


def strokes_in_noise(data, noise, seed):
    """Raw images under noise, and which of their pixels belong to the digit, 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    x, _ = data
    return x / 8 - 1 + noise * torch.randn(x.shape, generator=generator), (x > 4).float()


def table(name, standard=True):
    """``wine``, ``breast_cancer`` or ``iris`` as ``(train, test)``, columns standardised or raw."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    train, test = halves(x, y)
    if not standard:
        return train, test
    mean, deviation = train[0].mean(0), train[0].std(0)
    return [((x - mean) / deviation, y) for x, y in (train, test)]


# --- functions to fit ---


def waves(n, inputs=1, seed=0, noise=0.0):
    """Points in [-1, 1] and, of shape (n, 1), a smooth function of them with variance about 1/2."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, inputs))
    frequency = np.linspace(1.5, 3, inputs)
    y = np.sin(np.pi * frequency * x).sum(1, keepdims=True) / np.sqrt(inputs)
    y = y + noise * rng.standard_normal(y.shape)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def spirals(n, seed=0, arms=3):
    """Points of interleaved spirals, with deviation about 1, and the number of their arm."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(arms, size=n)
    radius = np.sqrt(rng.uniform(0.02, 1, n))
    angle = 4 * radius + 2 * np.pi * arm / arms
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1) * 2
    x = x + 0.03 * rng.standard_normal(x.shape)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(arm)


# --- text ---


@functools.cache
def poem():
    """The characters of a poem of 3275 as integers, and how many different ones there are."""
    text = walrus()
    letters = vocabulary(text)
    return torch.tensor(np.asarray(encode(text, letters))), len(letters)


def windows(length, size, seed):
    """A function that draws ``(characters, next characters)``, both (size, length)."""
    text, _ = poem()
    generator = torch.Generator().manual_seed(seed)

    def draw():
        starts = torch.randint(len(text) - length - 1, (size, 1), generator=generator)
        places = starts + torch.arange(length + 1)
        return text[places[:, :-1]], text[places[:, 1:]]

    return draw


# --- sequences ---


def sequences(make, size, seed):
    """A function that draws from ``make(size, generator)`` anew each time."""
    generator = torch.Generator().manual_seed(seed)
    return lambda: make(size, generator)


def first_symbol(length, symbols=4):
    """A task: name the first symbol of a sequence of one-hot symbols (size, length, symbols)."""

    def make(size, generator):
        ids = torch.randint(symbols, (size, length), generator=generator)
        return torch.nn.functional.one_hot(ids, symbols).float(), ids[:, 0]

    return make


def loud_first_symbol(length, symbols=4):
    """The same task, with all but the first symbol ten times smaller."""
    task = first_symbol(length, symbols)

    def make(size, generator):
        x, label = task(size, generator)
        x[:, 1:] *= 0.1
        return x, label

    return make


def adding(length):
    """A task: add the two numbers that are marked, (size, length, 2) to (size, 1)."""

    def make(size, generator):
        numbers = torch.rand(size, length, generator=generator)
        marks = torch.zeros(size, length)
        rows = torch.arange(size)
        half = length // 2
        marks[rows, torch.randint(half, (size,), generator=generator)] = 1
        marks[rows, half + torch.randint(length - half, (size,), generator=generator)] = 1
        total = (numbers * marks).sum(1, keepdim=True)
        return torch.stack([numbers, marks], -1), total

    return make


def reversal(length, symbols=8):
    """A task: a sequence of symbols (size, length) and the same backwards."""

    def make(size, generator):
        ids = torch.randint(symbols, (size, length), generator=generator)
        return ids, ids.flip(1)

    return make


def bags(length, symbols=30, padding=0):
    """A task: is the larger half of the symbols in the majority; padded rows and their mask.

    Draws ``((ids, padded), label)`` with ids (size, length), True where padded.
    """

    def make(size, generator):
        ids = torch.randint(1, symbols, (size, length), generator=generator)
        lengths = torch.randint(length // 3, length + 1, (size, 1), generator=generator)
        padded = torch.arange(length) >= lengths
        large = ((ids > symbols // 2) & ~padded).sum(1)
        return (ids.masked_fill(padded, padding), padded), (2 * large > lengths[:, 0]).long()

    return make
