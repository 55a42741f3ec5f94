"""The corpus of models for a diagnosis: its shape, and that every case can be made and run."""

import copy
import json
import math
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from optional import optional

torch = optional("torch")

from benchmarks.diagnosis import verify  # noqa: E402
from benchmarks.diagnosis.case import CAUSES, GENERAL  # noqa: E402
from benchmarks.diagnosis.corpus import (  # noqa: E402
    DRAWN_AS_OTHER,
    FROM_THE_START,
    HALVES,
    PARTS,
    cases,
    draw,
    drawn,
)
from benchmarks.diagnosis.training import loss_on_batch  # noqa: E402

FOLDER = Path(verify.__file__).parent
CORPUS = {part: cases(part) for part in PARTS}
ALL = [(part, case) for part in PARTS for case in CORPUS[part].values()]
DRAWN = [(half, case) for half, case in ALL if half in HALVES]
each_case = pytest.mark.parametrize("case", [case for _, case in ALL], ids=lambda case: case.name)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def numpy_state():
    return np.random.get_state()[1].tolist()  # noqa: NPY002 - the global generator is meant


def test_names_are_unique_and_all_parts_are_large_enough():
    names = [case.name for _, case in ALL]
    assert len(set(names)) == len(names)
    for part, least in (("tuned", 12), ("aside", 12), ("unseen", 24)):
        broken = sum(case.cause is not None for case in CORPUS[part].values())
        assert broken >= least and len(CORPUS[part]) - broken >= least
    assert sum(case.cause is not None for _, case in DRAWN) >= 24
    assert sum(case.cause is None for _, case in DRAWN) >= 24


def test_the_halves_are_those_of_the_draw():
    then = {half: drawn(half) for half in ("tuned", "aside")}
    causes = {name: case.cause for half in then.values() for name, case in half.items()}
    causes |= dict.fromkeys(DRAWN_AS_OTHER, "other")
    assert {name: half for half in then for name in then[half]} == draw(causes)
    assert set(then["tuned"]) >= FROM_THE_START
    for cause, times in Counter(causes.values()).items():
        in_half = [sum(causes[name] == cause for name in half) for half in then.values()]
        assert times >= 2 and max(in_half) - min(in_half) <= 1, cause


def test_the_unseen_part_has_its_own_threads_and_every_cause():
    seen = {case.source for _, case in DRAWN} - {GENERAL}
    broken = [case for case in CORPUS["unseen"].values() if case.cause]
    public = [case.source for case in broken if case.source != GENERAL]
    assert not seen & set(public) and len(set(public)) == len(public)
    # What has got a name since it was made, or is no matter of a report, is in `tuned` alone.
    later = {"answer in input", "negated loss", "wrong labels"}
    assert {case.cause for case in broken} == set(CAUSES) - later


def test_a_draw_without_the_first_cases_is_as_even():
    found = draw({f"case {i}": "vanishing" if i < 7 else None for i in range(17)})
    for part in (range(7), range(7, 17)):
        count = Counter(found[f"case {i}"] for i in part)
        assert abs(count["tuned"] - count["aside"]) <= 1


@pytest.mark.parametrize("part", PARTS)
def test_half_of_the_broken_cases_are_from_public_threads(part):
    sources = [case.source for case in CORPUS[part].values() if case.cause]
    public = [source for source in sources if source.startswith("https://")]
    assert set(sources) - set(public) == {GENERAL}
    assert 2 * len(public) >= len(sources)


@each_case
def test_the_case_says_what_a_right_answer_is(case):
    assert case.cause is None or case.cause in CAUSES
    assert set(case.also) <= set(CAUSES) - {case.cause}
    assert case.kind and 0 <= case.trained < case.updates
    assert case.note or case.cause is None
    if case.cause is None:
        assert not case.also and not case.where
    names = [name for name, _ in case.make(0).model.named_modules()]
    for place in case.where:
        assert place in names, place


@each_case
def test_equal_seeds_make_equal_cases_and_leave_the_generators_as_they_were(case):
    states = torch.get_rng_state(), numpy_state(), random.getstate()
    began = time.process_time()
    setups = [case.make(1), case.make(1)]
    assert time.process_time() - began < 2 * 2
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (numpy_state(), random.getstate())
    first, second = (loss_on_batch(setup) for setup in setups)
    assert torch.equal(first, second) or (first.isnan() and second.isnan())
    for one, two in zip(*(setup.model.state_dict().values() for setup in setups), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0, equal_nan=True)


