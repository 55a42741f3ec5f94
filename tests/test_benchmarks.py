"""The benchmarks: contestants agree, and sections run.

Table, plot and page say what results.json says.
"""

import datetime
import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import figures, measure, plot, recurrent, spectrum, table
from benchmarks.__main__ import SECTIONS, main, write

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks"
ROWS = [
    measure.ratio("A & B", "peer", np.array([1.0]), np.array([2.0]), 0.6),
    measure.ratio("C", "peer", np.array([1.82]), np.array([2.0]), 0.5),
    measure.ratio("D", "other", np.array([0.2]), np.array([1.0])),
    measure.row("D", "bytes", [12.345], "MB", 10),
]
RESULTS = {
    "about": {"date": "today"},
    "sections": {"one": {"title": "Title", "lead": "Lead.", "rows": ROWS}},
}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_runs_at_a_tiny_size_and_writes_no_file(name, oracle, capsys, tmp_path):
    oracle("torch")
    main(["--tiny", "--only", name], tmp_path)
    assert "\n## " in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_section_that_is_measured_apart_says_so_and_the_others_stay(oracle, tmp_path):
    oracle("torch")
    for name in ("results.json", "results.md", "results.svg"):
        (tmp_path / name).write_text((FOLDER / name).read_text("utf-8"), "utf-8")
    before = json.loads((FOLDER / "results.json").read_text("utf-8"))
    main(["--tiny", "--only", "dense", "--update"], tmp_path)
    after = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert list(after["sections"]) == list(before["sections"])
    assert after["sections"].pop("dense") != before["sections"].pop("dense")
    assert after == before
    text = (tmp_path / "results.md").read_text("utf-8")
    today = datetime.date.today().isoformat()
    dense = text.partition("## Through depth")[2].partition("\n## ")[0]
    assert f"Measured apart: date {today}" in dense


@pytest.mark.parametrize("name", recurrent.CELLS)
@pytest.mark.parametrize("peer", ["torch_cells", "torch_net"])
def test_a_contestant_that_differs_is_found(name, peer, oracle):
    oracle("torch")
    problem = recurrent.Problem(name, 6, 5, 3)
    ours = recurrent.traced(problem)
    theirs = getattr(recurrent, peer)(problem)
    assert ("log_h" in theirs()) == (peer == "torch_cells")
    for result in theirs():

        def wrong(result=result):
            right = theirs()
            return right | {result: np.asarray(right[result]) + 1e-8}

        with pytest.raises(AssertionError, match=f"theirs: {result} differs from ours"):
            measure.check_equal({"ours": ours, "theirs": wrong})
    measure.check_equal({"ours": ours, "theirs": theirs})


def test_a_ratio_is_the_median_of_ratios_within_rounds():
    row = measure.ratio("case", "peer", np.array([1.0, 2.0, 9.0]), np.array([4.0, 1.0, 3.0]), 2.0)
    assert row["value"] == 2.0
    assert row["quartiles"] == [1.125, 2.5]
    assert measure.met(row)
    assert (row["ours"], row["theirs"]) == (2000.0, 3000.0)
    ten = np.full(3, 10.0)
    assert measure.share("case", "part", ten + 0.3, ten, ten)["value"] == pytest.approx(3)


def test_the_judge_of_accuracy_knows_closed_forms(oracle):
    oracle("mpmath")
    sizes = np.array([1e30, 1.5, 1e-30])
    for t, product in spectrum.products(np.array([np.diag(sizes)] * 5), [1, 4, 5]):
        np.testing.assert_allclose(
            spectrum.exact(*product), t * np.log(sizes), rtol=1e-15, atol=1e-15
        )


def test_the_table_reads_as_the_results_do():
    text = table.markdown(RESULTS).replace("\xa0", " ")
    assert "1 of 3 goals are met" in text
    assert "| A & B | peer | 1000 | 2000 | 0.5 × | ≤ 0.6 ×, met |" in text
    assert "| C | peer | 1820 | 2000 | 0.91 × | ≤ 0.5 ×, **missed** |" in text
    assert "| D | other | 200 | 1000 | 0.2 × |  |" in text
    assert "| D | bytes |  |  | 12.3 MB | ≤ 10 MB, **missed** |" in text


def test_the_plot_puts_marks_where_the_results_are():
    text = plot.svg(RESULTS)
    one, tenth = (
        float(re.search(rf'd="M([\d.]+) [^>]*/><text[^>]*>{tick}<', text.replace("\n", ""))[1])
        for tick in ("1", "0.3")
    )

    def place(ratio):
        return one + np.log(ratio) / np.log(0.3) * (tenth - one)

    marks = text.split("<g>")[1:]
    shapes = [r'met" cx="([\d.]+)', r'missed" d="M([\d.]+)', r'free" cx="([\d.]+)']
    for part, shape, row in zip(marks, shapes, ROWS[:3], strict=True):
        assert float(re.search(shape, part)[1]) == pytest.approx(place(row["value"]), abs=0.1)
        bar = re.search(r'"goal" d="M([\d.]+)', part)
        assert (bar is None) == (row["goal"] is None)
        assert bar is None or float(bar[1]) == pytest.approx(place(row["goal"]), abs=0.1)
    assert "A &amp; B beside peer: 0.5, goal 0.6" in marks[0]


def test_table_and_plot_on_disk_come_from_the_results_on_disk(tmp_path):
    results = json.loads((FOLDER / "results.json").read_text("utf-8"))
    assert list(results["sections"]) == list(SECTIONS)
    write(results, tmp_path)
    for name in ("results.json", "results.md", "results.svg"):
        assert (tmp_path / name).read_text("utf-8") == (FOLDER / name).read_text("utf-8"), name


def test_the_table_of_figures_comes_from_what_was_measured(tmp_path):
    results = json.loads((FOLDER / "figures.json").read_text("utf-8"))
    grids = {(row["maker"], row["states"]) for row in results["rows"]}
    assert grids == {(maker, states) for maker in figures.MAKERS for states in figures.GRIDS}
    figures.write(results, tmp_path)
    for name in ("figures.json", "figures.md"):
        assert (tmp_path / name).read_text("utf-8") == (FOLDER / name).read_text("utf-8"), name


def test_our_figure_is_measured_as_it_is_written():
    (row,) = figures.measured({"explorable": figures.Ours()}, 4, 1)
    assert row["alone"] == row["linked"] and 50_000 < row["alone"]["gzip"] < row["alone"]["bytes"]
    assert 0 < row["seconds"][1] < 60


def test_the_page_shows_them_and_types_no_figure_by_hand():
    page = (ROOT / "book" / "benchmarks.md").read_text("utf-8")
    assert ":file: ../benchmarks/results.svg" in page
    assert "{include} ../benchmarks/results.md" in page
    assert "{include} ../benchmarks/figures.md" in page
    assert not re.search(r"\d\.\d|\d\s?(ms|MB|kB|%|×|times)", page)
