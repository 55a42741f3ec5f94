"""A chain of steps, in depth or in time, and the pass through it.

``deep`` gives each step its own parameters, ``unroll`` all the same; from there on the code never
asks which it was.
"""

from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import NamedTuple

import numpy as np

from ..expect import expect_array, expect_size, given
from ..steps.checks import (
    checked_pullback,
    checked_step,
    expect_finite,
    expect_one_dtype,
    expect_params,
    expect_state,
    sweep_axes,
)
from ..steps.contract import Step, expect_step

FAULTS = FloatingPointError, ValueError, TypeError  # of a step that cannot be taken


class Link(NamedTuple):
    """One step of a path with the parameters and the input it is called with."""

    step: Step
    p: dict[str, np.ndarray]
    x: np.ndarray | None = None


class Path(Sequence):
    """Links in the order of the forward pass; a weight is shared where two hold the same dict.

    Attributes
    ----------
    steps, params, inputs : sequence
        One entry for each link.

    Examples
    --------
    >>> cell = RNN(1, 3)
    >>> unroll(cell, init_params(cell, np.random.default_rng(0)), np.zeros((50, 1, 1)))
    Path of 50 steps: RNN(1, 3, tanh)
    """

    def __init__(self, steps, params, inputs):
        self.steps, self.params, self.inputs = steps, params, inputs

    def __getitem__(self, t):
        if isinstance(t, slice):
            return Path(self.steps[t], self.params[t], self.inputs[t])
        return Link(self.steps[t], self.params[t], self.inputs[t])

    def __len__(self):
        return len(self.steps)

    def __repr__(self):
        names = list(dict.fromkeys(map(str, {id(step): step for step in self.steps}.values())))
        return f"Path of {len(self)} steps: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}"

    def copied(self):
        """The same path with copies of parameters and inputs, out of reach of their owner."""
        copies = {
            name: {key: value.copy() for key, value in self.params[t].items()}
            for name, t in self.distinct_params().items()
        }
        inputs = self.inputs.copy() if isinstance(self.inputs, np.ndarray) else self.inputs
        return Path(self.steps, [copies[id(p)] for p in self.params], inputs)

    def distinct_params(self):
        """Where each different dict of parameters stands, by its identity.

        There is one in time, in depth there are as many as layers.
        """
        names = [id(p) for p in self.params]
        return {name: names.index(name) for name in dict.fromkeys(names)}


def deep(steps, params, x=None):
    """A path through layers, each with its own parameters: ``h_t = F_t(h_{t-1}, x_t; θ_t)``.

    Parameters
    ----------
    steps : Step or sequence of Step
        The layers in order; a single step stands for as many layers as there are ``params``.
    params : sequence of dict
        One dict of arrays per layer, as :func:`~gradtrace.init_params` makes them.
    x : ndarray of shape (T, *sweep, batch, n_in), optional
        One input per layer, for steps that take one: an RNN whose weights are not shared.

    Raises
    ------
    ValueError, TypeError
        Steps, parameters and inputs differ in number, or one is missing, misshapen or not finite.

    Notes
    -----
    Source: Giselsson (n.d.), "Deep learning – Model".

    Examples
    --------
    >>> rng, layer = np.random.default_rng(0), Dense(8, 8)
    >>> deep(layer, [init_params(layer, rng) for _ in range(20)])
    Path of 20 steps: Dense(8, 8, tanh)
    """
    if not isinstance(params, Iterable) or isinstance(params, dict):
        raise TypeError(f"params: expected a list with one dict per layer, got {given(params)}")
    params = list(params)
    several = isinstance(steps, Iterable) and not isinstance(steps, str | dict | np.ndarray)
    if not isinstance(steps, Step) and not several:
        raise TypeError(f"steps: expected a step or a list of steps, got {given(steps)}")
    steps = [steps] * len(params) if isinstance(steps, Step) else list(steps)
    for t, step in enumerate(steps):
        expect_step(f"steps[{t}]", step)
    if not steps or len(steps) != len(params):
        raise ValueError(
            f"params: expected one dict for each of {len(steps)} steps, at least one,"
            f" got {len(params)}"
        )
    for t, (step, p) in enumerate(zip(steps, params, strict=True)):
        if (step.inputs is None) != (x is None):
            wanted = "one input per layer" if x is None else "None"
            raise ValueError(f"x: expected {wanted} for steps[{t}], {step}, got {given(x)}")
        expect_params(step, p)
    if x is None:
        return Path(steps, params, [None] * len(steps))
    expect_array("x", x, (None, None, *steps[0].inputs), complex=True)
    if len(x) != len(steps):
        raise ValueError(
            f"x: expected an input for each of the {len(steps)} steps, got shape {x.shape}"
        )
    return Path(steps, params, x)