@each_case
def test_loss_and_gradients_are_finite_unless_that_is_the_cause(case):
    setup = case.make(0)
    parameters = list(setup.model.parameters())
    assert sum(p.numel() for p in parameters) < 300_000
    began = time.process_time()
    loss = loss_on_batch(setup)
    loss.backward()
    assert time.process_time() - began < 0.5  # 0.1 and less, but for the first call of an operation
    assert loss.dim() == 0
    gradients = [p.grad for p in parameters if p.grad is not None]
    finite = all(g.to_dense().isfinite().all() for g in gradients)
    assert loss.isfinite() == (case.cause != "not finite, forward")
    assert finite == (case.cause not in ("not finite, forward", "not finite, backward"))
    optimized = {id(p) for group in setup.optimizer.param_groups for p in group["params"]}
    assert optimized, "an optimiser without parameters"


@each_case
def test_an_update_is_a_number_and_the_error_leaves_the_model_as_it_is(case):
    setup = case.make(0)
    modes = [module.training for module in setup.model.modules()]
    before = copy.deepcopy(setup.model.state_dict())
    error = setup.error()
    assert isinstance(error, float)
    for name, value in setup.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert modes == [module.training for module in setup.model.modules()]
    assert isinstance(setup.update(), float)
    if case.cause:
        twin = case.repaired(0)
        assert type(twin.model).__qualname__ == type(setup.model).__qualname__
        assert math.isfinite(twin.update()) and math.isfinite(twin.error())
    else:
        assert math.isfinite(error)


@pytest.mark.parametrize("half", PARTS)
def test_what_was_measured_of_every_case_holds_and_is_on_the_page(half):
    folder = FOLDER / half
    measured = json.loads((folder / "verified.json").read_text("utf-8"))
    rows = measured["cases"]
    facts = [(case.name, case.kind, case.cause) for case in CORPUS[half].values()]
    assert [(row["name"], row["kind"], row["cause"]) for row in rows] == facts
    for row in rows:
        case = CORPUS[half][row["name"]]
        assert row["updates"] == [case.trained, case.updates], row["name"]
        assert row["holds"] and all(verify.holds(run) for run in row["runs"]), row["name"]
    page = (folder / "verified.md").read_text("utf-8")
    assert page == verify.page(half, rows, measured["about"])


def test_verification_tells_learning_from_not_learning(capsys):
    tuned = CORPUS["tuned"]
    healthy = verify.verified(tuned["mlp_on_digits"], seeds=[0])
    broken = verify.verified(tuned["softmax_before_cross_entropy"], seeds=[0])
    assert healthy["holds"] and broken["holds"]
    assert not verify.holds(healthy["runs"][0] | {"after": 0.6})
    assert not verify.holds(healthy["runs"][0] | {"after": None})
    assert not verify.holds(broken["runs"][0] | {"after": broken["runs"][0]["twin"]})
    assert not verify.holds(broken["runs"][0] | {"twin": 0.6})
    assert verify.holds(broken["runs"][0] | {"after": None})
    verify.main(["--half", "tuned", "--name", "mlp_on_digits"])
    assert capsys.readouterr().out.startswith("| mlp on digits |")


def measured_parts():
    """Those that a report was run on: the halves, and the unseen part once it was."""
    return [part for part in PARTS if part in HALVES or (FOLDER / f"{part}.json").exists()]


@pytest.mark.parametrize("half", measured_parts())
def test_the_table_of_a_half_says_what_its_file_says(half):
    """Each report of the file is a row, each of their sums is in the table above."""
    rows = json.loads((FOLDER / f"{half}.json").read_text(encoding="utf-8"))
    page = (FOLDER / f"{half}.md").read_text(encoding="utf-8")
    assert {(row["case"], row["seed"]) for row in rows} == {
        (name, seed) for name in CORPUS[half] for seed in (0, 1)
    }
    for row in rows:
        name = row["case"].replace("_", " ")
        assert f"| {name} | {row['cause'] or ''} | {row['seed']} | {row['outcome']} |" in page
    broken = Counter(row["outcome"] for row in rows if row["cause"])
    healthy = Counter(row["outcome"] for row in rows if not row["cause"])
    for word in {*broken, *healthy}:
        assert f"| {word} | {broken[word] or ''} | {healthy[word] or ''} |" in page


def test_the_book_shows_the_half_that_was_kept_aside():
    page = (FOLDER.parents[1] / "book" / "diagnose.md").read_text(encoding="utf-8")
    assert "{include} ../benchmarks/diagnosis/aside.md" in page
