"""The exercises of the chapter on long-range tasks."""

import numpy as np

from gradtrace import LSTM
from gradtrace.notebook.exercises import Choice, Function, Number

keep_half = 0.5 ** (1 / 1000)


# 4: the line of a classification task


def frequencies(y, kinds):
    return np.bincount(y, minlength=kinds) / len(y)


def entropy(y, kinds):
    often = frequencies(y, kinds)
    often = often[often > 0]
    return -np.sum(often * np.log(often))


def in_bits(y, kinds):
    return entropy(y, kinds) / np.log(2)


def all_alike(y, kinds):
    return np.log(kinds)


def log_of_commonest(y, kinds):
    return -np.log(frequencies(y, kinds).max())


def share_of_wrong(y, kinds):
    return 1 - frequencies(y, kinds).max()


def with_nan(y, kinds):
    often = frequencies(y, kinds)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.sum(often * np.log(often))


def not_weighted(y, kinds):
    often = frequencies(y, kinds)
    return -np.log(often[often > 0]).mean()


def summed(y, kinds):
    return len(y) * entropy(y, kinds)


# 5: biases that remember


def by_the_package(tau):
    """The biases of one unit after the other, sorted by gate."""
    b = np.log(tau)
    by_unit = LSTM(1, 1).bias(i=-b, f=b)  # (units, 4)
    return by_unit.T.ravel()


def piece(i, f, o=0.0):
    """A wrong answer: what the gates get, as a function of ln τ."""

    def answer(tau):
        b = np.log(tau)
        zero = np.zeros(len(tau))
        return np.concatenate([i * b, f * b, o + zero, zero])

    return answer


def of_the_gate(tau):
    f = tau / (1 + tau)
    zero = np.zeros(len(tau))
    return np.concatenate([-f, f, zero, zero])


def forget_first(tau):
    b = np.log(tau)
    zero = np.zeros(len(tau))
    return np.concatenate([b, -b, zero, zero])


def unit_by_unit(tau):
    b = np.log(tau)
    zero = np.zeros(len(tau))
    return np.stack([-b, b, zero, zero], axis=1).ravel()


EXERCISES = {
    1: Number(
        500,
        rtol=1e-6,
        unit="steps",
        hints=[
            (999, "that is the most: a mark at the very first step."),
            (1000, "count from the marked step to the last one."),
            (0, "one of the two lies in the first half."),
            (
                501,
                "the last step of the first half is step 500, and the answer"
                " is due at step 1000.",
            ),
        ],
        why="The first mark falls on one of the steps 1 to 500, the answer on"
        " step 1000.",
    ),
    2: Number(
        np.log(keep_half / (1 - keep_half)),
        hints=[
            (np.log(1000), "that keeps 1/e, not a half."),
            (
                keep_half,
                "that is the gate; the bias is what goes into the sigmoid.",
            ),
            (
                np.log(0.5 / 1000),
                "that is about ln of how fast the gate leaks; the bias is"
                " ln(f / (1 - f)).",
            ),
        ],
        why="It is a little more than ln 1000.",
    ),
    3: Choice(
        ["the first", "the second", "both"],
        "the first",
        hints={
            "the second": "compare each with its line, 10 ln 8 over the"
            " number of steps.",
            "both": "the line over 2000 blanks is itself about 0.01.",
        },
        why="Its line is 0.173. That of the second is 10 ln 8 / 2020, about"
        " the loss that was reported. A loss says nothing without its line.",
    ),
    4: Function(
        entropy,
        cases={
            "four classes": (np.array([0, 1, 2, 2, 3, 3, 3, 3]), 4),
            "two classes": (np.array([0, 0, 0, 1]), 2),
            "a class that never occurs": (np.array([0, 0, 3, 1, 0]), 4),
            "one class alone": (np.array([1, 1, 1]), 2),
        },
        hints=[
            (in_bits, "that is in bits; nats need the natural logarithm."),
            (
                all_alike,
                "that is right if all classes are as likely. Use the"
                " frequencies of the answers.",
            ),
            (
                log_of_commonest,
                "that is the loss on the commonest class alone; take the mean"
                " over all answers.",
            ),
            (
                share_of_wrong,
                "that is the share of wrong answers; the loss is -ln of the"
                " probability that the right class was given.",
            ),
            (
                with_nan,
                "0 · ln 0 is nan in numpy. Leave out the classes that never"
                " occur: they cost nothing.",
            ),
            (
                not_weighted,
                "each -ln of a frequency counts as often as its class occurs.",
            ),
            (summed, "that is the sum over the answers, not their mean."),
        ],
        why="It is called the entropy of the answers.",
    ),
    5: Function(
        by_the_package,
        cases={
            "two units": (np.array([1.0, 100.0]),),
            "four units": (np.array([2.0, 10.0, 30.0, 500.0]),),
            "one unit": (np.array([50.0]),),
        },
        hints=[
            (piece(1, 1), "the input gates get the opposite: -ln τ."),
            (piece(0, 1), "the input gates get a bias, too: -ln τ."),
            (
                forget_first,
                "the order is input, forget, output, candidate; yours begins"
                " with forget.",
            ),
            (
                of_the_gate,
                "τ/(1 + τ) is the gate itself. The bias goes into the"
                " sigmoid: ln τ.",
            ),
            (
                unit_by_unit,
                "the order is by gate: first the input gates of all units,"
                " then their forget gates.",
            ),
        ],
    ),
}
