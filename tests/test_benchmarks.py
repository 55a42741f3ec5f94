"""The benchmarks: contestants agree, the harness runs, and table, plot and page say what results.json says."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import (  # noqa: E402
    accuracy,
    cold,
    compare,
    depth,
    gated,
    kernels,
    measure,
    memory,
    memory_peers,
    plot,
    rnn,
    spectrum,
    sweep,
    table,
)
from benchmarks.__main__ import main, render, write  # noqa: E402
from benchmarks.sections import SECTIONS  # noqa: E402

LSTM, GRU = gated.of("LSTM"), gated.of("GRU")
GROUPS = {
    "RNN": (rnn.CONTESTANTS, rnn.Problem(6, 5, 3)),
    "LSTM": (LSTM.CONTESTANTS, LSTM.Problem(6, 5, 3)),
    "GRU": (GRU.CONTESTANTS, GRU.Problem(6, 5, 3)),
    "dense": (depth.CONTESTANTS, depth.Problem(5, 6, 3)),
    "residual": (depth.CONTESTANTS, depth.Problem(5, 6, 3, residual=True)),
    "sweep": (sweep.CONTESTANTS, sweep.Problem(6, 5, 2, 4)),
}
GOALS = [{"group": "A & B", "what": "peer", "value": 0.5, "goal": 0.6, "unit": "×", "floor": 0.1},
         {"group": "A & B", "what": "JAX, jit", "value": 0.91, "goal": 0.5, "unit": "×", "floor": 0.75},
         {"group": "C", "what": "norms", "value": 0.011, "goal": 0.02, "unit": "%"},
         {"group": "C", "what": "import", "value": 123.4, "goal": 100, "unit": "ms"}]


def section(goals=(), **more):
    rows = [["ours", 0.012345, [0.01, 1234.5], 1.0], ["theirs", 2.0, [1.0, 3.0], None]]
    tables = [{"title": "T", "columns": ["", "ms", "q", "r"], "rows": rows}]
    about = {"date": "today", "CPU": "one"}
    return {"title": "Title", "lead": "Lead.", "tables": tables, "goals": list(goals), "missing": [], "command": "run",
            "about": about} | more


@pytest.mark.parametrize("group", GROUPS)
def test_contestants_agree_with_ours(group, oracle):
    oracle("torch"), oracle("jax")
    calls, missing = measure.prepare(*GROUPS[group])
    assert not missing and set(calls) == set(GROUPS[group][0])
    measure.check_equal(calls, "ours")
    assert all("log_h" in call() for name, call in calls.items() if name != "floor" and "no trace" not in name)


def test_products_agree(oracle):
    oracle("torch"), oracle("jax")
    calls, missing = measure.prepare(kernels.CONTESTANTS, kernels.Problem(3, 5))
    h, W = kernels.Problem(3, 5).data
    np.testing.assert_allclose(calls["numpy"]()["h"], h @ np.linalg.matrix_power(W, kernels.TIMES), rtol=1e-11)
    assert not missing and len(calls) == 3
    measure.check_equal(calls, "numpy")


def test_a_contestant_that_differs_is_found():
    calls = {"ours": lambda: {"W": np.ones(3)}, "theirs": lambda: {"W": np.array([1, 1, 1 + 1e-9])}}
    with pytest.raises(AssertionError, match="theirs: W differs from ours"):
        measure.check_equal(calls, "ours")


@pytest.mark.parametrize("name", [name for name in SECTIONS if name not in ("cold", "live")])
def test_a_section_runs_at_a_tiny_size_and_writes_no_file(name, oracle, capsys, tmp_path):
    oracle("torch"), oracle("jax")
    main(["--quick", "--only", name, "--size", "6,5,2"], tmp_path)
    out = capsys.readouterr().out
    size = "2, 5" if name == "kernels" else "6, 5"
    assert f" {size}" in out and "\n### " in out and "Not installed" not in out and not list(tmp_path.iterdir())


def test_an_unknown_section_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["--only", "rnn,perceptron"])
    assert "no section perceptron; there are rnn, lstm" in capsys.readouterr().err


def test_goals_of_memory_come_with_the_full_size(monkeypatch):
    rows = [{"name": name, "seconds": 2.0, "ratio": 1.5, "MB": 9.0, "evaluations": 3, "states": 4, "goal": goal}
            for name, goal in memory.GOALS.items()]
    monkeypatch.setattr(memory, "measure", lambda *size: rows)
    monkeypatch.setattr(memory_peers, "measure", lambda *size: ({"ours, √T": np.array([[2.0, 9.0]])}, ["JAX"]))
    full = SECTIONS["memory"](quick=False, size=None)
    assert [(g["what"], g["goal"], compare.met(g)) for g in full["goals"]] == [
        ("full, peak", 630, True), ("√T, time", 1.33, False), ("√T, peak", 20, True),
        ("binomial in 6 MB, time", 1.6, True), ("binomial in 6 MB, peak", 6, False),
        ("binomial in 2.9 MB, time", 2.15, True), ("binomial in 2.9 MB, peak", 2.9, False)]
    assert full["missing"] in (["JAX"], []) and not SECTIONS["memory"](quick=True, size=None)["goals"]


def test_memory_peers_agree_with_ours(oracle):
    oracle("torch"), oracle("jax")
    path, h0, g = memory.problem(12, 6, 2)
    ours, *others = (make(path, h0, g)() for make in memory_peers.CONTESTANTS.values())
    assert len(others) == 3 and memory_peers.stretch(10_000) == 100 and memory_peers.stretch(12) == 3
    for W in others:
        np.testing.assert_allclose(W, ours, rtol=1e-12, atol=1e-14)


def test_goals_are_those_of_the_sizes_that_are_measured():
    for cell in (rnn, LSTM, GRU):
        assert list(cell.GOALS) == [(50, 32, 1), (100, 64, 32), (100, 256, 64)]
        assert all({"best traced PyTorch", "JAX, jit"} <= set(goals) for goals in cell.GOALS.values())
        peers = {*cell.CONTESTANTS, compare.BEST}
        assert all(set(goals) <= peers for goals in cell.GOALS.values()) and set(cell.TRACED) <= peers


def test_a_ratio_is_the_median_of_ratios_within_rounds():
    seconds = {"ours": np.array([1.0, 2.0, 9.0]), "peer": np.array([4.0, 1.0, 3.0]), "floor": np.array([2.0, 0.5, 9.0])}
    goal = compare.ratio_goal("g", "peer", 2.0, seconds)
    assert goal["value"] == 2.0 and goal["floor"] == 0.5 and compare.met(goal)
    assert compare.row("peer", seconds["peer"], seconds["ours"])[1::2] == [3000.0, 2.0]


def test_a_fresh_process_answers():
    times = cold.seconds(["import gradtrace", "ours"], 1)
    assert 0 < times["import gradtrace"][0] < times["ours"][0] < 30


def test_the_judge_of_accuracy_knows_closed_forms(oracle):
    mp = oracle("mpmath")
    sizes = np.array([1e30, 1.5, 1e-30])
    for t, P in accuracy.products(np.array([np.diag(sizes)] * 5), [1, 4, 5]):
        np.testing.assert_allclose(accuracy.exact(mp, P), t * np.log(sizes), rtol=1e-15, atol=1e-15)
    error, ts = accuracy.error(spectrum.Problem(8, 4).J)
    assert 0 < error < accuracy.GOAL and ts == [2, 4, 6, 8]


def test_a_partial_run_replaces_its_own_sections(tmp_path):
    write({"live": section(title="live"), "rnn": section(title="old")}, tmp_path)
    write({"rnn": section(GOALS, title="new", command="run --only rnn")}, tmp_path)
    stored = json.loads((tmp_path / "results.json").read_text())["sections"]
    assert {name: s["title"] for name, s in stored.items()} == {"rnn": "new", "live": "live"}
    assert list(stored) == ["rnn", "live"]
    text = (tmp_path / "results.md").read_text()
    assert "`run --only rnn`" in text and "date today" in text and "## Goals: 2 of 4 met" in text


def test_the_table_reads_as_the_results_do():
    text = table.markdown({"sections": {"rnn": section(GOALS)}})
    assert "| ours | 0.0123 | 0.01 – 1234 | 1 |" in text and "| theirs | 2 | 1 – 3 |  |" in text
    text = text.replace("\xa0", " ")
    assert "| A & B | peer | 0.5 | ≤ 0.6 | 0.1 | met |" in text
    assert "| A & B | JAX, jit | 0.91 | ≤ 0.5 | **0.75** | **not met** |" in text
    assert "| C | norms | 1.1 % | ≤ 2 % |  | met |" in text
    assert "| C | import | 123 ms | ≤ 100 ms |  | **not met** |" in text


def test_the_plot_puts_marks_where_the_results_are():
    text = plot.svg({"sections": {"rnn": section(GOALS)}})
    assert text.count("<g>") == 2 and "A &amp; B, JAX, jit: 0.91, goal 0.5" in text and "1 of 2 goals met" in text
    one = float(re.search(r'class="one" d="M([\d.]+)', text)[1])
    tenth = float(re.search(r'class="axis" d="M([\d.]+) 44V[^>]*/><text[^>]*>0\.1<', text)[1])
    marks = text.split("<g>")[1:]
    shapes = [float(re.search(shape, part)[1]) for shape, part in zip(
        (r'cx="([\d.]+)"', r'"not" d="M([\d.]+)'), marks, strict=True)]
    np.testing.assert_allclose(shapes, one + np.log10([0.5, 0.91]) * (one - tenth), atol=0.1)
    bars = [float(re.search(r'"goal" d="M([\d.]+)', part)[1]) for part in marks]
    np.testing.assert_allclose(bars, one + np.log10([0.6, 0.5]) * (one - tenth), atol=0.1)


def test_table_and_plot_on_disk_come_from_the_results_on_disk(tmp_path):
    folder = ROOT / "benchmarks"
    (tmp_path / "results.json").write_bytes((folder / "results.json").read_bytes())
    render(tmp_path)
    for name in ("results.md", "results.svg"):
        assert (tmp_path / name).read_text() == (folder / name).read_text(), name


def test_the_page_shows_them_and_types_no_figure_by_hand():
    page = (ROOT / "book" / "benchmarks.md").read_text()
    assert ":file: ../benchmarks/results.svg" in page and "{include} ../benchmarks/results.md" in page
    assert not re.search(r"\d\.\d|\d\s?(ms|MB|kB|%|×|times)", page)
