"""A stack of recurrent layers, which is a grid: layers upwards, time steps to the right.

Every layer is a path through time, and what it hands up at each step is the input of the layer
above. On the way back the gradient at a state is what comes from the next step of its layer, plus
what the layer above hands down.
"""

from collections.abc import Iterable
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..expect import expect_array, expect_bool, given
from ..steps.checks import expect_params
from ..steps.contract import Step, expect_step
from .path import FAULTS, Pullbacks, first_not_finite, forward, forward_through, unroll
from .trace import (
    Trace,
    add_scaled,
    backward_pass,
    backward_through,
    expect_finite_gradient,
    finite_gradients,
    log_norms_by_name,
    log_scaled,
    rescale,
    scaled_backward_pass,
    squared_norms,
    trace_through,
    within_range,
)


class Layer(NamedTuple):
    """One layer of a stack: its step, the parameters of all its time steps, whether it adds."""

    step: Step
    p: dict[str, np.ndarray]
    residual: bool = False


class Grid:
    """A stack of recurrent layers over one sequence, as :func:`stack` makes it.

    Attributes
    ----------
    layers : list of Layer
        From the lowest to the highest.
    x : ndarray of shape (T, *sweep, batch, n_in)
        What the lowest layer reads.

    Examples
    --------
    >>> cell = RNN(2, 2)
    >>> params = [init_params(cell, np.random.default_rng(0)) for _ in range(3)]
    >>> grid = stack(cell, params, np.zeros((20, 1, 2)), residual=True)
    >>> [layer.residual for layer in grid.layers]
    [False, True, True]
    """

    def __init__(self, layers, x):
        self.layers, self.x = layers, x

    def __repr__(self):
        names = list(dict.fromkeys(str(layer.step) for layer in self.layers))
        more = ", …" if len(names) > 3 else ""
        return (
            f"Grid of {len(self.layers)} layers × {len(self.x)} steps: {', '.join(names[:3])}{more}"
        )


def stack(steps, params, x, residual=False):
    """A grid: recurrent layers upon one another, each through time.

    Layer ``l`` at time ``t`` takes its own state before and what the layer below hands up now::

        s[l, t] = F_l(s[l, t-1], h[l-1, t]; θ_l)
        h[l, t] = the part of s[l, t] that others see        (all of it; of an LSTM's [h | c] the h)
        h[l, t] = h[l-1, t] + that part                      (with a residual connection)

    Row 0 is the input, ``h[0, t] = x_t`` for ``t = 1 … T``; column 0 holds where the layers start.

    Parameters
    ----------
    steps : Step or sequence of Step
        The recurrent cells, from the lowest to the highest layer; a single one stands for as many
        layers as there are ``params``. :class:`~gradtrace.OnInput` puts a norm or a matrix between
        a layer and the one below.
    params : sequence of dict
        One dict of arrays per layer.
    x : ndarray of shape (T, *sweep, batch, n_in)
        The inputs in order of time.
    residual : bool or sequence of bool
        Which layers add what they read to what they hand up. ``True``: all but the lowest, whose
        input is no layer.

    Raises
    ------
    ValueError, TypeError
        Layers, parameters and inputs do not fit one another; the layer is named.

    Notes
    -----
    Source: Hermans and Schrauwen (2013) for the stack, in which each layer "receives the hidden
    state of the previous layer as input"; for residual connections between layers Wu et al. (2016),
    as others quote them.

    Examples
    --------
    >>> rng, cell = np.random.default_rng(0), RNN(8, 8)
    >>> params = [init_params(cell, rng) for _ in range(3)]
    >>> stack(cell, params, rng.standard_normal((20, 1, 8)))
    Grid of 3 layers × 20 steps: RNN(8, 8, tanh)
    """
    if not isinstance(params, Iterable) or isinstance(params, dict):
        raise TypeError(f"params: expected a list with one dict per layer, got {given(params)}")
    params = list(params)
    steps = [steps] * len(params) if isinstance(steps, Step) else list(expect_several(steps))
    for i, step in enumerate(steps):
        expect_step(f"steps[{i}]", step)
        if step.inputs is None:
            raise ValueError(f"steps[{i}]: expected a step that takes an input, got {step}")
    if not steps or len(steps) != len(params):
        raise ValueError(
            f"params: expected one dict for each of {len(steps)} layers, at least one,"
            f" got {len(params)}"
        )
    for i, (step, p) in enumerate(zip(steps, params, strict=True)):
        with named_layer(i, len(steps)):
            expect_params(step, p)
    expect_array("x", x, (None, None, *steps[0].inputs), complex=True)
    if not len(x):
        raise ValueError(f"x: expected at least one time step, got shape {x.shape}")
    for i in range(1, len(steps)):
        if steps[i].inputs != steps[i - 1].hidden:
            raise ValueError(
                f"steps[{i}]: expected inputs of the shape {steps[i - 1].hidden} that the layer"
                f" below hands up, got {steps[i]}"
            )
    adds = which_add(steps, residual)
    return Grid([Layer(*each) for each in zip(steps, params, adds, strict=True)], x)


