"""What readers are shown: the source that runs."""

from gradtrace import RNN, Seq, clip_norm
from gradtrace.notebook import show


def test_show_prints_the_source_that_runs_without_docstring_or_decorator():
    source = show(RNN)
    assert source.startswith("def step(self, p, h, x):")
    assert "vjp" in source
    assert '"""' not in show(clip_norm)
    assert "total_log_norm" in show(clip_norm)
    assert show(Seq)._repr_markdown_().startswith("```python\ndef step")
    assert repr(source) == str(source)
