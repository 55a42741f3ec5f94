"""The causes that a report may name, the chapter that explains each, and what to do."""

import textwrap
from dataclasses import dataclass, field
from typing import NamedTuple


class Chapter(NamedTuple):
    """A chapter of the book: its title and its file."""

    title: str
    file: str

    def __str__(self):
        return f"{self.title} ({self.file})"


def _chapter(title, name):
    return Chapter(title, f"notebooks/{name}.ipynb")


ACTIVATIONS = _chapter("Activations: what squashing does to a slope", "activations")
BACKPROPAGATION = _chapter("Backpropagation step by step", "backpropagation")
CLIFFS = _chapter("Cliffs and clipping", "cliffs-and-clipping")
DEPTH = _chapter("Depth: how fast a gradient fades", "depth")
DESCENT = _chapter("Gradient descent: batch, stochastic, mini-batch", "gradient-descent")
GATES = _chapter("Gates: a memory that keeps by default", "gates")
INITIALISATION = _chapter("Initialisation: a start that keeps the signal alive", "initialisation")
LOSSES = _chapter("Where the gradient starts", "losses")
NORMALISATION = _chapter("Normalisation: what it does to the backward pass", "normalisation")
ONE_STEP = _chapter("One step of learning", "one-step-of-learning")
OPTIMISERS = _chapter("Optimisers: seven rules, in depth and in time", "optimisers")
REGULARISATION = _chapter("Regularisation", "regularisation")
TAPE = _chapter("Any program: a tape", "tape")
THROUGH_TIME = _chapter("Through time", "through-time")
YOUR_OWN = _chapter("Your own network", "your-own-network")

# In the order of origin: what stands higher can bring about what stands lower.
CHAPTERS = {
    "not finite, forward": LOSSES,
    "not finite, backward": BACKPROPAGATION,
    "evaluation mode": REGULARISATION,
    "target shape": LOSSES,
    "negated loss": LOSSES,
    "double softmax": LOSSES,
    "missing logarithm": LOSSES,
    "softmax over examples": LOSSES,
    "mixed examples": YOUR_OWN,
    "answer in input": YOUR_OWN,
    "frozen": BACKPROPAGATION,
    "cut off": TAPE,
    "not in optimizer": OPTIMISERS,
    "symmetric start": INITIALISATION,
    "input scale": NORMALISATION,
    "output bounded": ACTIVATIONS,
    "dead units": ACTIVATIONS,
    "saturated": ACTIVATIONS,
    "exploding": DEPTH,
    "vanishing": DEPTH,
    "ignores input": ONE_STEP,
    "short reach": THROUGH_TIME,
    "loud start": INITIALISATION,
    "below epsilon": OPTIMISERS,
    "lost to rounding": OPTIMISERS,
    "clipped": CLIFFS,
    "step too large": DESCENT,
    "step too small": DESCENT,
    "too much decay": REGULARISATION,
}
IN_WORDS = {
    "not finite, forward": "Not finite on the way forward",
    "not finite, backward": "Not finite on the way back",
    "evaluation mode": "Something is in the wrong mode",
    "target shape": "Outputs and targets have two shapes",
    "negated loss": "The loss has the wrong sign",
    "double softmax": "Softmax or sigmoid twice",
    "missing logarithm": "The loss wants logarithms",
    "softmax over examples": "The softmax runs over the examples",
    "mixed examples": "The examples of a batch are mixed",
    "answer in input": "The answer is in the input",
    "frozen": "Weights that should learn are frozen",
    "cut off": "The gradient is cut off",
    "not in optimizer": "The optimiser does not have all weights",
    "symmetric start": "All units start alike",
    "input scale": "The inputs have the wrong size",
    "output bounded": "The output cannot reach the targets",
    "dead units": "Dead units",
    "saturated": "Units at their flat ends",
    "exploding": "The gradient explodes",
    "vanishing": "The gradient vanishes",
    "ignores input": "The output ignores the input",
    "short reach": "Only the last steps are heard",
    "loud start": "A loud start",
    "below epsilon": "Gradients below the optimiser's epsilon",
    "lost to rounding": "Updates are lost to rounding",
    "clipped": "Nearly all of each gradient is clipped away",
    "step too large": "The step is too large",
    "step too small": "The step is too small",
    "too much decay": "The weights decay faster than they learn",
}
IN_TIME = {"exploding": CLIFFS, "vanishing": THROUGH_TIME, "short reach": GATES}

# What a cause brings about: such a finding beside it is most likely no fault of its own.
BRINGS = {
    "evaluation mode": {"not finite, forward", "exploding", "vanishing", "ignores input"},
    "symmetric start": {"ignores input", "vanishing", "step too small", "below epsilon"},
    "input scale": {
        *("dead units", "saturated", "exploding", "vanishing", "loud start"),
        *("step too large", "step too small", "ignores input"),
    },
    "output bounded": {"dead units", "saturated", "vanishing", "ignores input", "step too small"},
    "dead units": {"vanishing", "ignores input", "step too small", "below epsilon"},
    "saturated": {"vanishing", "short reach", "step too small", "below epsilon", "ignores input"},
    "cut off": {"vanishing", "short reach", "ignores input"},
    "vanishing": {"short reach", "below epsilon", "step too small", "ignores input"},
    "exploding": {"loud start", "step too large"},
    "loud start": {"step too large"},
    "mixed examples": {"ignores input", "short reach", "vanishing"},
    "double softmax": {"step too small", "vanishing"},
}


def chapter_of(cause, in_time=False):
    """The chapter that explains a cause; of some there is another one for recurrent nets."""
    return IN_TIME.get(cause, CHAPTERS[cause]) if in_time else CHAPTERS[cause]


@dataclass(frozen=True)
class Finding:
    """Something in a model that is most likely the reason, or a reason, why it does not learn.

    Attributes
    ----------
    cause : str
        One of the words of ``gradtrace.torch.verdict.causes.CHAPTERS``.
    module : str
        The module, as in ``model.named_modules()``, with the number of its call where that
        matters; empty if it is no matter of one module.
    sentence : str
        What was seen.
    chapter : Chapter
        Of the book: its title and file.
    evidence : dict of str to float
        The numbers that the sentence rests on.
    remedy : str
        What to try first.

    Examples
    --------
    >>> from gradtrace.torch.verdict.causes import found
    >>> print(found("dead units", "1", "All 64 units give zero.", "Lower the learning rate."))
    dead units in 1
      seen  All 64 units give zero.
      do    Lower the learning rate.
      read  Activations: what squashing does to a slope
            (notebooks/activations.ipynb)
    """

    cause: str
    module: str
    sentence: str
    chapter: Chapter
    evidence: dict[str, float] = field(default_factory=dict)
    remedy: str = ""

    def __str__(self):
        where = f" in {self.module}" if self.module else ""
        told = {"seen": self.sentence, "do": self.remedy, "read": str(self.chapter)}
        lines = [_with_a_margin(name, text) for name, text in told.items() if text]
        return "\n".join([self.cause + where, *lines])


def _with_a_margin(name, text):
    """A word, and beside it a text that is as wide as a terminal or a page of the book."""
    return textwrap.fill(
        text,
        79,
        initial_indent=f"  {name:<6}",
        subsequent_indent=8 * " ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def found(cause, module, sentence, remedy, in_time=False, **evidence):
    """A finding with the chapter of its cause."""
    return Finding(cause, module, sentence, chapter_of(cause, in_time), evidence, remedy)