@contextmanager
def named_layer(i, depth):
    """Name the layer in whatever is raised."""
    try:
        yield
    except FAULTS as error:
        kind = next(kind for kind in FAULTS if isinstance(error, kind))
        raise kind(f"layer {i + 1} of {depth}: {error}") from error


def expect_several(steps):
    """Return ``steps`` if it can be a list of them; else raise."""
    if not isinstance(steps, Iterable) or isinstance(steps, str | dict | np.ndarray):
        raise TypeError(f"steps: expected a step or a list of steps, got {given(steps)}")
    return steps


def which_add(steps, residual):
    """For each layer whether it is residual, checked."""
    if isinstance(residual, list | tuple):
        adds = [expect_bool(f"residual[{i}]", value) for i, value in enumerate(residual)]
    else:
        expect_bool("residual", residual)
        adds = [residual and i > 0 for i in range(len(steps))]
    if len(adds) != len(steps):
        raise ValueError(
            f"residual: expected one entry for each of {len(steps)} layers, got {len(adds)}"
        )
    for i, (step, add) in enumerate(zip(steps, adds, strict=True)):
        if add and step.inputs != step.hidden:
            raise ValueError(
                f"residual: expected layers that hand up the shape they read, got steps[{i}],"
                f" {step}, which reads {step.inputs} and hands up {step.hidden}"
            )
    return adds


def seen(step, state):
    """The part of a layer's state that others see."""
    return state[..., : step.hidden[-1]]


class GridPullbacks:
    """The pullbacks of a forward pass through a grid, layer by layer.

    Attributes
    ----------
    grid : Grid
    layers : list of Pullbacks
        From the lowest to the highest; their ``h`` are the states of the layer's cells.
    h : list of list of ndarray
        ``h[l][t]``, as :func:`forward` returns them.
    """

    def __init__(self, grid, layers, h):
        self.grid, self.layers, self.h = grid, layers, h

    @property
    def steps(self):
        """The steps of each layer, one list for each."""
        return [layer.steps for layer in self.layers]

    @property
    def sweep(self):
        """The sweep axes of the highest layer, which are those of all gradients."""
        top = self.layers[-1]
        return top.end.shape[: top.sweep]

    def __copy__(self):
        return self  # nothing in them can change

    def __deepcopy__(self, memo):
        return self

    __reduce__ = Pullbacks.__reduce__


@forward_through.register
def forward_through_grid(grid: Grid, h0):
    """The forward pass of a grid: row by row, from the input upwards."""
    starts = h0 if isinstance(h0, list | tuple) else [h0] * len(grid.layers)
    if len(starts) != len(grid.layers):
        raise ValueError(
            f"h0: expected one state for each of {len(grid.layers)} layers, got {len(starts)}"
        )
    below = grid.x.copy()
    below.setflags(write=False)
    h, pullbacks = [[None, *below]], []
    for i, ((step, p, residual), start) in enumerate(zip(grid.layers, starts, strict=True)):
        with named_layer(i, len(grid.layers)):
            states, vjps = forward(unroll(step, p, below), start)
            expect_same_features(step, states[-1])
            up = [seen(step, state) for state in states[1:]]
            if residual:
                up = sums(below, up)
        up = np.stack(up)
        up.setflags(write=False)
        h.append([seen(step, states[0]), *up])
        pullbacks.append(vjps)
        below = up
    return h, GridPullbacks(grid, pullbacks, h)


