"""The training loop, whose runs can be interrupted, saved and continued bit for bit."""

import json
import zipfile
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from ..expect import expect_rng, expect_size, given
from ..progress import bar
from .clip import total_log_norm
from .optim import Optimiser
from .params import align_sweep, expect_dict
from .regularize import EarlyStopping

GROUPS = ("p", "best", "state", "stopping")  # the parts of a run that are dicts of arrays
BIT_GENERATORS = {
    kind.__name__: kind
    for kind in (
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.MT19937,
        np.random.Philox,
        np.random.SFC64,
    )
}
ARRAYS = ("loss", "log_g", "validation", "validated", "order", "size")


def minibatches(rng, n, size):
    """One epoch in random order, cut into batches: every sample comes exactly once.

    The gradient of a batch of ``B`` out of ``n`` samples is right on average, and its variance is
    ``σ²/B · (n − B)/(n − 1)``, with ``σ²`` the variance of the gradient of a single sample.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        Number of samples.
    size : int
        Samples in a batch, ``1 … n``: 1 is stochastic descent, ``n`` batch descent. The last batch
        holds what is left.

    Returns
    -------
    list of ndarray of int
        Indices into the samples, ``⌈n / size⌉`` arrays.

    Notes
    -----
    Source: Lee (n.d.), "Variants of Gradient Descent".

    Examples
    --------
    >>> [len(batch) for batch in minibatches(np.random.default_rng(0), 10, 4)]
    [4, 4, 2]
    """
    expect_rng("rng", rng)
    n, size = expect_size("n", n), expect_size("size", size)
    if size > n:
        raise ValueError(f"size: expected at most n, {n}, got {size}")
    order = rng.permutation(n)
    return [order[i : i + size] for i in range(0, n, size)]


