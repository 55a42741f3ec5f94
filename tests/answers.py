"""Answers to a number and a choice, and what is said to them, with a kernel as on a page."""

from gradtrace.notebook.exercises import Choice, Number

FADE = Number(
    9.966, rtol=0.01, unit="layers", why="Three decades.", hints=[(3, "those are decades.")]
)
ROW = Number([1.0, 20.0], hints=[([20.0, 1.0], "the other way round.")])
STEPS = Number(21, unit="steps")
NUMBERS = [
    (STEPS, "22", False, "Not yet: too large."),
    (STEPS, "20.5", False, "Not yet: you are near; give it more precisely."),
    (FADE, "9.97", True, "Right. Three decades."),
    (FADE, "3", False, "Not yet: those are decades."),
    (FADE, "-9.97", False, "Not yet: the sign is the other one."),
    (FADE, "0.1003", False, "Not yet: it is the other way up: one over it."),
    (FADE, "99.6", False, "Not yet: the digits are right, the power of ten is another."),
    (FADE, "0.997", False, "Not yet: the digits are right, the power of ten is another."),
    (FADE, "10.3", False, "Not yet: you are near; give it more precisely."),
    (FADE, "8", False, "Not yet: too small."),
    (FADE, "12", False, "Not yet: too large."),
    (FADE, "0", False, "Not yet: too small."),
    (FADE, "Infinity", False, "Not yet: it is not a finite number."),
    (ROW, "1, 20", True, "Right."),
    (ROW, "20, 1", False, "Not yet: the other way round."),
    (ROW, "1, 25", False, "Not yet: number 2 in the row: too large."),
]
GROWS = Choice(["grows", "stays", "fades"], "fades", hints={"grows": "0.9 < 1."}, why="0.9 < 1.")
CHOICES = [
    ("fades", True, "Right. 0.9 < 1."),
    ("grows", False, "Not yet: 0.9 < 1."),
    ("stays", False, "Not yet: it is not 'stays'."),
]