def expect_same_features(step, state):
    """Raise unless a step keeps the shape of its state, as a layer has to."""
    if state.shape[-len(step.features) :] != step.features:
        raise ValueError(
            f"step: expected one that keeps the shape {step.features} of its state, got {step},"
            f" which makes {state.shape}"
        )


def sums(below, up):
    """What residual layers hand up: what they read and what their cells make, step by step."""
    with np.errstate(all="ignore"):
        out = [x + h for x, h in zip(below, up, strict=True)]
    t = first_not_finite(out)
    if t is not None:
        raise FloatingPointError(
            f"step {t + 1} of {len(out)}: residual sum: expected finite numbers, got an overflow"
            f" of {out[t].dtype}"
        )
    return out


class GridGradients:
    """Plain gradients of one backward pass through a grid.

    Attributes
    ----------
    h : list of list of ndarray
        ``∂L/∂h[l, t]`` as ``h[l][t]``: the input first, then the layers, each with ``t = 0 … T``.
        ``h[0][0]`` does not exist and is ``None``.
    layers : list of Gradients
        The gradients of each layer's path, with those of its whole states and its parameters.

    Examples
    --------
    >>> cell, p = RNN(1, 1, "identity"), {"W": np.eye(1), "U": 2 * np.eye(1), "b": np.zeros(1)}
    >>> h, vjps = forward(stack(cell, [p, p], np.ones((3, 1, 1))), np.zeros((1, 1)))
    >>> np.ravel(backward(vjps, np.ones((1, 1))).h[1])      # one, two, three ways up: 2, 4, 6
    array([6., 6., 4., 2.])
    """

    def __init__(self, h, layers):
        self.h, self.layers = h, layers

    def shared(self):
        """The gradients of the weights of each layer, as a list of dicts.

        Raises
        ------
        FloatingPointError
            A sum overflows.
        """
        sums = []
        for i, layer in enumerate(self.layers):
            with named_layer(i, len(self.layers)):
                sums.append(layer.shared())
        return sums


class GridTrace(Trace):
    """Natural logarithms of gradient norms on a grid.

    Attributes
    ----------
    log_h : ndarray of shape (depth + 1, T + 1, *sweep)
        ``ln ‖∂L/∂h[l, t]‖`` over batch and features. Row 0 is the input, row ``l`` what layer ``l``
        hands up; column 0 is where the layers start. ``[0, 0]`` does not exist and is ``nan``. A
        gradient that is exactly zero gives ``-inf``.
    log_p : list of dict of str to ndarray of shape (T, *sweep)
        For each layer the same of each step's contribution to the gradient of a parameter.
    grads : GridGradients
        The plain gradients for the same ``g``, as :func:`backward` returns or raises.

    Examples
    --------
    >>> cell, p = RNN(1, 1, "identity"), {"W": np.eye(1), "U": 2 * np.eye(1), "b": np.zeros(1)}
    >>> h, vjps = forward(stack(cell, [p, p], np.ones((3, 1, 1))), np.zeros((1, 1)))
    >>> np.exp(trace(vjps, np.ones((1, 1))).log_h).round(9)
    array([[nan, 12.,  8.,  4.],
           [ 6.,  6.,  4.,  2.],
           [ 1.,  1.,  1.,  1.]])
    """

    @cached_property
    def grads(self):
        return finite_grid_gradients(*self._plain)


class Scaled(NamedTuple):
    """A gradient ``g 2^exponent``, with one exponent for each sweep member."""

    g: np.ndarray
    exponent: np.ndarray


class LayerPass(NamedTuple):
    """The backward pass of one layer: gradients of its states and inputs, and its shares.

    The share of step ``t`` is to be taken times ``2^exponents[t - 1]``.
    """

    h: list[Scaled]
    x: list[Scaled]
    shares: list[tuple]
    exponents: list[np.ndarray]


class Arithmetic(NamedTuple):
    """How a pass goes through a layer, and how two gradients are added."""

    through: object
    plus: object