def unroll(step, p, x):
    """A path through time: the same step and the same parameters, ``h_t = F(h_{t-1}, x_t; θ)``.

    Parameters
    ----------
    step : Step
        A recurrent cell, or any step that keeps the shape of its state.
    p : dict of str to ndarray
        The parameters that all time steps share.
    x : ndarray of shape (T, *sweep, batch, n_in), or int
        The inputs in order of time; for a step that takes none, the number of steps ``T``.

    Raises
    ------
    ValueError, TypeError
        A parameter or input is missing, misshapen or not finite.

    Notes
    -----
    Source: Cremer (2017), "Recurrent Neural Network".

    Examples
    --------
    >>> cell = RNN(2, 8)
    >>> len(unroll(cell, init_params(cell, np.random.default_rng(0)), np.zeros((100, 1, 2))))
    100
    """
    expect_step("step", step)
    expect_params(step, p)
    if step.inputs is None:
        T = expect_size("x, the number of steps of a step without input", x)
        return Path([step] * T, [p] * T, [None] * T)
    expect_array("x", x, (None, None, *step.inputs), complex=True)
    if not len(x):
        raise ValueError(f"x: expected at least one time step, got shape {x.shape}")
    return Path([step] * len(x), [p] * len(x), x)


class Pullbacks(Sequence):
    """The pullbacks of a forward pass, one per step, with what the backward pass has to know.

    Attributes
    ----------
    lazy : list of callable
        The pullbacks as the steps made them, whose products are not multiplied yet.
    h : list of ndarray
        The states ``h_0 … h_T``.
    steps : list of Step
    sweep : int
        How many leading axes are sweep axes.
    """

    def __init__(self, lazy, h, steps, sweep):
        self.lazy, self.h, self.steps, self.sweep = lazy, h, steps, sweep

    @property
    def end(self):
        """The last state, ``h_T``."""
        return self.h[-1]

    def __getitem__(self, t):
        if isinstance(t, slice):
            return [self[i] for i in range(*t.indices(len(self)))]
        return checked_pullback(self.steps[t], self.h[range(len(self))[t] + 1], self.lazy[t])

    def __len__(self):
        return len(self.lazy)

    def __copy__(self):
        return self  # nothing in them can change

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError(
            "Pullbacks: expected the path to be pickled, and forward to be called there,"
            " got functions of this process"
        )


def forward(path, h0):
    """The forward pass: ``h_t = F_t(h_{t-1}, x_t; θ_t)`` for every ``t``.

    Parameters
    ----------
    path : Path or Grid
        From :func:`deep`, :func:`unroll` or :func:`stack`.
    h0 : ndarray of shape (*sweep, batch, *features)
        For a grid, where each layer starts: a list with a state for each, or one for all.

    Returns
    -------
    h : list of ndarray
        The ``T + 1`` states ``h_0 … h_T``, read-only, since the backward pass needs them as they
        are. Of a grid, rows of these: ``h[l][t]`` is what layer ``l`` hands up, ``h[0][t]`` the
        input; ``h[0][0]`` does not exist and is ``None``.
    vjps : Pullbacks or GridPullbacks
        The ``T`` pullbacks, in the order of the steps, for :func:`backward` and :func:`trace`.

    Raises
    ------
    ValueError, TypeError
        ``h0`` is misshapen, not finite or of another dtype than the parameters.
    FloatingPointError
        A state overflows; the step is named.

    Notes
    -----
    Source: Giselsson (n.d.), "Backpropagation summarized".

    Examples
    --------
    >>> layer, p = Dense(1, 1, "identity"), {"W": np.array([[2.0]]), "b": np.zeros(1)}
    >>> h, vjps = forward(deep(layer, 3 * [p]), np.ones((1, 1)))
    >>> np.ravel(h)
    array([1., 2., 4., 8.])
    """
    return forward_through(path, h0)


@singledispatch
def forward_through(path, h0):
    """What :func:`forward` does with each kind of path; ``grid`` registers its own."""
    raise TypeError(f"path: expected deep(...), unroll(...) or stack(...), got {given(path)}")


