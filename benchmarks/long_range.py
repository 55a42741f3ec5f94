"""Who learns across 10, 100, 1000 steps: every cell under one budget, for notebook 16. Writes long_range.json.

Use: python -m benchmarks.long_range      (about 20 minutes of one core; run it again to go on where it was stopped)
"""

import argparse
import datetime
import json
import os
import sys
import time
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")                         # before numpy: products this small lose by sharing

import numpy as np  # noqa: E402

from gradtrace import (  # noqa: E402
    GRU,
    LSTM,
    RNN,
    Adam,
    Dense,
    argmax,
    backward,
    clip_norm,
    cross_entropy,
    digits,
    draw,
    flat,
    forward,
    init,
    irnn,
    mse,
    nested,
    pixels,
    stream,
    tasks,
    trace,
    train,
    unroll,
)
from gradtrace.training.loop import Diverged  # noqa: E402

from . import machine  # noqa: E402

HERE, SEED = Path(__file__).parent, 0
BUDGET = {"updates": 800, "batch": 20, "units": 16, "optimiser": "Adam", "clip": 1.0, "every": 20, "test": 450}
QUICK = BUDGET | {"updates": 2, "batch": 3, "units": 3, "every": 1, "test": 6}
KINDS = {"adding": (2, 1), "order": (8, 4), "copying": (10, 9), "digits": (1, 10)}           # inputs, outputs
RATES = {"RNN": (0.01, 0.003), "IRNN": (0.01, 0.003), "LSTM": (0.01,), "LSTM, bias 1": (0.01,), "GRU": (0.01,)}
PLAIN, GATED, ALL = ("RNN", "IRNN"), ("LSTM", "GRU"), tuple(RATES)
SHORT = [*((task, T, ALL) for T in (100, 10, 30) for task in ("adding", "order")), ("digits", 64, ALL),
         *(("copying", delay, PLAIN + GATED) for delay in (10, 100))]                        # task, T or delay, cells
LONG = [(task, 1000, GATED + PLAIN) for task in ("adding", "order")]
PLAN = [(seed, part) for seed in range(3) for part in (SHORT, LONG)] + [(seed, SHORT[:6]) for seed in (3, 4)]


def cell_of(name, n_in, n):
    """The step called ``name``."""
    return {"RNN": RNN, "IRNN": irnn, "LSTM": LSTM, "LSTM, bias 1": LSTM, "GRU": GRU}[name](n_in, n)


def start(name, cell, steps, rng):
    """Parameters as each cell's advocates begin: gates that keep for 1 … T steps (Tallec and Ollivier 2018)."""
    weights = {"RNN": {"W": init.orthogonal}, "IRNN": {"W": init.identity}}.get(name, {})
    p, keep, n = draw(cell, rng, **weights), np.log(rng.uniform(1, steps, cell.n)), cell.n
    if name == "LSTM":
        p["b"] = np.concatenate([-keep, keep, np.zeros(2 * n)])                     # i, f, o, g
    elif name == "LSTM, bias 1":
        p["b"] = cell.bias(f=1.0)
    elif name == "GRU":
        p["b"] = np.concatenate([np.zeros(n), keep, np.zeros(n)])                   # r, z, g
    return p


def sequences(task, T, part="learn", images={}):  # noqa: B006 - the digits are read once
    """``data(rng, rows)``: as many sequences as there are rows."""
    if task == "digits":
        if not images:
            x, y, test_x, test_y = digits(np.random.default_rng(SEED))
            images |= {"learn": (x, y), "test": (test_x, test_y)}
        x, y = images[part]
        return lambda rng, rows: pixels(x[rows % len(x)], y[rows % len(x)])
    make = {"adding": tasks.adding, "order": tasks.temporal_order, "copying": tasks.copying}[task]
    return lambda rng, rows: make(rng, len(rows), T)


def outputs(cell, p, data):
    """Outputs at the steps asked, and a function from their gradient to what the loss puts on each state."""
    own, last = nested(p)
    h, vjps = forward(unroll(cell, own, data.x), np.zeros((data.x.shape[1], *cell.features)))
    asked = np.flatnonzero(data.mask) + 1
    states = np.asarray(h)[asked][..., :cell.n]                 # of [h | c], the cell shows h
    u, vjp = Dense(cell.n, len(last["b"]), "identity")(last, states.reshape(-1, cell.n))
    def back(g):
        d = vjp(g)
        shown = np.zeros((*states.shape[:-1], *cell.features))
        shown[..., :cell.n] = d.h.reshape(states.shape)
        direct = [None] * len(h)
        for t, value in zip(asked, shown, strict=True):
            direct[t] = value
        return direct, d.p
    return u, vjps, back


def loss_of(task, u, data):
    """The loss that is learnt from, and its gradient."""
    return mse(u, data.y[0]) if task == "adding" else cross_entropy(u, data.y.ravel())


