"""What readers are told: the source that runs, and what is wrong with an answer."""

import numpy as np
import pytest

from gradtrace import RNN, Seq, clip_norm
from gradtrace.notebook import check_answer, show


def test_show_prints_the_source_that_runs_without_docstring_or_decorator():
    source = show(RNN)
    assert source.startswith("def step(self, p, h, x):")
    assert "vjp" in source
    assert '"""' not in show(clip_norm)
    assert "total_log_norm" in show(clip_norm)
    assert show(Seq)._repr_markdown_().startswith("```python\ndef step")
    assert repr(source) == str(source)


HINTS = [(117.39, "that has one factor too many.")]


@pytest.mark.parametrize(
    "yours, said",
    [
        (..., "Not answered yet"),
        (106.72, "Right."),
        (np.float64(106.719), "Right."),
        (117.39, "Not yet: that has one factor too many."),
        (213.44, "too large, by a factor of 2."),
        ("many", "Not yet: 'many' is not the answer."),
        ([106.72], "the shape should be ()"),
        (None, "a number or an array of numbers is expected"),
        (53.36, "too small, by a factor of 0.5."),
    ],
)
def test_check_answer_says_what_is_wrong(yours, said, capsys):
    check_answer(yours, 106.72, hints=HINTS)
    assert said in capsys.readouterr().out


def test_check_answer_takes_words(capsys):
    check_answer(" Vanish ", "vanish")
    assert capsys.readouterr().out == "Right.\n"
