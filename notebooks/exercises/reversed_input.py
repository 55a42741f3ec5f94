"""The exercises of the chapter on reversed input."""

import numpy as np

from gradtrace import RNN, backward, forward, unroll
from gradtrace.notebook.exercises import Choice, Function, Number

# 1: a trick in numbers

distances = 2 * np.arange(20) + 1
straight = 0.8**20


# 3: bidirectional encoders


def shortest(T):
    return np.minimum(T, 2 * np.arange(1, T + 1) - 1)


# 4: two passes, joined


def two_chains(T, S, batch, n, seed):
    """Arguments for exercise 4."""
    rng = np.random.default_rng(seed)
    W_enc = rng.standard_normal((n, n)) / np.sqrt(n)
    W_dec = rng.standard_normal((n, n)) / np.sqrt(n)
    h = np.zeros((T + 1, batch, n))
    h[0] = rng.uniform(-0.5, 0.5, (batch, n))
    for t in range(1, T + 1):
        h[t] = np.tanh(h[t - 1] @ W_enc + rng.standard_normal((batch, n)))
    s = np.zeros((S + 1, batch, n))
    s[0] = h[T]
    for t in range(1, S + 1):
        s[t] = np.tanh(s[t - 1] @ W_dec + rng.standard_normal((batch, n)))
    g = rng.standard_normal((S + 1, batch, n))
    g[0] = 0
    return h, s, g, W_enc, W_dec


def pullbacks(h, W):
    """The pullbacks of an RNN that goes through these states."""
    n = len(W)
    p = {"W": W, "U": np.eye(n), "b": np.zeros(n)}
    x = np.arctanh(h[1:]) - h[:-1] @ W
    _, vjps = forward(unroll(RNN(n, n), p, x), h[0])
    return vjps


def by_the_package(h, s, g, W_enc, W_dec):
    of_decoder = backward(pullbacks(s, W_dec), [None, *g[1:]])
    of_encoder = backward(pullbacks(h, W_enc), of_decoder.h[0])
    return of_encoder.shared()["W"], of_decoder.shared()["W"]


def walk(h, g, W, *, slope=True, transpose=True, after=False, losses=True):
    """∂L/∂W of one chain, ∂L/∂h_0 and d_1."""
    total = np.zeros_like(W)
    back = d = np.zeros_like(h[0])
    for t in range(len(h) - 1, 0, -1):
        direct = g[t] if losses or t == len(h) - 1 else 0
        d = direct + back
        if slope:
            d = d * (1 - h[t] ** 2)
        total = total + h[t if after else t - 1].T @ d
        back = d @ (W.T if transpose else W)
    return total, back, d


def wrong(joint="s_0", swap=False, **piece):
    """A wrong answer to exercise 4, with another joint or another walk."""

    def answer(h, s, g, W_enc, W_dec):
        if swap:
            W_enc, W_dec = W_dec, W_enc
        of_decoder, at_s_0, d_1 = walk(s, g, W_dec, **piece)
        on_encoder = np.zeros_like(h)
        handed = {"s_0": at_s_0, "d_1": d_1, "loss": g[-1], "nothing": 0}
        on_encoder[-1] = handed[joint]
        of_encoder, _, _ = walk(h, on_encoder, W_enc, **piece)
        return of_encoder, of_decoder

    return answer


EXERCISES = {
    1: Number(
        np.mean(0.8**distances) / straight,
        hints=[
            (1, "the mean distances are equal; the means of powers are not."),
            (0.8 / straight, "that is the first word alone."),
            (np.sum(0.8**distances) / straight, "the mean, not the sum."),
            (
                np.mean(0.8 ** (distances + 1)) / straight,
                "the first distance is 1.",
            ),
        ],
        why="The distances are 1, 3, …, 39; straight, all are 20.",
    ),
    2: Choice(
        ["unequal distances", "one rule", "both", "neither"],
        "one rule",
        hints={
            "unequal distances": "a shuffle makes distances unequal, too.",
            "both": "unequal distances still raise the mean of w^k.",
            "neither": "with another permutation for each length, the word"
            " next to the decoder is another one for each length.",
        },
        why="The word close to the decoder is then somewhere in the sentence,"
        " at another place for each length. Unequal distances still raise the"
        " mean of w^k.",
    ),
    3: Function(
        shortest,
        cases={"four words": (4,), "seven words": (7,), "one word": (1,)},
        hints=[
            (
                lambda T: 2 * np.arange(1, T + 1) - 1,
                "that is the way through the encoder that reads in reverse;"
                " take the shorter of the two.",
            ),
            (
                lambda T: np.full(T, T),
                "that is the way through the encoder that reads straight;"
                " take the shorter of the two.",
            ),
            (
                lambda T: np.minimum(T, 2 * np.arange(1, T + 1)),
                "the last word read and the first word said are one step"
                " apart.",
            ),
            (
                lambda T: np.maximum(T, 2 * np.arange(1, T + 1) - 1),
                "these are the longer ways.",
            ),
            (
                lambda T: np.minimum(T, np.arange(1, T + 1)),
                "word t is read t - 1 steps before the end of the encoder,"
                " and said t steps after it.",
            ),
        ],
        why="What counts for the gradient is the shorter way.",
    ),
    4: Function(
        by_the_package,
        cases={
            "three words and four": two_chains(3, 4, 2, 3, seed=0),
            "one step each": two_chains(1, 1, 1, 2, seed=1),
            "one sample": two_chains(4, 2, 1, 3, seed=2),
        },
        returns=("∂L/∂W_enc", "∂L/∂W_dec"),
        hints=[
            (
                wrong(joint="nothing"),
                "nothing reaches the encoder. Its pass starts with ∂L/∂s_0,"
                " which the decoder's pass ends with.",
            ),
            (
                wrong(joint="d_1"),
                "the decoder is right. What it hands to the encoder is d_1;"
                " it still has to pass the decoder's weights, d_1 Wᵀ.",
            ),
            (
                wrong(joint="loss"),
                "the encoder gets the gradient of the last word, past all"
                " the decoder's steps. It should get ∂L/∂s_0.",
            ),
            (wrong(swap=True), "the two weights are exchanged."),
            (wrong(slope=False), "the slope of tanh is missing: 1 - h_t²."),
            (
                wrong(transpose=False),
                "a transpose is missing: what goes back is d Wᵀ.",
            ),
            (
                wrong(after=True),
                "W multiplied the state before the step: h_{t-1}ᵀ d_t.",
            ),
            (
                wrong(losses=False),
                "the loss is heard at the last word only. Add g[t] at every"
                " step of the decoder.",
            ),
        ],
        why="One loss, two chains, one gradient.",
    ),
}
