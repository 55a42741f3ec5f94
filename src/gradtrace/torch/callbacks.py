"""What :func:`gradtrace.torch.watch` tells, handed on: to a notebook, TensorBoard, and trainers.

What they belong to is imported only when they are made.
"""

import math
import sys
import time

from ..expect import given
from .watch import watch

__all__ = ["LiveFigure", "TensorBoard", "lightning_callback", "scalars", "trainer_callback"]


def scalars(log):
    """``{tag: number}`` of the last watched update, if any; what is not finite is left out.

    Norms of single parameters and how far they moved are powers of ten.

    Parameters
    ----------
    log : TrainingLog

    Examples
    --------
    >>> import numpy as np
    >>> from .history import Row, TrainingLog
    >>> log = TrainingLog(["weight"])
    >>> log.add(Row(0, 2.0, math.nan, np.log([100.0]), np.array([1e-3])))
    >>> scalars(log)
    {'gradient norm': 2.0, 'log10 gradient/weight': 2.0, 'log10 moved/weight': -3.0}
    """
    if not len(log.updates):
        return {}
    found = {"gradient norm": log.norm[-1], "clipped": log.clipped[-1]}
    for name, logs in log.log_p.items():
        found[f"log10 gradient/{name}"] = logs[-1] / math.log(10)
    for name, ratios in log.moved.items():
        found[f"log10 moved/{name}"] = math.log10(ratios[-1]) if ratios[-1] > 0 else -math.inf
    for name, steps in log.reach.items():
        found[f"reach/{name}"] = steps[-1]
    return {tag: round(float(x), 6) for tag, x in found.items() if math.isfinite(x)}


class TensorBoard:
    """Writes :func:`scalars` of every watched update: ``watch(…, callbacks=TensorBoard(writer))``.

    Parameters
    ----------
    writer : object
        A ``torch.utils.tensorboard.SummaryWriter``, or whatever else has
        ``add_scalar(tag, value, step)``.

    Examples
    --------
    >>> class Printer:
    ...     def add_scalar(self, tag, value, step):
    ...         print(step, tag, value)
    >>> TensorBoard(Printer())
    TensorBoard(Printer)
    """

    def __init__(self, writer):
        if not callable(getattr(writer, "add_scalar", None)):
            raise TypeError(f"writer: expected an object with add_scalar, got {given(writer)}")
        self.writer = writer

    def __call__(self, log):
        for tag, value in scalars(log).items():
            self.writer.add_scalar(tag, value, int(log.updates[-1]))

    def __repr__(self):
        return f"TensorBoard({type(self.writer).__name__})"


class LiveFigure:
    """Draws the last watched update in a notebook: ``watch(…, callbacks=LiveFigure())``.

    It is drawn anew at most every 2 seconds, and seldom enough to take 5 % of the time. The figure
    with a slider, ``log.figure()``, is for afterwards.

    Raises
    ------
    RuntimeError
        There is no notebook.

    Examples
    --------
    >>> callbacks = [LiveFigure()]         # in a notebook   # doctest: +SKIP
    """

    def __init__(self):
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if not hasattr(shell, "kernel"):
            raise RuntimeError("LiveFigure: expected to run in a Jupyter notebook, got none")
        self.handle, self.next = None, -math.inf

    def __call__(self, log):
        began = time.monotonic()
        if began < self.next:
            return
        from IPython.display import Image, display

        from .picture import png

        image = Image(data=png(log))
        if self.handle is None:
            self.handle = display(image, display_id=True)
        else:
            self.handle.update(image)
        now = time.monotonic()
        self.next = now + max(2, 19 * (now - began))


class Watching:
    """The part that trainers' callbacks share: a watch from the first to the last update.

    Attributes
    ----------
    log : TrainingLog or None
        None before training.
    """

    def __init__(self, options):
        super().__init__()
        self.options, self.log, self._watch = options, None, None

    def start(self, model, optimizer, *callbacks):
        options = dict(self.options)
        more = options.pop("callbacks", ())
        more = [more] if callable(more) else more
        self._watch = watch(model, optimizer, callbacks=[*callbacks, *more], **options)
        self.log = self._watch.__enter__()

    def stop(self):
        """End the watch, also after an error."""
        if self._watch is not None:
            self._watch.__exit__()
            self._watch = None


def lightning_callback(optimizer=0, **options):
    """A callback for Lightning's ``Trainer`` that watches the module while it trains.

    Its ``log`` is the :class:`~gradtrace.torch.TrainingLog`; every logger of the trainer gets the
    :func:`scalars`.

    Parameters
    ----------
    optimizer : int
        Which one, of several.
    **options
        As for :func:`gradtrace.torch.watch`.

    Raises
    ------
    ModuleNotFoundError
        Lightning is not installed.

    Examples
    --------
    >>> watching = lightning_callback(every=50)                      # doctest: +SKIP
    >>> Trainer(callbacks=[watching]).fit(module, data)              # doctest: +SKIP
    """
    try:
        from lightning.pytorch import Callback
    except ModuleNotFoundError:
        try:
            from pytorch_lightning import Callback
        except ModuleNotFoundError:
            raise needs("lightning_callback", "lightning") from None

    class Lightning(Watching, Callback):
        """See :func:`lightning_callback`."""

        def on_train_start(self, trainer, module):
            def tell(log):
                for logger in trainer.loggers:
                    logger.log_metrics(scalars(log), step=int(log.updates[-1]))

            self.start(module, trainer.optimizers[optimizer], tell)

        def on_train_end(self, trainer, module):
            self.stop()

        def on_exception(self, trainer, module, exception):
            self.stop()

    return Lightning(options)


def trainer_callback(**options):
    """A callback for the ``Trainer`` of transformers that watches the model while it trains.

    Its ``log`` is the :class:`~gradtrace.torch.TrainingLog`; the :func:`scalars` stand in the
    trainer's ``state.log_history``. If training ends in an error, ``stop()`` ends the watch.

    Parameters
    ----------
    **options
        As for :func:`gradtrace.torch.watch`.

    Raises
    ------
    ModuleNotFoundError
        transformers is not installed.

    Examples
    --------
    >>> watching = trainer_callback(every=50)                        # doctest: +SKIP
    >>> Trainer(model, callbacks=[watching]).train()                 # doctest: +SKIP
    """
    try:
        from transformers import TrainerCallback
    except ModuleNotFoundError:
        raise needs("trainer_callback", "transformers") from None

    class Transformers(Watching, TrainerCallback):
        """See :func:`trainer_callback`."""

        def on_train_begin(self, args, state, control, model=None, optimizer=None, **kwargs):
            def tell(log):
                step = int(log.updates[-1])
                state.log_history.append(scalars(log) | {"step": step})

            self.start(model, optimizer, tell)

        def on_train_end(self, args, state, control, **kwargs):
            self.stop()

    return Transformers(options)


def needs(who, package):
    return ModuleNotFoundError(f"{who} needs what is not installed: pip install {package}")
