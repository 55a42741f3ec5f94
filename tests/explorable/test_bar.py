"""The bar speaks up after a second, to a reader only, and leaves nothing behind."""

import io
import sys
import time

import pytest
from jupyter_client.manager import start_new_kernel

from explorable.progress import bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def busy(seconds, ends=4):
    with bar(3, "counting") as shown:
        for k in range(3):
            time.sleep(seconds)
            shown.update()
            if k + 1 == ends:
                raise KeyboardInterrupt


def screen(text):
    """What a terminal shows of the last line in the end."""
    cells = []
    for part in text.split("\r"):
        cells[: len(part)] = part
    return "".join(cells).strip()


@pytest.mark.parametrize("ends", [4, 3, 2])
def test_a_reader_at_a_terminal_sees_it_come_and_go(monkeypatch, ends):
    monkeypatch.setattr(sys, "stderr", Terminal())
    try:
        busy(0.6, ends)
    except KeyboardInterrupt:
        assert ends < 4
    said = sys.stderr.getvalue()
    assert "counting:  67%" in said
    assert "2/3" in said
    assert "\n" not in said
    assert screen(said) == ""


def test_what_takes_less_than_a_second_goes_unmentioned(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    busy(0.01)
    assert screen(sys.stderr.getvalue()) == ""
    assert "counting" not in sys.stderr.getvalue()


def test_without_a_reader_it_is_silent(capfd):
    busy(0.6)
    assert capfd.readouterr() == ("", "")


def test_without_any_stderr_it_is_silent(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    busy(0.0)


CELL = """
import time
from explorable.progress import bar
try:
    with bar(3, "counting") as shown:
        for k in range(2 if {early} else 3):
            time.sleep(0.6)
            shown.update()
        1 / (not {early})
except ZeroDivisionError:
    print(type(shown).__mro__)
"""


@pytest.mark.parametrize("reader", [True, False])
def test_in_a_notebook_only_a_reader_sees_it_come_and_go(reader):
    """Whoever executes notebooks without a reader, as nbclient and nbval do, allows no input."""
    manager, client = start_new_kernel()
    said = []
    try:
        for early in (True, False):
            client.execute_interactive(
                CELL.format(early=early),
                allow_stdin=reader,
                timeout=60,
                output_hook=lambda m: said.append((m["msg_type"], m["content"])),
            )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    kinds = [kind for kind, _ in said]
    assert "tqdm.notebook" in "".join(content["text"] for kind, content in said if kind == "stream")
    assert kinds.count("display_data") == kinds.count("comm_close") == (2 if reader else 0)
    assert reader or not any(kind.startswith("comm_") for kind in kinds)
