"""The same numbers from every executor, in any order.

An error names its point, and what is finished is kept.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from concurrent.futures import CancelledError, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from gradtrace import RNN, SweepError, forward, init_params, stream, sweep, trace, unroll

GRID = {"gain": np.linspace(0.5, 1.5, 4), "n": [2, 8]}


def faded(gain, n):
    """What 30 steps leave of a gradient, in a net and for inputs that only the point decides."""
    rng = stream(0, gain=gain, n=n)
    cell = RNN(1, n)
    p = init_params(cell, rng, gain=gain)
    h, vjps = forward(unroll(cell, p, rng.standard_normal((30, 1, 1))), np.zeros((1, n)))
    return trace(vjps, h[-1]).log_h[0]


def risky(k, folder=None, how="raise"):
    """Fails at 2: raises, or takes its process with it once two others are done."""
    if k == 2 and how == "raise":
        raise ValueError("two is too many")
    if k == 2:
        while how == "die last" and len(os.listdir(folder)) < 2:
            time.sleep(0.01)
        os._exit(1)
    if folder:
        # Dask may ask twice: a dead worker takes results along
        open(os.path.join(folder, str(k)), "a").close()
    return 10 * k


def slowest_first(k):
    time.sleep(0.05 * (3 - k))
    return k, time.monotonic()


@pytest.fixture
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def dask(oracle):
    distributed = oracle("distributed")
    config = oracle("dask").config
    with (
        config.set(
            {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": True}
        ),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_results_stand_in_the_order_of_the_grid():
    run = sweep(lambda a, b: (a, b), a=[1, 2], b=["x", "y", "z"])
    assert run.results == [(1, "x"), (1, "y"), (1, "z"), (2, "x"), (2, "y"), (2, "z")]
    assert run.parameters[4] == {"a": 2, "b": "y"}
    assert run.shape == (2, 3)
    assert run.failures == {}
    assert not run.interrupted


def test_the_order_of_completion_does_not_matter():
    with ThreadPoolExecutor(4) as pool:
        run = sweep(slowest_first, pool, k=range(4))
    values, times = zip(*run.results, strict=True)
    assert values == (0, 1, 2, 3)
    assert list(times) != sorted(times)


def test_threads_and_processes_give_the_numbers_of_a_plain_loop(processes):
    loop = [faded(gain, n) for gain in GRID["gain"] for n in GRID["n"]]
    assert len(set(loop)) == 8
    assert sweep(faded, **GRID).results == loop
    with ThreadPoolExecutor(3) as pool:
        assert sweep(faded, pool, **GRID).results == loop
    assert sweep(faded, processes, **GRID).results == loop


def test_a_dask_cluster_gives_them_too(dask):
    assert sweep(faded, dask.get_executor(), **GRID).results == sweep(faded, **GRID).results


@pytest.mark.parametrize("where", ["here", "threads", "processes"])
def test_results_are_handed_over_as_they_are_finished(where, request):
    pool = {
        "here": lambda: None,
        "threads": lambda: ThreadPoolExecutor(4),
        "processes": lambda: request.getfixturevalue("processes"),
    }[where]()
    got = []

    def done(point, result):
        got.append((threading.current_thread(), point["k"], result))

    with pytest.raises(SweepError):
        sweep(risky, pool, done, k=range(5))
    assert {thread for thread, _, _ in got} == {threading.main_thread()}
    assert sorted((k, result) for _, k, result in got) == [(k, 10 * k) for k in (0, 1, 3, 4)]


def test_an_error_in_done_ends_the_sweep():
    def full(point, result):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        sweep(lambda x: x, done=full, x=[1, 2])


@pytest.mark.parametrize("where", ["here", "threads", "processes", "dask"])
def test_an_error_names_the_point_and_costs_no_other(where, request):
    pool = {
        "here": lambda: None,
        "threads": lambda: ThreadPoolExecutor(2),
        "processes": lambda: request.getfixturevalue("processes"),
        "dask": lambda: request.getfixturevalue("dask").get_executor(),
    }[where]()
    with pytest.raises(SweepError, match=r"1 of 5 points gave no result") as raised:
        sweep(risky, pool, k=range(5))
    assert raised.value.sweep.results == [0, 10, None, 30, 40]
    ((place, error),) = raised.value.sweep.failures.items()
    assert place == 2
    assert isinstance(error, ValueError)
    assert raised.value.__cause__ is error
    assert "{'k': 2}: ValueError: two is too many" in str(raised.value)


def test_a_process_that_dies_breaks_the_pool_and_what_was_finished_is_kept(tmp_path):
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        pytest.raises(SweepError) as raised,
    ):
        sweep(risky, pool, k=range(6), folder=[str(tmp_path)], how=["die last"])
    run = raised.value.sweep
    assert run.results == [0, 10, None, None, None, None]
    assert sorted(run.failures) == [2, 3, 4, 5]  # the first of them was being computed
    assert all(isinstance(error, BrokenProcessPool) for error in run.failures.values())
    assert "'k': 2, 'folder'" in str(raised.value).splitlines()[1]


def test_a_dask_worker_that_dies_is_named_and_the_cluster_goes_on(dask, tmp_path):
    with pytest.raises(SweepError) as raised:
        sweep(risky, dask.get_executor(), k=range(4), folder=[str(tmp_path)], how=["die last"])
    run = raised.value.sweep
    assert type(run.failures[2]).__name__ == "KilledWorker"
    assert run.results[2] is None
    assert all(run.results[k] == 10 * k for k in range(4) if k not in run.failures)
    assert len(run.failures) <= 2  # at most one more waited at that worker
    assert sweep(faded, dask.get_executor(), gain=[1.0], n=[2]).results == [faded(1.0, 2)]


def test_an_interrupt_keeps_what_is_finished():
    def stopped(k):
        if k == 2:
            raise KeyboardInterrupt
        return k

    run = sweep(stopped, k=range(5))
    assert run.interrupted
    assert run.results == [0, 1, None, None, None]
    assert run.failures == {}


def test_ctrl_c_cancels_what_waits():
    gate = threading.Event()
    ran = []

    def late(k):
        ran.append(k)
        if k == 2:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return k if k < 2 else gate.wait(20)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(1) as pool:
            run = sweep(late, pool, k=range(9))
            gate.set()
    finally:
        signal.signal(signal.SIGINT, before)
    assert run.interrupted
    assert run.results == [0, 1] + 7 * [None]
    assert ran == [0, 1, 2]


def test_an_executor_that_takes_no_more_is_reported():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(SweepError, match=r"2 of 2 points .*\n.*'a': 1.*RuntimeError: ") as raised:
        sweep(lambda a: a, pool, a=[1, 2])
    assert "shutdown" in str(raised.value.__cause__)


def test_a_pool_closed_elsewhere_does_not_keep_us_waiting():
    pool = ThreadPoolExecutor(1)

    def close(k):
        if k == 1:
            pool.shutdown(wait=False, cancel_futures=True)
        time.sleep(0.2)  # time to submit them all
        return k

    with pytest.raises(SweepError) as raised:
        sweep(close, pool, k=range(4))
    assert raised.value.sweep.results[:2] == [0, 1]
    failures = raised.value.sweep.failures
    assert type(failures[2]) is type(failures[3]) is CancelledError


def test_a_long_report_is_cut_and_travels():
    with pytest.raises(SweepError) as raised:
        sweep(divmod, x=range(30))
    assert len(str(raised.value).splitlines()) == 12
    assert pickle.loads(pickle.dumps(raised.value)).sweep.parameters == [
        {"x": k} for k in range(30)
    ]


def test_streams_depend_on_the_point_alone():
    one = stream(3, gain=1.5, name="tanh").random(4)
    assert (stream(3, name="tanh", gain=np.float64(1.5)).random(4) == one).all()
    others = [
        stream(4, gain=1.5, name="tanh"),
        stream(3, gain=1.25, name="tanh"),
        stream(3, gain=1.5, name="relu"),
        stream(3, gains=1.5, name="tanh"),
        stream(3, gain=1.5),
        stream(3, gain="1.5", name="tanh"),
    ]
    assert len({tuple(one), *(tuple(rng.random(4)) for rng in others)}) == 7


def test_streams_do_not_change_from_one_release_to_the_next():
    rng = stream(0, gain=1.5, seed=2)
    assert rng.bit_generator.seed_seq.generate_state(2).tolist() == [3127906346, 2286995850]


CASES = {
    "no grid": (
        lambda: sweep(abs),
        ValueError,
        "grid: expected at least one parameter, name=values, got none",
    ),
    "a string": (
        lambda: sweep(abs, a="tanh"),
        TypeError,
        "a: expected a list of values, got 'tanh'",
    ),
    "an array without axes": (
        lambda: sweep(abs, a=np.array(1.0)),
        TypeError,
        "a: expected a list of values",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
