"""A chain of steps, in depth or in time, and the pass through it.

``deep`` gives each step its own parameters, ``unroll`` all the same; from there on the code never asks which it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..expect import expect_array, expect_size
from ..steps.contract import Step, expect_params, expect_state


class Link(NamedTuple):
    """One step of a path with the parameters and the input it is called with."""

    step: Step
    p: dict[str, np.ndarray]
    x: np.ndarray | None = None


@dataclass(frozen=True)
class Path(Sequence):
    """Links in the order of the forward pass. A weight is shared where two links hold the same dict.

    Examples
    --------
    >>> cell = RNN(1, 3)
    >>> unroll(cell, draw(cell, np.random.default_rng(0)), np.zeros((50, 1, 1)))
    Path of 50 steps: RNN(1, 3, tanh)
    """

    links: Sequence[Link]

    def __getitem__(self, t):
        return self.links[t]

    def __len__(self):
        return len(self.links)

    def __repr__(self):
        steps = list(dict.fromkeys(str(link.step) for link in self.links))
        return f"Path of {len(self)} steps: {', '.join(steps[:3])}{', …' if len(steps) > 3 else ''}"


class Made(Sequence):
    """A list whose entries are made when asked for: ``make(t)`` for ``t = 0 … length - 1``."""

    def __init__(self, length, make):
        self.length, self.make = length, make

    def __len__(self):
        return self.length

    def __getitem__(self, t):
        place = range(self.length)[t]
        return [self.make(i) for i in place] if isinstance(t, slice) else self.make(place)


class Unrolled(Path):
    """The same step with the same parameters at every time; its links are made when asked for.

    ``own`` gives a run parameters of its own, for lazy results made after the caller's may have changed; ``bptt``, done
    with them before it returns, needs no copies.
    """

    copies = True

    def own(self):
        return {name: value.copy() for name, value in self.p.items()} if self.copies else self.p

    def __init__(self, step, p, x):
        vars(self).update(links=Made(len(x), lambda t: Link(step, p, x[t])), step=step, p=p, x=x)


# Type of step: a faster forward for an Unrolled of it, which returns None where it does not apply. See fast/rnn.py.
FUSED = {}
FUSED_DEEP = {}         # the same for a path of layers, by the type of the first one; see fast/deep.py


def deep(steps, params, x=None):
    """A path through layers, each with its own parameters: ``h_t = F_t(h_{t-1}, x_t; θ_t)``.

    Parameters
    ----------
    steps : Step or sequence of Step
        The layers in order; a single step stands for as many layers as there are ``params``.
    params : sequence of dict
        One dict of arrays per layer, as :func:`~gradtrace.draw` makes them.
    x : ndarray of shape (T, *sweep, batch, n_in), optional
        One input per layer, for steps that take one: an RNN whose weights are not shared.

    Raises
    ------
    ValueError, TypeError
        Steps, parameters and inputs differ in number, or one is missing, misshapen or not finite.

    Notes
    -----
    Source: Giselsson, "Deep learning – Model".

    Examples
    --------
    >>> rng, layer = np.random.default_rng(0), Dense(8, 8)
    >>> deep(layer, [draw(layer, rng) for _ in range(20)])
    Path of 20 steps: Dense(8, 8, tanh)
    """
    params = list(params)
    steps = [steps] * len(params) if isinstance(steps, Step) else list(steps)
    if not steps or len(steps) != len(params):
        raise ValueError(f"params: expected one dict for each of {len(steps)} steps, at least one; came {len(params)}")
    for t, (step, p) in enumerate(zip(steps, params, strict=True)):
        if not (t and step is steps[t - 1]) and not isinstance(step, Step):     # asked once
            raise TypeError(f"steps[{t}]: expected a step, came {type(step).__name__} {step!r:.40}")
        if (step.inputs is None) != (x is None):
            raise ValueError(f"x: expected {'one input per layer' if x is None else 'none'} for steps[{t}], {step}")
        expect_params(step, p)
    inputs = [None] * len(steps) if x is None else expect_array("x", x, (None, None, None))
    if len(inputs) != len(steps):
        raise ValueError(f"x: expected an input for each of the {len(steps)} steps, came shape {x.shape}")
    return Path(tuple(map(Link, steps, params, inputs)))


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
    Source: Cremer, "Recurrent Neural Network".

    Examples
    --------
    >>> cell = RNN(2, 8)
    >>> len(unroll(cell, draw(cell, np.random.default_rng(0)), np.zeros((100, 1, 2))))
    100
    """
    if type(step) not in FUSED and not isinstance(step, Step):  # the second question takes seven microseconds
        raise TypeError(f"step: expected a step, came {type(step).__name__} {step!r:.40}")
    expect_params(step, p)
    if step.inputs is None:
        return Path((Link(step, p),) * expect_size("x, the number of steps of a step without input", x))
    expect_array("x", x, (None, None, *step.inputs))
    if not len(x):
        raise ValueError(f"x: expected at least one time step, came shape {x.shape}")
    return Unrolled(step, p, x)