def plainly_through(vjps, direct):
    """A layer's pass in plain numbers; all exponents stay as they are, zero."""
    zero = direct[-1].exponent
    arrays = [None if entry is None else entry.g for entry in direct]
    h, shares = backward_pass(vjps, arrays[-1], arrays[:-1])
    inputs = [Scaled(x, zero) for x in of_inputs(shares)]
    return LayerPass([Scaled(g, zero) for g in h], inputs, shares, [zero] * len(shares))


def scaled_through(vjps, direct):
    """A layer's pass past the float range: what leaves it has its power of two apart again."""
    h, exponents, shares = scaled_backward_pass(vjps, *rescale(*direct[-1]), direct[:-1])
    inputs = zip(of_inputs(shares), exponents[1:], strict=True)
    return LayerPass(
        [Scaled(*each) for each in zip(h, exponents, strict=True)],
        [Scaled(*rescale(*each)) for each in inputs],
        shares,
        exponents[1:],
    )


def of_inputs(shares):
    """``∂L/∂x`` of every step, multiplied out."""
    return [np.asarray(x) for x, _ in shares]


def plain_sum(a, b):
    return Scaled(a.g + b.g, a.exponent)


def scaled_sum(a, b):
    return Scaled(*add_scaled(*a, *b))


PLAIN = Arithmetic(plainly_through, plain_sum)
SCALED = Arithmetic(scaled_through, scaled_sum)


@np.errstate(all="ignore")  # what overflows is found later
def grid_pass(vjps, direct, arithmetic):
    """The gradients on the grid, row by row from the top down, and the pass of each layer.

    Parameters
    ----------
    vjps : GridPullbacks
    direct : list of list of Scaled or None
        What the loss puts on each ``h[l, t]``.
    arithmetic : Arithmetic
        ``PLAIN`` or ``SCALED``.
    """
    rows, passes = [], []
    up = direct[-1]  # ∂L/∂h[l, t] without what comes from the next step of layer l
    for (step, _, residual), layer, own in reversed(
        list(zip(vjps.grid.layers, vjps.layers, direct[:-1], strict=True))
    ):
        through = arithmetic.through(layer.lazy, on_states(step, up))
        states = [Scaled(seen(step, g), exponent) for g, exponent in through.h]
        rows.append([states[0], *(up[1:] if residual else states[1:])])
        passes.append(through)
        down = through.x
        if residual:  # h[l, t] = h[l-1, t] + …
            down = [added(arithmetic, x, u) for x, u in zip(down, up[1:], strict=True)]
        up = [own[0], *(added(arithmetic, d, o) for d, o in zip(down, own[1:], strict=True))]
    rows.append(up)
    return rows[::-1], passes[::-1]


def added(arithmetic, a, b):
    """``a + b``, where ``b`` may be ``None``."""
    return a if b is None else arithmetic.plus(a, b)


def on_states(step, up):
    """What comes from above, for a layer's whole states: zero at the ``c`` of an LSTM."""
    rest = step.features[-1] - step.hidden[-1]
    out = []
    for entry in up:
        if entry is not None and rest:
            nothing = np.zeros((*entry.g.shape[:-1], rest), entry.g.dtype)
            entry = entry._replace(g=np.concatenate([entry.g, nothing], axis=-1))
        out.append(entry)
    return out


def losses_on_grid(vjps, g):
    """What the loss puts on each ``h[l, t]``, checked: rows of :class:`Scaled` or ``None``.

    In the highest row there is an array at every step.
    """
    depth, T = len(vjps.layers), len(vjps.grid.x)
    rows = [[None] * (T + 1) for _ in range(depth + 1)]
    zero = np.zeros(vjps.sweep, dtype=int)
    for (l, t), (name, entry) in by_place(g, depth, T).items():
        state = vjps.h[l][t]
        expect_array(name, entry, complex=True)
        features = state.shape[-1 - len(vjps.grid.layers[0].step.inputs) :]
        full = (*vjps.sweep, *features)
        if entry.shape not in (state.shape, full):
            raise ValueError(
                f"{name}: expected the shape {state.shape} of its state, got {entry.shape}"
            )
        if entry.dtype != state.dtype:
            raise TypeError(
                f"{name}: expected {state.dtype}, the dtype of the states, got {entry.dtype}"
            )
        rows[l][t] = Scaled(np.broadcast_to(entry, full).copy(), zero)
    nothing = np.zeros_like(vjps.h[-1][-1])
    rows[-1][1:] = [Scaled(nothing, zero) if each is None else each for each in rows[-1][1:]]
    return rows


