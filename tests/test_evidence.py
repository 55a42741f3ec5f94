"""Stored results: the same numbers again, from any executor and in any order.

An interruption, wherever it comes, changes nothing.
"""

import re

import numpy as np
import pytest

from gradtrace import (
    Dense,
    backward,
    deep,
    flatten_params,
    forward,
    init_params,
    stream,
    tile_params,
    train,
)

import digit_net
from evidence import (
    HERE,
    deep_start,
    depth_and_time,
    fifty_layers,
    long_range_tasks,
    reversed_input,
    runner,
    stored,
)

NAMES = sorted(path.stem for path in HERE.glob("*.json"))
TASKS = "long_range_tasks"


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The folder of a tiny result, made in this process."""
    folder = tmp_path_factory.mktemp("evidence")
    runner.make(TASKS, quick=True, where="here", folder=folder)
    return folder


@pytest.fixture(scope="module")
def dask(oracle):
    distributed = oracle("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address.replace("tcp://", "dask://")


def text(folder):
    """The file, without what differs from one run to the next."""
    return re.sub(r'"seconds": [0-9.]+', "", (folder / f"{TASKS}.json").read_text(encoding="utf-8"))


def put(folder, file, runs):
    head = {name: value for name, value in file.items() if name != "runs"}
    runner.write(folder / f"{TASKS}.json", head, runs)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_where_it_comes_from_and_holds_its_whole_plan(name):
    file = stored(name)
    result = runner.result_of(name)
    assert file["command"] == f"make evidence NAME={name}"
    assert file["seed"] == result.SEED
    assert file["budget"] == result.BUDGET
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", file["date"])
    assert {"CPU", "cores", "Python", "numpy", "BLAS"} <= file["machine"].keys()
    plan = result.plan()
    assert [{key: run[key] for key in plan[0]} for run in file["runs"]] == plan
    assert len({runner.key(point) for point in plan}) == len(plan)
    assert all(run["seconds"] > 0 for run in file["runs"])


@pytest.mark.parametrize("name", NAMES)
def test_one_stored_run_is_computed_again(name, capsys):
    runner.again(name, 1, "here")
    assert capsys.readouterr().out.startswith("as stored: {")


def test_computing_again_finds_a_number_that_differs(quick, tmp_path):
    file = stored(TASKS, quick)
    put(tmp_path, file, [run | {"baseline": 7.0} for run in file["runs"]])
    with pytest.raises(
        AssertionError, match=r"long_range_tasks at .*: baseline came out as .*, stored is 7.0"
    ):
        runner.again(TASKS, 1, "here", tmp_path)


def test_a_tiny_run_has_the_format_of_the_file(quick):
    made, whole = stored(TASKS, quick), stored(TASKS)
    assert list(made) == list(whole)
    assert made["command"] == f"make evidence NAME={TASKS} ARGS=--quick"
    assert {tuple(run) for run in made["runs"]} == {tuple(run) for run in whole["runs"]}
    assert {run["task"] for run in made["runs"]} == set(long_range_tasks.INPUTS)
    assert all(
        len(run["loss"]) == 2 and len(run["before"]) == len(run["delays"]) for run in made["runs"]
    )


def test_the_stored_losses_end_where_training_broke_off():
    for run in stored(TASKS)["runs"]:
        finite = [value for value in run["loss"] if value is not None]
        assert len(run["loss"]) == 40
        assert np.isfinite(finite).all()
        assert (run["wrong"] is None) == (len(finite) < 40)


def test_what_was_interrupted_goes_on_and_ends_as_the_same_file(quick, tmp_path, monkeypatch):
    compute, calls = long_range_tasks.compute, []

    def stopped(**call):
        if len(calls) == 5:
            raise KeyboardInterrupt
        calls.append(call)
        return compute(**call)

    monkeypatch.setattr(long_range_tasks, "compute", stopped)
    with pytest.raises(
        SystemExit, match=f"stopped, 5 runs are stored; to go on: make evidence NAME={TASKS}"
    ):
        runner.make(TASKS, quick=True, where="here", folder=tmp_path)
    assert len(stored(TASKS, tmp_path)["runs"]) == 5
    monkeypatch.setattr(long_range_tasks, "compute", compute)
    runner.make(TASKS, quick=True, where="here", folder=tmp_path)
    assert text(tmp_path) == text(quick)


def test_an_error_at_one_point_costs_no_other(quick, tmp_path, monkeypatch):
    compute = long_range_tasks.compute

    def fails(**call):
        if call["cell"] == "GRU":
            raise MemoryError("too much")
        return compute(**call)

    monkeypatch.setattr(long_range_tasks, "compute", fails)
    with pytest.raises(RuntimeError, match="4 of 28 points gave no result"):
        runner.make(TASKS, quick=True, where="here", folder=tmp_path)
    assert len(stored(TASKS, tmp_path)["runs"]) == 24


def test_runs_in_any_order_end_in_the_order_of_the_plan(quick, tmp_path):
    file = stored(TASKS, quick)
    order = np.random.default_rng(0).permutation(len(file["runs"]))
    put(tmp_path, file, [file["runs"][i] for i in order[:-1]])
    runner.make(TASKS, quick=True, where="here", folder=tmp_path)
    assert text(tmp_path) == text(quick)


def test_a_run_that_the_plan_no_longer_asks_for_is_kept(quick, tmp_path):
    file = stored(TASKS, quick)
    other = file["runs"][0] | {"T": 11}
    put(tmp_path, file, [other, *file["runs"][1:]])
    runner.make(TASKS, quick=True, where="here", folder=tmp_path)
    assert stored(TASKS, tmp_path)["runs"][-1] == other
    assert len(stored(TASKS, tmp_path)["runs"]) == 29


def test_another_budget_is_not_mixed_in(quick, tmp_path):
    file = stored(TASKS, quick)
    put(tmp_path, file | {"budget": file["budget"] | {"units": 99}}, file["runs"])
    with pytest.raises(SystemExit, match="move it away"):
        runner.make(TASKS, quick=True, where="here", folder=tmp_path)


def test_processes_give_the_same_numbers(quick, tmp_path):
    runner.make(TASKS, quick=True, where="processes", folder=tmp_path)
    # "BLAS threads" may differ
    assert text(tmp_path).split('"budget"')[1] == text(quick).split('"budget"')[1]


def test_a_dask_cluster_gives_the_same_numbers(quick, tmp_path, dask):
    runner.make(TASKS, quick=True, where=dask, folder=tmp_path)
    assert text(tmp_path).split('"budget"')[1] == text(quick).split('"budget"')[1]


def test_a_local_dask_cluster_is_started_when_no_address_is_given(oracle):
    oracle("distributed")
    with runner.executor("dask") as pool:
        assert pool.submit(runner.machine).result(60)["BLAS threads"] == "1"


def test_what_is_missing_or_unknown_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"lies in .* notebooks/evidence; .* `make evidence NAME=nothing`"
    ):
        stored("nothing", tmp_path)
    with (
        pytest.raises(
            ValueError,
            match="EXECUTOR: expected here, processes, dask or dask://host:port, got cloud",
        ),
        runner.executor("cloud"),
    ):
        pass
    with pytest.raises(SystemExit, match=f"nothing: expected the name of a result, .*{TASKS}"):
        runner.make("nothing")


@pytest.mark.parametrize("task", long_range_tasks.INPUTS)
def test_the_gradient_of_a_task_is_the_slope_of_its_loss(task):
    n_in, n_out = long_range_tasks.INPUTS[task], long_range_tasks.OUTPUTS[task]
    rng = np.random.default_rng(0)
    cell = long_range_tasks.CELLS["LSTM"](n_in, 3)
    own = long_range_tasks.start("LSTM", cell, 12, rng)
    last = init_params(Dense(3, n_out), rng)
    data = long_range_tasks.sequences(task, 12, "learn")(rng, np.arange(2))
    v = rng.standard_normal((3, 12))

    def at(e):
        u, vjps, back = long_range_tasks.outputs(
            cell, flatten_params([own | {"W": own["W"] + e * v}, last]), data
        )
        loss, g = long_range_tasks.loss_of(task, u, data)
        return loss, backward(vjps, back(g)[0]).shared()["W"]

    slope = (at(1e-5)[0] - at(-1e-5)[0]) / 2e-5
    np.testing.assert_allclose(np.sum(v * at(0.0)[1]), slope, rtol=1e-6, atol=1e-10)


# Depth and time


def test_a_shared_weight_gets_the_sum_of_what_own_weights_get():
    p = depth_and_time.starts(0.5, 1, depth_and_time.BUDGET)
    x = depth_and_time.sequences(np.random.default_rng(0), 7, 5)
    loss, shared = depth_and_time.together(p, x)
    same, own = depth_and_time.apart(tile_params(p, (7,)), x)
    np.testing.assert_allclose(loss, same, rtol=1e-14)
    for name, g in shared.items():
        np.testing.assert_allclose(g, own[name].sum(axis=0), rtol=1e-9, atol=1e-15)


def test_the_gradient_of_the_first_sign_is_the_slope_of_its_loss():
    p = depth_and_time.starts(0.5, 1, depth_and_time.BUDGET)
    rng = np.random.default_rng(0)
    x = depth_and_time.sequences(rng, 3, 5)
    v = rng.standard_normal(p["W"].shape)
    up, _ = depth_and_time.together(p | {"W": p["W"] + 1e-6 * v}, x)
    down, _ = depth_and_time.together(p | {"W": p["W"] - 1e-6 * v}, x)
    _, g = depth_and_time.together(p, x)
    along = np.sum(v * g["W"], axis=(-2, -1))
    np.testing.assert_allclose(along, 0.64 * (up - down) / 2e-6, rtol=1e-6)


def test_means_of_blocks_are_kept_and_the_first_below_the_goal_is_named():
    budget = {"every": 2, "marks": [2, 6], "goal": 0.5}
    loss = np.array([[[1.0, 1.0]], [[0.2, 0.6]], [[0.3, 0.9]], [[0.1, 0.9]], [[2, 2]], [[4, 0.8]]])
    told = depth_and_time.told(loss, budget)  # updates, rates, starts
    assert told == {"loss": [[[0.6, 0.8], [3.0, 1.4]]], "reached": [[4, None]]}


# Deep starts


def test_what_exploded_is_told_as_missing_from_then_on():
    budget = {"epochs": 3, "marks": [1, 2, 3], "exploded": 100.0}
    losses = np.array([[2.0, 2.0], [1.0, 4.0], [1.0, 3.0], [1.0, 200.0], [0.5, 2.0], [0.5, 2.0]])
    assert deep_start.kept(losses, budget) == [[1.5, 1.0, 0.5], [3.0, None, None]]


# Fifty layers


@pytest.mark.parametrize("net", ["residual, gain 0.58", "layer norm, gain 0.58"])
def test_a_remedy_starts_from_the_numbers_of_the_plain_net(net):
    _, params = fifty_layers.plain(5, np.random.default_rng(3))
    _, of_remedy = fifty_layers.NETS[net](5, np.random.default_rng(3))
    for plain, own in zip(params, of_remedy, strict=True):
        for name, value in plain.items():
            np.testing.assert_array_equal(own.get(name, own.get(f"0.{name}")), value)


def test_with_the_statistics_of_all_images_prediction_is_training_on_all_images():
    layers, params = fifty_layers.NETS["batch norm, gain 0.58"](5, np.random.default_rng(0))
    x = digit_net.images()[0]
    in_training, _ = forward(deep(layers, params), x)
    fixed = fifty_layers.for_prediction(layers, params)
    alone, _ = forward(deep(fixed, params), x[:1])
    np.testing.assert_allclose(alone[-1], in_training[-1][:1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("net, size", [(fifty_layers.WHOLE, 32), ("batch norm, gain 0.58", 3)])
def test_whole_batches_leave_three_images_out(net, size, monkeypatch):
    sizes = []

    def watched(p, gradient, rule, rng, **options):
        def counted(p, rows, rng):
            sizes.append(len(rows))
            return gradient(p, rows, rng)

        return train(p, counted, rule, rng, **options)

    monkeypatch.setattr(digit_net, "train", watched)
    fifty_layers.compute(net, 0.01, fifty_layers.QUICK | {"marks": [1]})
    assert min(sizes) == size
    assert sum(sizes) == len(digit_net.images()[0]) - 3 * (net == fifty_layers.WHOLE)


def test_the_best_rate_of_a_net_that_learns_lies_a_decade_within_those_tried():
    learn = [net for net in fifty_layers.NETS if np.median(fifty_layers.best(net)["loss"][-1]) < 2]
    assert len(learn) >= 5
    for net in learn:
        rate = fifty_layers.best(net)["rate"]
        assert min(fifty_layers.RATES) <= rate / 10
        assert max(fifty_layers.RATES) >= rate * 10


# Reversed input


def test_the_gradient_of_a_translation_is_the_slope_of_its_loss():
    budget = reversed_input.QUICK
    parts, p = reversed_input.start(reversed_input.CELLS["LSTM"], budget)
    data = reversed_input.sentences(stream(0), 4, 2, budget)
    _, g = reversed_input.joint(parts, p, *data)
    for name in p:
        v = stream(1, name=name).standard_normal(p[name].shape)
        up, _ = reversed_input.joint(parts, p | {name: p[name] + 1e-6 * v}, *data)
        down, _ = reversed_input.joint(parts, p | {name: p[name] - 1e-6 * v}, *data)
        slope = np.sum(up - down) / 2e-6
        np.testing.assert_allclose(np.sum(v * g[name]), slope, rtol=1e-6, atol=1e-9)


def test_the_second_half_of_the_nets_reads_the_same_sentences_in_reverse():
    budget = reversed_input.BUDGET
    x, given, y = reversed_input.sentences(stream(0), 4, 2, budget)
    for whole in (given, y):
        np.testing.assert_array_equal(whole[:, :5], whole[:, 5:])
    np.testing.assert_array_equal(x[:, :5], x[::-1, 5:])
