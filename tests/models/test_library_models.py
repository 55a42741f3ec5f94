"""Models that nobody here wrote: the plain model and the gradients it retains are the oracle."""

import json
from pathlib import Path

import pytest

from benchmarks import models
from benchmarks.library_models import MODELS

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("libraries")


@pytest.mark.filterwarnings("ignore")  # of the libraries' own
@pytest.mark.parametrize("name", MODELS)
def test_the_same_loss_and_the_gradients_that_the_plain_model_retains(oracle, torch, name):
    library, make = MODELS[name]
    oracle(library)
    torch.manual_seed(0)
    case = make()
    compared = models.compare(case)
    assert compared.left
    assert compared.log.anomalies == ()
    assert len(compared.log.names) == case.steps
    assert compared.classes == case.classes
    assert compared.same_loss()
    assert len(compared.states) == case.steps
    assert compared.of_states() < 1e-5
    assert compared.shares
    assert compared.of_shares() < 1e-5


def test_a_difference_is_relative_and_a_zero_is_like_none_but_a_zero():
    infinity = float("inf")
    assert models.difference([0.0, -infinity], [1e-3, -infinity]) == pytest.approx(1e-3, rel=1e-2)
    assert models.difference([0.0, -infinity], [0.0, -800.0]) == infinity
    assert models.difference([], []) == 0


def test_the_table_on_disk_comes_from_the_results_on_disk_and_has_all_models():
    folder = ROOT / "benchmarks"
    results = json.loads((folder / "models.json").read_text("utf-8"))
    assert [row["model"] for row in results["rows"]] == [*MODELS]
    assert all(row["same loss"] for row in results["rows"])
    assert models.markdown(results) == (folder / "models.md").read_text("utf-8")
    assert "{include} ../benchmarks/models.md" in (ROOT / "book" / "benchmarks.md").read_text(
        "utf-8"
    )