def wrong(task, cell, p, T, rng, count, most=100):
    """The share of sequences answered wrongly; of symbols to copy. A sum is wrong from 0.08 on.

    Hochreiter and Schmidhuber ask for 0.04, where the sum of two numbers from -1 to 1 is divided by four: the same.
    """
    data, bad = sequences(task, T, "test"), []
    for k in range(0, count, most):
        part = data(rng, np.arange(k, min(k + most, count)))
        u = outputs(cell, p, part)[0]
        miss = np.abs(u - part.y[0]) > 0.08 if task == "adding" else argmax(u) != part.y.ravel()
        bad.append(miss.reshape(len(part.y), -1)[-10:].ravel())
    return float(np.concatenate(bad).mean())


def by_delay(task, cell, p, data):
    """Delays, and log10 of the norm of the gradient of the loss at each, ``None`` where it is exactly zero."""
    u, vjps, back = outputs(cell, p, data)
    direct, _ = back(loss_of(task, u, data)[1])
    log = trace(vjps, [None] * len(vjps) + direct[-1:]).log_h[::-1] / np.log(10)     # of the last answer alone
    delays = np.unique(np.linspace(0, len(vjps), 26).round().astype(int))
    return delays.tolist(), [round(float(v), 2) if np.isfinite(v) else None for v in log[delays]]


def one(task, T, name, rate, seed, budget):
    """Train one net, and say how it went."""
    began, (n_in, n_out), n = time.process_time(), KINDS[task], budget["units"]
    cell, steps = cell_of(name, n_in, n), T + 20 * (task == "copying")
    of = lambda what, **more: stream(SEED, task=task, T=T, seed=seed, what=what, **more)
    rng, data, last = of("start", cell=name), sequences(task, T), Dense(n, n_out, "identity")
    p = flat([start(name, cell, steps, rng), draw(last, rng)])
    def gradient(p, rows, rng):
        part = data(rng, rows)
        u, vjps, back = outputs(cell, p, part)
        loss, g = loss_of(task, u, part)
        direct, d_last = back(g)
        return loss, flat([backward(vjps, direct).shared(), d_last])
    sample = data(of("sample"), np.arange(budget["batch"]))
    delays, before = by_delay(task, cell, p, sample)
    try:
        run = train(p, gradient, Adam(rate), of("data"), n=budget["updates"] * budget["batch"], size=budget["batch"],
                    epochs=1, clip=lambda g: clip_norm(g, budget["clip"]))
    except Diverged as error:
        run = error.run
    done = len(run.loss) == budget["updates"]
    means = [run.loss[k:k + budget["every"]] for k in range(0, budget["updates"], budget["every"])]
    return {"task": task, "T": T, "cell": name, "rate": rate, "seed": seed,
            "loss": [float(f"{m.mean():.4g}") if len(m) == budget["every"] else None for m in means],
            "wrong": wrong(task, cell, run.p, T, of("test"), budget["test"]) if done else None,
            "baseline": sample.baseline, "delays": delays, "before": before,
            "after": by_delay(task, cell, run.p, sample)[1], "seconds": round(time.process_time() - began, 1)}


def points(plan):
    """All runs of a plan in order. Over 1000 steps, cells without gates explode at larger rates."""
    for seed, rows in plan:
        for task, T, names in rows:
            for name in names:
                for rate in (0.001,) if T == 1000 and name in PLAIN else RATES[name]:
                    yield task, T, name, rate, seed


def main(argv=None, folder=HERE):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_range", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny nets on short tasks, to see that it runs")
    argv = sys.argv[1:] if argv is None else argv
    quick = parser.parse_args(argv).quick
    budget = QUICK if quick else BUDGET
    plan = [(0, [(task, 64 if task == "digits" else 10, ALL) for task in KINDS])] if quick else PLAN
    path = folder / "long_range.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"budget": budget, "runs": []}
    if stored["budget"] != budget:
        raise SystemExit(f"{path} was made with {stored['budget']}; move it away to start anew with {budget}")
    have = {tuple(run[k] for k in ("task", "T", "cell", "rate", "seed")) for run in stored["runs"]}
    for point in points(plan):
        if point in have:
            continue
        run = one(*point, budget)
        stored["runs"].append(run)
        stored = {"command": " ".join(["python -m benchmarks.long_range", *argv]), "seed": SEED,
                  "date": datetime.date.today().isoformat(), "machine": machine.about(), "budget": budget,
                  "runs": stored["runs"]}
        write(stored, path)
        print(*point, run["loss"][-1], run["wrong"], f"{run['seconds']} s", flush=True)
    return stored


def write(stored, path):
    """Whole or not at all, one line a run."""
    head = {name: value for name, value in stored.items() if name != "runs"}
    lines = ",\n".join(json.dumps(run, ensure_ascii=False) for run in stored["runs"])
    part = path.with_suffix(".part")
    part.write_text(json.dumps(head, indent=1, ensure_ascii=False)[:-2] + f',\n "runs": [\n{lines}\n]}}\n', "utf-8")
    part.replace(path)


if __name__ == "__main__":
    main()