def by_place(g, depth, T):
    """``{(l, t): (name, array)}`` of what may be given as ``g``."""
    if isinstance(g, list | tuple):
        if len(g) != T + 1:
            raise ValueError(
                f"g: expected {T + 1} entries, one for each state of the highest layer,"
                f" got {len(g)}"
            )
        return {(depth, t): (f"g[{t}]", entry) for t, entry in enumerate(g) if entry is not None}
    if not isinstance(g, dict):
        return {(depth, T): ("g", g)}
    if not g:
        raise ValueError("g: expected a place (l, t) at least, got {}")
    places = {}
    for place, entry in g.items():
        if not is_place(place, depth, T):
            raise ValueError(
                f"g: expected places (l, t) with l in 0 … {depth} and t in 0 … {T}, but (0, 0),"
                f" got {given(place)}"
            )
        places[place] = (f"g[{place[0]}, {place[1]}]", entry)
    return places


def is_place(place, depth, T):
    """Whether it is ``(l, t)`` of a state on the grid."""
    pair = isinstance(place, tuple) and len(place) == 2
    if not pair or any(isinstance(each, bool) for each in place):
        return False
    if not all(isinstance(each, int | np.integer) for each in place):
        return False
    l, t = place
    return 0 <= l <= depth and 0 <= t <= T and (l, t) != (0, 0)


def finite_grid_gradients(rows, passes, steps):
    """The :class:`GridGradients`, unless one overflows."""
    h = [[None if entry is None else entry.g for entry in row] for row in rows]
    layers = []
    for i, (each, own) in enumerate(zip(passes, steps, strict=True)):
        with named_layer(i, len(passes)):
            layers.append(finite_gradients([g for g, _ in each.h], each.shares, own))
    for l, row in enumerate(h):
        for t, g in enumerate(row):
            if g is not None:
                expect_finite_gradient(f"∂L/∂h[{l}, {t}]", g)
                g.setflags(write=False)
    return GridGradients(h, layers)


@backward_through.register
def backward_through_grid(vjps: GridPullbacks, g):
    """Backpropagation on a grid."""
    return finite_grid_gradients(*grid_pass(vjps, losses_on_grid(vjps, g), PLAIN), vjps.steps)


@trace_through.register
def trace_through_grid(vjps: GridPullbacks, g):
    """The logarithms on a grid; if a norm leaves the float range, the pass is repeated, scaled."""
    direct = losses_on_grid(vjps, g)
    rows, passes = grid_pass(vjps, direct, PLAIN)
    plain = rows, passes, vjps.steps

    def scaled():
        first = [
            [None if each is None else Scaled(*rescale(*each)) for each in row] for row in direct
        ]
        return grid_pass(vjps, first, SCALED)

    def log_p():
        logs = [log_shares(each, plain=True) for each in passes]
        if None in logs:  # a share may have faded inside its step: scaled, it stays
            logs = [log_shares(each) for each in scaled()[1]]
        return logs

    sweep = len(vjps.sweep)
    squares = [squared_norms([g for g, _ in row], sweep) for row in without_corner(rows)]
    if all(within_range(row, vjps.grid.x.dtype) for row in squares):
        return GridTrace(with_corner([0.5 * np.log(row) for row in squares]), log_p, plain)
    scaled_rows, scaled_passes = scaled()
    logs = [np.array([log_scaled(*each) for each in row]) for row in without_corner(scaled_rows)]
    return GridTrace(with_corner(logs), lambda: [log_shares(each) for each in scaled_passes], plain)


def without_corner(rows):
    """The rows of a grid, the first without ``[0, 0]``, which does not exist."""
    return [rows[0][1:], *rows[1:]]


def with_corner(logs):
    """Rows without the corner as one array in which it is ``nan``."""
    corner = np.full((1, *logs[0].shape[1:]), np.nan)
    return np.array([np.concatenate([corner, logs[0]]), *logs[1:]], dtype=float)


def log_shares(passed, plain=False):
    """Logarithms of the norms of each step's shares in one layer; see ``log_norms_by_name``."""
    return log_norms_by_name(passed.shares, passed.exponents, plain)
