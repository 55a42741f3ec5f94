"""The exercises of the chapter on characters."""

import numpy as np

from gradtrace import GRU, RNN, Softmax, flatten_params, unflatten_params
from gradtrace.notebook.exercises import Choice, Function, Number

# 1: a net that writes


def a_writer(cell, n_letters, length, texts, temperature, seed):
    """Arguments for exercise 1; the weights are large."""
    rng = np.random.default_rng(seed)
    p_cell = {}
    for name, shape in cell.shapes().items():
        p_cell[name] = 0.8 * rng.standard_normal(shape)
    p_readout = {
        "W": 2 * rng.standard_normal((cell.n, n_letters)),
        "b": rng.standard_normal(n_letters),
    }
    letter = rng.integers(n_letters, size=texts)
    darts = rng.random((length, texts))
    params = flatten_params([p_cell, p_readout])
    return cell, params, letter, darts, temperature


def hit(y_hat, dart):
    """The piece of the stick that a dart hits."""
    end = 0.0
    for piece, length in enumerate(y_hat):
        end += length
        if dart < end:
            return piece
    return len(y_hat) - 1


def most_likely(y_hat, dart):
    return int(np.argmax(y_hat))


def cooled(u, temperature):
    return u / temperature


def writer(
    *,
    choose=hit,
    heat=cooled,
    reads_itself=True,
    keeps_state=True,
    bias=True,
    with_first=False,
    one_dart=False,
):
    """A text at a time. A wrong answer to exercise 1 has other parts."""

    def write(cell, params, letter, darts, temperature):
        p_cell, p_readout = unflatten_params(params)
        n_letters = len(p_readout["b"])
        softmax = Softmax(n_letters)
        texts = []
        for first, own_darts in zip(letter, darts.T, strict=True):
            h = np.zeros((1, cell.n))
            now = first
            text = [first] if with_first else []
            for i in range(len(own_darts)):
                x = np.eye(n_letters)[[now if reads_itself else first]]
                h_next, _ = cell(p_cell, h, x)
                u = h_next @ p_readout["W"]
                if bias:
                    u = u + p_readout["b"]
                y_hat, _ = softmax({}, heat(u, temperature))
                now = choose(y_hat[0], own_darts[0 if one_dart else i])
                text.append(now)
                if keeps_state:
                    h = h_next
            texts.append(text)
        return np.array(texts).T

    return write


EXERCISES = {
    1: Function(
        writer(),
        cases={
            "one text": a_writer(RNN(4, 5), 4, 12, 1, 1.0, seed=0),
            "three texts": a_writer(RNN(4, 5), 4, 12, 3, 1.0, seed=1),
            "a high temperature": a_writer(RNN(4, 5), 4, 12, 3, 3.0, seed=2),
            "a GRU": a_writer(GRU(5, 6), 5, 12, 2, 0.7, seed=3),
        },
        hints=[
            (
                writer(choose=most_likely),
                "these are the most likely letters. Draw with the darts.",
            ),
            (
                writer(reads_itself=False),
                "the net reads the first letter again and again. It has to"
                " read the letter that it wrote last.",
            ),
            (
                writer(keeps_state=False),
                "every step starts from an empty state; hand the state on.",
            ),
            (
                writer(bias=False),
                'the readout has a bias, too: p_readout["b"].',
            ),
            (
                writer(heat=lambda u, temperature: u * temperature),
                "the logits are divided by the temperature, not multiplied.",
            ),
            (
                writer(heat=lambda u, temperature: u),
                "the temperature has no effect: divide the logits by it.",
            ),
            (
                writer(with_first=True),
                "the first letter is given; return only what is written"
                " after it.",
            ),
            (
                writer(one_dart=True),
                "there is a dart for each letter; you throw the first one"
                " again and again.",
            ),
        ],
        why="Your net can write.",
    ),
    2: Number(
        3.0,
        rtol=0.01,
        hints=[
            (
                4.5,
                "the temperature divides the logits, the logarithms, not the"
                " ratio.",
            ),
            (81, "that would be temperature ½."),
            (18, "heat levels: the ratio gets smaller."),
        ],
        why="u_e - u_o is ln 9, and half of it is ln 3.",
    ),
    3: Number(
        np.array([np.log(2) / 2, 0.0, 0.0]),
        rtol=0.01,
        hints=[
            (
                np.array([np.log(2), 0.0, 0.0]),
                "on hello, only two of the four guesses cost ln 2; take the"
                " mean.",
            ),
            (
                np.array([0.5, 0.0, 0.0]),
                "losses are in nats: ln 2 for a guess between two.",
            ),
            (
                np.array([np.log(2) / 2, 0.0, np.log(2) / 5]),
                "with memory, only the guesses at the very start are"
                " uncertain; per letter they count for less and less.",
            ),
            (
                np.array([np.log(2) / 2, np.log(2) / 3, 0.0]),
                "in helo, every letter has only one that follows.",
            ),
        ],
        why="The first is data.baseline.",
    ),
    4: Choice(
        [
            "the first of each window",
            "the last of each window",
            "all alike",
        ],
        "the first of each window",
        hints={
            "the last of each window": "the last ones have the whole window"
            " before them.",
            "all alike": "the later a guess, the more the net has read.",
        },
        why="They are made without context. And nothing older than the window"
        " can be used, not even by way of the state.",
    ),
}