def train(
    p,
    gradient,
    optimiser,
    rng=None,
    *,
    n,
    size,
    epochs,
    clip=None,
    validate=None,
    every=1,
    stop=None,
):
    """Go through the samples ``epochs`` times in random order, with an update after each batch.

    Parameters
    ----------
    p : dict of str to ndarray, or Run
        Where to start: parameters (``flatten_params(params)`` for several layers), or a run to be
        continued.
    gradient : callable
        ``gradient(p, rows, rng) -> (loss, grads)`` for the samples ``rows``, an array of indices.
        The loss is a number or an array ``(*sweep,)``. Penalties are added here; dropout and
        augmentation draw from ``rng``.
    optimiser : Optimiser
    rng : numpy.random.Generator
        For a new run; a run goes on with its own. Only if its bit generator is none of numpy's it
        needs one of the same kind here, which is set to where the run was.
    n, size : int
        The number of samples, and of samples in a batch.
    epochs : int
        In all, those of a continued run included.
    clip : callable, optional
        ``clip(grads) -> (clipped, ln ‖g‖ before)``, such as ``lambda g: clip_norm(g, 1.0)``.
    validate : callable, optional
        ``validate(p) -> loss`` on other samples, called after every ``every`` epochs.
    stop : EarlyStopping, optional
        Ends training once it says so for all sweep members.

    Returns
    -------
    Run
        On ``KeyboardInterrupt`` too, with all updates that were finished.

    Raises
    ------
    ValueError, TypeError
        An argument cannot be used, or does not fit the run.
    Diverged
        Something is no longer finite, be it for one sweep member; the message names the update and
        the epoch.

    Examples
    --------
    >>> from gradtrace import GradientDescent
    >>> x = np.arange(8.0)
    >>> def gradient(p, rows, rng):                         # of ½ (w x − 3x)², averaged
    ...     error = (p["w"] - 3) * x[rows]
    ...     return (error**2).mean() / 2, {"w": (error * x[rows]).mean(keepdims=True)}
    >>> rng = np.random.default_rng(0)
    >>> run = train({"w": np.zeros(1)}, gradient, GradientDescent(0.05), rng, n=8, size=4, epochs=9)
    >>> run, run.p["w"].round(3)
    (Run(18 updates, 0 validations), array([3.]))
    """
    run = _begin(p, gradient, optimiser, rng, n, size, epochs, clip, validate, every, stop)
    rng, order, per = rng or generator(run.rng_state), run.order, -(-n // size)
    stop, loss, log_g = stop or EarlyStopping(epochs + 1), list(run.loss), list(run.log_g)

    def so_far(**more):
        done = {"loss": np.array(loss[: run.updates]), "log_g": np.array(log_g[: run.updates])}
        return replace(run, **done, **more)

    try:
        with bar(per * epochs, "training") as shown:
            shown.update(run.updates)
            while not (run.stopping and run.stopping["stop"].all()):
                epoch, k = divmod(run.updates, per)
                due = k == 0 and epoch % every == 0 and epoch > max(run.validated, default=0)
                if validate and due:
                    where = f"validation after epoch {epoch}"
                    run = _validated(run, epoch, validate, stop, np.shape(loss[0]))
                    continue
                if epoch >= epochs:
                    break
                where = f"update {run.updates + 1}, in epoch {epoch + 1}"
                if k == 0:
                    order = np.concatenate(minibatches(rng, n, size))
                rows = order[k * size : (k + 1) * size]
                value, grads = _expect_finite(gradient(run.p, rows, rng), loss)
                grads, length = _clipped(grads, clip, value)
                after, state = optimiser.step(run.p, grads, run.state)
                loss.append(value)
                log_g.append(length)
                run = replace(  # one assignment: all of an update, or nothing
                    run,
                    updates=run.updates + 1,
                    p=_in_order(after),
                    state=state,
                    order=order,
                    rng_state=rng.bit_generator.state,
                )
                shown.update()
        return so_far()
    except KeyboardInterrupt:
        return so_far(interrupted=True)
    except FloatingPointError as error:
        raise Diverged(f"{where}: {error}", so_far()) from error


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """What training has come to, complete: :func:`train` goes on as if it had never stopped.

    Attributes
    ----------
    p : dict of str to ndarray
        The parameters after the last update.
    best : dict of str to ndarray
        Those with the lowest validation loss, for each sweep member its own; empty without
        validation.
    loss, log_g : ndarray of shape (updates, *sweep)
        The loss of each batch, and ``ln ‖∂L/∂p‖`` before clipping.
    validation : ndarray of shape (validations, *sweep)
        The losses that ``validate`` returned, after the epochs ``validated``.
    validated : ndarray of int, shape (validations,)
    interrupted : bool
        Whether a ``KeyboardInterrupt`` ended it; everything above holds all the same.
    updates : int
        How many updates are done.
    state, stopping, rng_state, order, size
        The states of optimiser, early stopping and random generator, this epoch's order of the
        samples, and the size of a batch.

    Examples
    --------
    >>> from gradtrace import GradientDescent
    >>> from gradtrace.training.loop import train
    >>> slope = lambda p, rows, rng: (p["w"][0] ** 2 / 2, p)                # of the loss ½ w²
    >>> rule, rng = GradientDescent(0.5), np.random.default_rng(0)
    >>> run = train({"w": np.ones(1)}, slope, rule, rng, n=1, size=1, epochs=3)
    >>> run, run.p["w"], run.loss.round(3)
    (Run(3 updates, 0 validations), array([0.125]), array([0.5  , 0.125, 0.031]))
    """

    p: dict
    state: dict
    rng_state: dict
    order: np.ndarray
    size: int
    best: dict
    stopping: dict
    loss: np.ndarray
    log_g: np.ndarray
    validation: np.ndarray
    validated: np.ndarray
    interrupted: bool = False
    updates: int = 0

    def __repr__(self):
        end = ", interrupted" if self.interrupted else ""
        return f"Run({self.updates} updates, {len(self.validated)} validations{end})"

    def save(self, file):
        """Write the run to one ``.npz`` file, whole or not at all; :meth:`load` reads it.

        Parameters
        ----------
        file : str or Path

        Examples
        --------
        >>> import tempfile
        >>> from gradtrace import GradientDescent
        >>> from gradtrace.training.loop import train
        >>> slope = lambda p, rows, rng: (p["w"][0] ** 2 / 2, p)            # of the loss ½ w²
        >>> rule, rng = GradientDescent(0.5), np.random.default_rng(0)
        >>> run = train({"w": np.ones(1)}, slope, rule, rng, n=1, size=1, epochs=3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run.save(f"{folder}/run.npz")
        ...     train(Run.load(f"{folder}/run.npz"), slope, rule, n=1, size=1, epochs=5)
        Run(5 updates, 0 validations)
        """
        arrays = {}
        for group in GROUPS:
            arrays |= {f"{group}.{name}": value for name, value in getattr(self, group).items()}
        arrays |= {name: getattr(self, name) for name in ARRAYS}
        part = Path(f"{fspath(_expect_file(file))}.part")
        with part.open("wb") as out:
            rng_state = json.dumps(self.rng_state, default=np.ndarray.tolist)
            np.savez(out, rng_state=rng_state, interrupted=self.interrupted, **arrays)
        part.replace(file)

    @classmethod
    def load(cls, file):
        """The run that :meth:`save` wrote, see there for an example.

        Raises
        ------
        ValueError
            The file holds no run.
        """
        try:
            with (
                Path(_expect_file(file)).open("rb") as opened,
                np.load(opened, allow_pickle=False) as saved,
            ):
                arrays = dict(saved)
            found = {group: {} for group in GROUPS} | {name: arrays.pop(name) for name in ARRAYS}
            rng_state = json.loads(str(arrays.pop("rng_state")))
            interrupted = bool(arrays.pop("interrupted"))
            for key, value in arrays.items():
                group, _, name = key.partition(".")
                found[group][name] = value
        except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"file: expected a run that Run.save wrote, got {file} ({error})"
            ) from None
        found["size"] = int(found["size"])
        updates = len(found["loss"])
        return cls(**found, rng_state=rng_state, interrupted=interrupted, updates=updates)