class Pullbacks(Sequence):
    """The pullbacks of a forward pass, one per step, with what the way back has to know.

    Attributes
    ----------
    vjps : sequence of callable
    end : ndarray
        The last state ``h_T``.
    sweep : int
        How many leading axes are sweep axes.
    fast : callable or None
        The whole way back at once, for a run that has one: what the loss puts on each state to :class:`Trace`.
    """

    fast = None

    def __init__(self, vjps, end, sweep):
        self.vjps, self.end, self.sweep = vjps, end, sweep

    def __getitem__(self, t):
        return self.vjps[t]

    def __len__(self):
        return len(self.vjps)


def forward(path, h0):
    """Walk a path forward: ``h_t = F_t(h_{t-1}, x_t; θ_t)`` for every ``t``.

    Parameters
    ----------
    path : Path
    h0 : ndarray of shape (*sweep, batch, *features)

    Returns
    -------
    h : list of ndarray, or ndarray of shape (T + 1, *sweep, batch, n)
        The ``T + 1`` states ``h_0 … h_T``.
    vjps : Pullbacks
        The ``T`` pullbacks, in the order of the steps, for :func:`backward` and :func:`trace`.

    Raises
    ------
    ValueError, TypeError
        ``h0`` is misshapen, not finite or of another dtype than the parameters.
    FloatingPointError
        A state overflows; the step is named.

    Notes
    -----
    Source: Giselsson, "Backpropagation summarized".

    Examples
    --------
    >>> layer = Dense(1, 1, "identity")
    >>> h, vjps = forward(deep(layer, 3 * [{"W": np.array([[2.0]]), "b": np.zeros(1)}]), np.ones((1, 1)))
    >>> np.ravel(h)
    array([1., 2., 4., 8.])
    """
    if not isinstance(path, Path):
        raise TypeError(f"path: expected deep(...) or unroll(...), came {type(path).__name__} {path!r:.40}")
    fused = FUSED.get(type(path.step)) if isinstance(path, Unrolled) else FUSED_DEEP.get(type(path[0].step))
    if fused and (run := fused(path, h0)):
        return run
    first = path[0]
    expect_state(first.step, h0, first.x, names=("h0", "x"))
    h, vjps = [h0], []
    for t, (step, p, x) in enumerate(path, start=1):
        try:
            out, vjp = step(p, h[-1], x)
        except (FloatingPointError, ValueError, TypeError) as error:
            raise type(error)(f"step {t} of {len(path)}: {error}") from None
        h.append(out)
        vjps.append(vjp)
    return h, Pullbacks(vjps, h[-1], _sweep_axes(path, h0))


def _sweep_axes(path, h0):
    """The number of leading axes that belong to no step: the most that a state, parameter or input carries."""
    first = path[0].step
    most = h0.ndim - 1 - len(first.features)
    for step, values, x in {id(link.p): link for link in path}.values():
        most = max(most, *(values[name].ndim - len(shape) for name, shape in step.shapes().items()),
                   x.ndim - 1 - len(step.inputs) if x is not None else 0)
    return most
