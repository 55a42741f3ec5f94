"""Looks on while a notebook runs in its kernel.

It sees every state of every figure, and the nets behind them.
"""

import functools
import json
import sys
from pathlib import Path

import numpy as np
from ipywidgets import Widget

import explorable
import gradtrace.tracing.checkpoint  # before we step in: what it computes again is not for us
import gradtrace.tracing.path
from gradtrace import Step, gradient_errors

MOST = 30
passes, called, others, faults = {}, set(), set(), []


def start():
    """Put ourselves between the notebook and what it calls."""
    explorable.explore = watched_explore(explorable.explore)
    gradtrace.tracing.path.forward = watched_forward(gradtrace.tracing.path.forward)
    Step.__call__ = watched_call(Step.__call__)


def watched_explore(explore):
    @functools.wraps(explore)
    def watched(view, **how):
        return explore(watched_view(view), **how)

    return watched


def watched_view(view):
    """The view, whose axes have to have names and something on them in every state.

    Those of the gallery are other people's.
    """
    if view.__module__ == "drawings.gallery":
        others.add(view.__name__)
        return view

    @functools.wraps(view)
    def watched(axes, **state):
        view(axes, **state)
        for ax in np.ravel(axes)[0].figure.axes:
            if not (ax.get_xlabel() and ax.get_ylabel()):
                faults.append(f"{view.__name__} at {state}: an axis without a name")
            if not ax.has_data():
                faults.append(f"{view.__name__} at {state}: nothing drawn")

    return watched


def watched_forward(forward):
    """Keeps ``MOST`` nets of a kind, and the last one: of a training, some and its end."""

    @functools.wraps(forward)
    def watched(path, h0):
        h, vjps = forward(path, h0)
        if not isinstance(path, gradtrace.tracing.path.Path):
            return h, vjps  # a grid, whose layers come here one by one
        shapes = [(name, value.shape) for name, value in path[0].p.items()]
        kind = (repr(path), len(path), *shapes)
        alike = passes.setdefault(kind, [])
        wide = sum(value.size for value in path[0].p.values()) >= 50_000  # wide nets take seconds
        alike[min(len(alike), 3 if wide else MOST) :] = [(path, h)]
        return h, vjps

    return watched


def watched_call(call):
    """Notes which steps are called by hand.

    They are not checked: their states, images say, lie on kinks, where no difference is a slope.
    """

    @functools.wraps(call)
    def watched(step, p, h, x=None):
        called.add(str(step))
        return call(step, p, h, x)

    return watched


def finish(report):
    """Write faults and the state of all widgets to the file ``report``."""
    if not (passes or called or others or "torch" in sys.modules):  # PyTorch checks its own
        faults.append("no net was seen: does the notebook run any?")
    rng = np.random.default_rng(0)
    for alike in passes.values():
        for net, h in alike:
            for t in {0, len(net) // 2, len(net) - 1}:
                check(net[t], np.asarray(h[t]), rng)
    different = list(dict.fromkeys(faults))
    seen = {"faults": different[:20], "widgets": Widget.get_manager_state()}
    Path(report).write_text(json.dumps(seen), "utf-8")


def check(step_p_x, h, rng):
    """Compare a step's pullback with finite differences of several widths.

    One is enough: batch norm of a small batch bends much, and needs a narrow one.
    """
    step, p, x = step_p_x
    calm = 1e-3 / (1 + max((np.abs(p[name]).max() for name in p), default=0))
    errors = {}
    widths = (calm, 1e-5, 1e-6)
    if "relu" in str(step):
        widths = (1e-7, 1e-8)  # they stay on one side of a kink
    for width in widths:
        errors = gradient_errors(step, p, h, x, rng=rng, width=width)
        if max(errors.values()) < 1e-5:
            return
    faults.append(f"gradients of {step}: {errors}")