class Diverged(FloatingPointError):
    """A loss, gradient or parameter was no longer finite; ``run`` ends with the update before.

    Examples
    --------
    >>> from gradtrace import GradientDescent
    >>> from gradtrace.training.loop import train
    >>> slope = lambda p, rows, rng: (abs(p["w"][0]), p)           # as if the loss were |w|
    >>> rule, rng = GradientDescent(1e200), np.random.default_rng(0)
    >>> try:
    ...     train({"w": np.ones(1)}, slope, rule, rng, n=1, size=1, epochs=9)
    ... except Diverged as error:
    ...     error.run
    Run(1 updates, 0 validations)
    """

    def __init__(self, message, run):
        super().__init__(message, run)  # both, as a copy and a pickle are made from them
        self.run = run

    def __str__(self):
        return self.args[0]


def generator(rng_state):
    """A generator in the state ``rng_state``, of one of numpy's kinds."""
    bits = BIT_GENERATORS[rng_state["bit_generator"]]()
    bits.state = rng_state
    return np.random.Generator(bits)


def _begin(p, gradient, optimiser, rng, n, size, epochs, clip, validate, every, stop):
    """The run before the first of these updates, after a look at all arguments."""
    for name, value in {"gradient": gradient, "clip": clip, "validate": validate}.items():
        if not (callable(value) or (value is None and name != "gradient")):
            raise TypeError(f"{name}: expected a function, got {given(value)}")
    if not isinstance(optimiser, Optimiser):
        raise TypeError(f"optimiser: expected one like Adam(), got {given(optimiser)}")
    if not isinstance(stop, EarlyStopping | None):
        raise TypeError(f"stop: expected EarlyStopping or None, got {given(stop)}")
    if stop and not validate:
        raise ValueError("stop: expected validate too, whose losses it looks at; got None")
    expect_size("epochs", epochs, least=0)
    expect_size("every", every)
    if expect_size("size", size) > expect_size("n", n):
        raise ValueError(f"size: expected at most {n}, the number of samples, got {size}")
    if not isinstance(p, Run):
        rng_state, none = expect_rng("rng", rng).bit_generator.state, np.zeros(0)
        return Run(
            p=_in_order(expect_dict("p", p)),
            state=optimiser.start(p),
            rng_state=rng_state,
            order=np.arange(n),
            size=size,
            best={},
            stopping={},
            loss=none,
            log_g=none,
            validation=none,
            validated=none.astype(int),
        )
    kind = p.rng_state["bit_generator"]
    if kind in BIT_GENERATORS and rng is not None:
        raise ValueError(
            f"rng: expected None, because a run goes on with its own generator, got {given(rng)}"
        )
    if kind not in BIT_GENERATORS:
        if rng is None or type(expect_rng("rng", rng).bit_generator).__name__ != kind:
            raise ValueError(
                f"rng: expected a Generator({kind}(…)) to go on with, which numpy itself does not"
                f" have, got {given(rng)}"
            )
        rng.bit_generator.state = p.rng_state
    if (len(p.order), p.size) != (n, size):
        raise ValueError(
            f"n, size: expected {len(p.order)} and {p.size}, those of the run, got {n} and {size}"
        )
    return replace(p, interrupted=False)


