"""The bar of long computations: for a reader only, and not at all where tqdm is not installed."""

import io
import subprocess
import sys
import time

from gradtrace.progress import bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def count():
    with bar(3, "counting") as shown:
        for _ in range(3):
            time.sleep(0.6)
            shown.update()
    return shown.n


def test_a_reader_at_a_terminal_sees_it(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert count() == 3
    assert "counting:  67%" in sys.stderr.getvalue()


def test_without_a_reader_it_is_silent(capfd):
    count()
    assert capfd.readouterr() == ("", "")


def test_without_tqdm_it_counts_in_silence(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert count() == 3
    assert capfd.readouterr() == ("", "")


def test_importing_the_package_does_not_import_tqdm():
    code = "import sys, gradtrace.progress; print('tqdm' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == "False"
    )
