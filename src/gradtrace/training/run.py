"""What training has come to, as one object and as one file."""

import json
import zipfile
from dataclasses import dataclass
from os import fspath
from pathlib import Path

import numpy as np

GROUPS = ("p", "best", "state", "stopping")                 # the parts of a run that are dicts of arrays
ARRAYS = ("loss", "log_g", "validation", "validated", "order", "size")


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """What training has come to, complete: :func:`train` goes on from it as if it had never stopped.

    Attributes
    ----------
    p : dict of str to ndarray
        The parameters after the last update.
    best : dict of str to ndarray
        Those with the lowest validation loss, for each sweep member its own; empty without validation.
    loss, log_g : ndarray of shape (updates, *sweep)
        The loss of each batch, and ``ln ‖∂L/∂p‖`` before clipping.
    validation : ndarray of shape (validations, *sweep)
        The losses that ``validate`` returned, after the epochs ``validated``.
    validated : ndarray of int, shape (validations,)
    interrupted : bool
        Whether a ``KeyboardInterrupt`` ended it; everything above holds all the same.
    updates : int
        How many updates are done.
    state, stopping, bits, order, size
        The states of optimiser, early stopping and random generator, this epoch's order of the samples, and the
        size of a batch.

    Examples
    --------
    >>> from gradtrace import GradientDescent
    >>> from gradtrace.training.loop import train
    >>> slope = lambda p, rows, rng: (p["w"][0] ** 2 / 2, p)                # of the loss ½ w²
    >>> run = train({"w": np.ones(1)}, slope, GradientDescent(0.5), np.random.default_rng(0), n=1, size=1, epochs=3)
    >>> run, run.p["w"], run.loss.round(3)
    (Run(3 updates, 0 validations), array([0.125]), array([0.5  , 0.125, 0.031]))
    """

    p: dict
    state: dict
    bits: dict
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
        return f"Run({self.updates} updates, {len(self.validated)} validations{', interrupted' * self.interrupted})"

    def save(self, file):
        """Write the run to one ``.npz`` file, replacing it whole or not at all; :meth:`load` reads it.

        Parameters
        ----------
        file : str or Path

        Examples
        --------
        >>> import tempfile
        >>> from gradtrace import GradientDescent
        >>> from gradtrace.training.loop import train
        >>> slope = lambda p, rows, rng: (p["w"][0] ** 2 / 2, p)            # of the loss ½ w²
        >>> run = train({"w": np.ones(1)}, slope, GradientDescent(0.5), np.random.default_rng(0), n=1, size=1, epochs=3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run.save(f"{folder}/run.npz")
        ...     train(Run.load(f"{folder}/run.npz"), slope, GradientDescent(0.5), n=1, size=1, epochs=5)
        Run(5 updates, 0 validations)
        """
        arrays = {f"{group}.{name}": value for group in GROUPS for name, value in getattr(self, group).items()}
        arrays |= {name: getattr(self, name) for name in ARRAYS}
        part = Path(f"{fspath(file)}.part")
        with part.open("wb") as out:
            np.savez(out, bits=json.dumps(self.bits, default=np.ndarray.tolist), interrupted=self.interrupted, **arrays)
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
            with Path(file).open("rb") as opened, np.load(opened, allow_pickle=False) as saved:
                arrays = dict(saved)
            found = {group: {} for group in GROUPS} | {name: arrays.pop(name) for name in ARRAYS}
            bits, interrupted = json.loads(str(arrays.pop("bits"))), bool(arrays.pop("interrupted"))
            for key, value in arrays.items():
                group, _, name = key.partition(".")
                found[group][name] = value
        except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"file: expected a run that Run.save wrote, came {file} ({error})") from None
        found["size"] = int(found["size"])
        return cls(**found, bits=bits, interrupted=interrupted, updates=len(found["loss"]))


class Diverged(FloatingPointError):
    """A loss, gradient or parameter was no longer finite. ``run`` is the :class:`Run` up to the update before.

    Examples
    --------
    >>> from gradtrace import GradientDescent
    >>> from gradtrace.training.loop import train
    >>> slope = lambda p, rows, rng: (abs(p["w"][0]), p)           # as if the loss were |w|
    >>> try:
    ...     train({"w": np.ones(1)}, slope, GradientDescent(1e200), np.random.default_rng(0), n=1, size=1, epochs=9)
    ... except Diverged as error:
    ...     error.run
    Run(1 updates, 0 validations)
    """

    def __init__(self, message, run):
        super().__init__(message)
        self.run = run


def generator(bits):
    """A generator in the state ``bits``."""
    kinds = {kind.__name__: kind for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937,
                                              np.random.Philox, np.random.SFC64)}
    generator = kinds[bits["bit_generator"]]()
    generator.state = bits
    return np.random.Generator(generator)
