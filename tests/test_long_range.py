"""The long runs of notebook 16: the script gives the file's format and goes on; the file says where it comes from."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import long_range  # noqa: E402
from gradtrace import Dense, backward, draw, flat  # noqa: E402

STORED = json.loads((ROOT / "benchmarks" / "long_range.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long_range")
    return folder, long_range.main(["--quick"], folder)


def form(run):
    return {key: type(value) for key, value in run.items() if key not in ("wrong", "rate", "baseline")}


def test_a_tiny_run_gives_the_format_of_the_file(quick):
    folder, made = quick
    assert json.loads((folder / "long_range.json").read_text(encoding="utf-8")) == json.loads(json.dumps(made))
    assert made.keys() == STORED.keys() and made["command"] == "python -m benchmarks.long_range --quick"
    assert {form(run).__repr__() for run in made["runs"]} == {form(run).__repr__() for run in STORED["runs"]}
    assert {run["task"] for run in made["runs"]} == set(long_range.KINDS)
    assert all(len(run["loss"]) == 2 and len(run["before"]) == len(run["delays"]) for run in made["runs"])


def test_a_run_that_was_stopped_goes_on(quick, capsys, tmp_path):
    folder, made = quick
    kept = made | {"runs": made["runs"][:3] + made["runs"][4:]}
    long_range.write(kept, tmp_path / "long_range.json")
    again = long_range.main(["--quick"], tmp_path)
    assert len(capsys.readouterr().out.splitlines()) == 1
    same = lambda run: {key: value for key, value in run.items() if key != "seconds"}
    assert same(again["runs"][-1]) == same(made["runs"][3])             # the same numbers as in one go


def test_another_budget_is_not_mixed_in(quick, tmp_path):
    _, made = quick
    long_range.write(made | {"budget": made["budget"] | {"units": 99}}, tmp_path / "long_range.json")
    with pytest.raises(SystemExit, match="move it away"):
        long_range.main(["--quick"], tmp_path)


@pytest.mark.parametrize("task", long_range.KINDS)
def test_the_gradient_of_a_task_is_the_slope_of_its_loss(task):
    n_in, n_out = long_range.KINDS[task]
    rng, cell = np.random.default_rng(0), long_range.cell_of("LSTM", n_in, 3)
    own, last = long_range.start("LSTM", cell, 12, rng), draw(Dense(3, n_out), rng)
    data, v = long_range.sequences(task, 12)(rng, np.arange(2)), rng.standard_normal((3, 12))
    def at(e):
        u, vjps, back = long_range.outputs(cell, flat([own | {"W": own["W"] + e * v}, last]), data)
        loss, g = long_range.loss_of(task, u, data)
        return loss, backward(vjps, back(g)[0]).shared()["W"]
    slope = (at(1e-5)[0] - at(-1e-5)[0]) / 2e-5
    np.testing.assert_allclose(np.sum(v * at(0.0)[1]), slope, rtol=1e-6, atol=1e-10)


def test_the_file_says_where_it_comes_from_and_holds_the_whole_plan():
    assert STORED["command"] == "python -m benchmarks.long_range" and STORED["seed"] == long_range.SEED
    assert STORED["budget"] == long_range.BUDGET and {"CPU", "numpy", "BLAS"} <= STORED["machine"].keys()
    assert len(STORED["date"].split("-")) == 3
    have = [tuple(run[key] for key in ("task", "T", "cell", "rate", "seed")) for run in STORED["runs"]]
    assert len(have) == len(set(have)) and set(have) == set(long_range.points(long_range.PLAN))
    for run in STORED["runs"]:
        finite = [value for value in run["loss"] if value is not None]
        assert len(run["loss"]) == 40 and np.isfinite(finite).all() and (run["wrong"] is None) == (len(finite) < 40)