@forward_through.register
def forward_through_path(path: Path, h0):
    expect_start(path, h0)
    sweep = sweep_shape(path, h0)
    h, vjps = forward_pass(path.copied(), h0.copy())
    return h, Pullbacks(vjps, list(h), path.steps, len(sweep))


def expect_start(path, h0):
    """Raise unless the path can begin with ``h0``, and all that it meets has the dtype of it."""
    if not len(path):
        raise ValueError("path: expected at least one step, got none")
    step, _, x = path[0]
    expect_state(step, h0, x, names=("h0", "x"))
    for t in path.distinct_params().values():
        step, p, x = path[t]
        try:
            expect_params(step, p)  # the dict is its owner's, who may have changed it
            expect_one_dtype(step, p, h0, x)
        except (ValueError, TypeError) as error:
            raise type(error)(f"step {t + 1} of {len(path)}: {error}") from None


def forward_pass(path, h0, start=0, stop=None):
    """The states from ``h_start``, which is ``h0``, to ``h_stop``, and the pullbacks.

    The path and its first state were checked. So is every step when it comes the first time or
    meets a state of another shape.
    """
    h, vjps, block = [h0], [], slice(start, stop)
    h0.setflags(write=False)
    step = path.steps[start]
    begun = start and step is path.steps[start - 1]
    fits = begun and h0.shape[-len(step.features) :] == step.features
    known = (step, h0.shape, h0.dtype) if fits else (None, None, None)
    links = zip(path.steps[block], path.params[block], path.inputs[block], strict=True)
    with np.errstate(all="ignore"):
        for step, p, x in links:
            try:
                if step is not known[0] or h[-1].shape != known[1] or h[-1].dtype != known[2]:
                    expect_state(step, h[-1], x)
                    expect_one_dtype(step, p, h[-1], x)
                    known = step, h[-1].shape, h[-1].dtype
                    out, vjp = checked_step(step, p, h[-1], x)
                else:
                    out, vjp = step.step(p, h[-1], x)
            except FAULTS as error:
                raise_at_step(path, h, start, error)
            out.setflags(write=False)
            h.append(out)
            vjps.append(vjp)
    if first_not_finite(h) is not None:
        raise_at_step(path, h, start)
    return h, vjps


def raise_at_step(path, h, start, error=None):
    """Raise what ended a forward pass, named by its step.

    That is a state that overflowed, a wrong argument, or ``error``.
    """
    t = first_not_finite(h) or len(h)  # an earlier overflow is the cause of what came later
    step, p, x = path[start + t - 1]
    try:
        expect_params(step, p)
        expect_state(step, h[t - 1], x)
        if t < len(h):
            expect_finite(step, h[t])
        raise error
    except FAULTS as found:
        kind = next(kind for kind in FAULTS if isinstance(found, kind))
        # from error, whose traceback shows where
        raise kind(f"step {start + t} of {len(path)}: {found}") from error


def blocks(T, nbytes, most=2**18):
    """Slices of ``range(T)``: as many steps of ``nbytes`` as ``most`` bytes hold, at most 64.

    Enough for few calls and large products, few enough to stay in the cache, and no second copy of
    a long run.
    """
    size = min(max(most // max(nbytes, 1), 1), 64)
    return [slice(start, min(start + size, T)) for start in range(0, T, size)]


def first_not_finite(arrays):
    """The place of the first array that holds ``nan`` or an infinity, or ``None``."""
    for block in blocks(len(arrays), arrays[0].nbytes):
        part = arrays[block]
        alike = len({a.shape for a in part}) == 1
        if not all(np.isfinite(a).all() for a in ([np.stack(part)] if alike else part)):
            place = next(i for i, a in enumerate(part) if not np.isfinite(a).all())
            return block.start + place
    return None


def sweep_shape(path, h0):
    """The sweep axes of ``h0`` and of all parameters and inputs of the path, together."""
    sweep = h0.shape[: h0.ndim - 1 - len(path.steps[0].features)]
    for t in path.distinct_params().values():
        step, p, x = path[t]
        own = sweep_axes(step, p, np.empty((1,) * (1 + len(step.features))), x)
        try:
            sweep = np.broadcast_shapes(sweep, own)
        except ValueError:
            raise ValueError(
                f"step {t + 1} of {len(path)}: sweep axes of {step}: expected shapes that"
                f" broadcast with the {sweep} of h0 and the steps before, got {own}"
            ) from None
    return sweep
