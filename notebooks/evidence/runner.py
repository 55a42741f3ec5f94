"""The missing points of a result are computed, on any executor, and stored.

A module of this folder describes a result: ``plan(quick)`` lists its points,
each a dict of numbers and strings; ``compute(**point, budget)`` returns what
comes out at one, a dict, the same wherever and in whatever order; ``BUDGET``
and ``QUICK`` say what a point may spend, and ``SEED`` is where its random
numbers begin; ``steady(**point)`` says which points another machine reproduces
to the last stored digit.
"""

import datetime
import json
import os
import platform
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from gradtrace import stream, sweep

from . import HERE, stored


def make(name, quick=False, where="processes", folder=HERE):
    """Compute the points of the result ``name`` that its file lacks.

    Each is stored when it is finished. Ctrl-C keeps what is stored.
    """
    result = result_of(name)
    budget = result.QUICK if quick else result.BUDGET
    plan = result.plan(quick)
    path = folder / f"{name}.json"
    runs = runs_of(path, plan, budget)
    missing = [point for point in plan if key(point) not in runs]
    print(f"{path}: {len(plan)} runs, {len(missing)} to do", flush=True)
    if not missing:
        return

    with executor(where) as pool:
        head = {
            "command": f"make evidence NAME={name}",
            "seed": result.SEED,
            "date": datetime.date.today().isoformat(),
            "machine": pool.submit(machine).result() if pool else machine(),
            "budget": budget,
        }
        if quick:
            head["command"] += " ARGS=--quick"

        def store(parameters, run):
            runs[key(parameters["point"])] = run
            write(path, head, in_order(runs, plan))

        run_one = partial(timed, result.compute, budget)
        done = sweep(run_one, pool, store, point=missing)
    if done.interrupted:
        raise SystemExit(
            f"stopped, {len(runs)} runs are stored; to go on: "
            f"{head['command']}"
        )


def again(name, n, where="processes", folder=HERE):
    """Compute ``n`` stored points anew; raise if a single digit differs.

    The seed chooses them among those that any machine should reproduce.
    """
    result = result_of(name)
    file = stored(name, folder)
    names = list(result.plan()[0])
    pairs = [({k: run[k] for k in names}, run) for run in file["runs"]]
    steady = [pair for pair in pairs if result.steady(**pair[0])]
    order = stream(result.SEED, again=n).permutation(len(steady))
    chosen = [steady[i] for i in order[:n]]
    points = [point for point, _ in chosen]
    run_one = partial(timed, result.compute, file["budget"])
    with executor(where) as pool:
        done = sweep(run_one, pool, point=points)
    for (point, old), new in zip(chosen, done.results, strict=True):
        for entry in new.keys() - {"seconds"}:
            if new[entry] != old[entry]:
                raise AssertionError(
                    f"{name} at {point}: {entry} came out as {new[entry]},"
                    f" stored is {old[entry]}"
                )
        print(f"as stored: {point}, {new['seconds']} s", flush=True)


def result_of(name):
    """The module that describes the result ``name``."""
    modules = {path.stem for path in HERE.glob("*.py")}
    known = modules - {"__init__", "__main__", "runner"}
    if name not in known:
        names = ", ".join(sorted(known))
        raise SystemExit(f"{name}: expected the name of a result, {names}")
    return import_module(f".{name}", __package__)


def timed(compute, budget, point):
    """A run: the point, what comes out there, and the CPU time it took."""
    began = time.process_time()
    result = compute(**point, budget=budget)
    seconds = time.process_time() - began
    return point | result | {"seconds": round(seconds, 1)}


@contextmanager
def executor(where):
    """Who computes, one thread each: products this small lose by sharing."""
    if where == "here":
        yield None
    elif where == "processes":
        for library in ("OMP", "OPENBLAS", "MKL"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")
        with ProcessPoolExecutor(
            mp_context=get_context("spawn"),
            initializer=signal.signal,  # Ctrl-C ends a worker at once
            initargs=(signal.SIGINT, signal.SIG_DFL),
        ) as pool:
            yield pool
    elif where == "dask":
        from distributed import Client

        with Client(threads_per_worker=1, dashboard_address=":0") as client:
            yield client.get_executor()
    elif where.startswith("dask://"):
        from distributed import Client

        with Client(where.replace("dask://", "tcp://")) as client:
            yield client.get_executor()
    else:
        raise ValueError(
            f"EXECUTOR: expected here, processes, dask or dask://host:port,"
            f" got {where}"
        )


def machine():
    """What numbers and times depend on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.split(": ")[1]
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "CPU": cpu,
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "BLAS": f"{blas['name']} {blas['version']}",
        "BLAS threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "dtype": "float64",
    }


# The file


def key(point):
    """A point as something that a dict can hold."""
    return tuple(point.values())


def runs_of(path, plan, budget):
    """The runs that a file holds, by their points; none if it is not there."""
    if not path.exists():
        return {}
    file = json.loads(path.read_text(encoding="utf-8"))
    if file["budget"] != budget:
        raise SystemExit(
            f"{path} was made with {file['budget']}; move it away, or name "
            f"another --folder, to start anew with {budget}"
        )
    return {tuple(run[k] for k in plan[0]): run for run in file["runs"]}


def in_order(runs, plan):
    """The runs as the plan lists them, then those it no longer asks for."""
    asked = [key(point) for point in plan]
    first = [runs[point] for point in asked if point in runs]
    others = [runs[point] for point in runs if point not in asked]
    return first + others


def write(path, head, runs):
    """Whole or not at all, one line a run."""
    above = json.dumps(head, indent=1, ensure_ascii=False)
    lines = [json.dumps(run, ensure_ascii=False) for run in runs]
    text = above.removesuffix("\n}") + ',\n "runs": [\n'
    text += ",\n".join(lines) + "\n]}\n"
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