def _expect_file(file):
    if not isinstance(file, str | PathLike):
        raise TypeError(f"file: expected a path, got {given(file)}")
    return file


def _expect_finite(pair, before):
    """The loss as an array, and the gradients, if they can be used."""
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise TypeError(f"gradient: expected it to return (loss, grads), got {given(pair)}")
    loss, grads = np.asarray(pair[0]), pair[1]
    if before and loss.shape != np.shape(before[0]):
        raise ValueError(
            f"gradient: expected a loss of shape {np.shape(before[0])} as before, got {loss.shape}"
        )
    named = {"the loss": loss}
    if isinstance(grads, dict):  # else the optimiser says what is wrong
        named |= {f"the gradient of p[{name!r}]": g for name, g in grads.items()}
    for what, value in named.items():
        if not np.isfinite(value).all():
            raise FloatingPointError(f"{what} is no longer finite: {value!s:.200}")
    return loss, grads


def _clipped(grads, clip, loss):
    """The gradients to be used, and ``ln ‖g‖`` before clipping."""
    clipped, length = clip(grads) if clip else (grads, total_log_norm(grads, loss.ndim))
    if np.shape(length) != loss.shape:
        source = "clip" if clip else "gradient"
        raise ValueError(
            f"{source}: expected one loss and one ln ‖g‖ for each sweep member,"
            f" got shapes {loss.shape} and {np.shape(length)}"
        )
    return clipped, length


def _validated(run, epoch, validate, stop, shape):
    """The run with one more validation, and for each sweep member the best parameters so far."""
    loss = np.asarray(validate(run.p))
    if loss.shape != shape:
        raise ValueError(
            f"validate: expected a loss of shape {shape} as from gradient, got {loss.shape}"
        )
    if not np.isfinite(loss).all():
        raise FloatingPointError(f"the loss is no longer finite: {loss!s:.200}")
    stopping = stop.update(loss, run.stopping or stop.start(loss.shape))
    better, best = stopping["wait"] == 0, run.best or run.p
    best = {name: np.where(align_sweep(better, w), w, best[name]) for name, w in run.p.items()}
    return replace(
        run,
        validation=np.array([*run.validation, loss]),
        validated=np.array([*run.validated, epoch]),
        stopping=stopping,
        best=best,
    )


def _in_order(p):
    """The same arrays in C order, as a file gives them back: the last digit of sums needs it."""
    return {name: np.asarray(w, order="C") for name, w in p.items()}
