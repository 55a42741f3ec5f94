"""What is wrong with a model that does not learn: a verdict in words, figures and a table."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..expect import given
from .bridge import ModelTrace
from .choose import choose_steps
from .map import ModelGrid
from .optimizers import expect_optimizers
from .verdict.case import Case
from .verdict.causes import BRINGS, Finding
from .verdict.mark import MARK
from .verdict.refusal import found_in_error
from .verdict.rules import findings_of
from .verdict.table import Row, rows_of
from .verdict.task import Task
from .verdict.updates import Updates


@dataclass(frozen=True, repr=False)
class Report:
    """What :func:`gradtrace.torch.report` found.

    Attributes
    ----------
    findings : tuple of Finding
        The most likely cause first; empty if nothing was found.
    modules : tuple of Row
        The table: for every module with parameters or an activation the norms of its weights and
        of their gradient, the share of an update, dead and saturated units, and whether the
        optimiser holds it.
    trace : ModelTrace or None
        Gradient norms by step; None where the model has no steps that could be followed.
    grid : ModelGrid or None
        Gradient norms by layer and time step, or by block and position; None where there is none.
    losses : tuple of float
        On the batch, before each of a few updates and after the last one.
    notes : tuple of str
        What was done, what was left out, and why.
    model : str
        What the report is about, in a line.
    page : str
        Where :func:`gradtrace.torch.report` has written the page; empty if nowhere.

    Examples
    --------
    >>> print(Report(model="Sequential, 20 parameters"))
    Sequential, 20 parameters
    No findings: nothing of what this report knows is wrong with it.
    """

    findings: tuple[Finding, ...] = ()
    modules: tuple[Row, ...] = ()
    trace: ModelTrace | None = None
    grid: ModelGrid | None = None
    losses: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    model: str = ""
    page: str = ""
    book: str = ""
    updates: Updates = field(default_factory=Updates, repr=False)
    matrices: frozenset = frozenset()

    @property
    def healthy(self):
        """Whether there are no findings."""
        return not self.findings

    def __str__(self):
        if self.healthy:
            told = ["No findings: nothing of what this report knows is wrong with it."]
            if len(self.losses) > 1:
                first, *others = self.losses
                told.append(
                    f"{len(others)} updates on this batch took its loss from {first:.3g} to"
                    f" {others[-1]:.3g}."
                )
        else:
            told = [str(finding) for finding in self.findings]
            brought = brought_about(self.findings)
            if brought:
                told.append(f"The first may well have brought about: {', '.join(brought)}.")
        if self.page:
            told.append(f"The page: {self.page}")
        return "\n".join([self.model, *told])

    __repr__ = __str__

    def save(self, path):
        """Write the report as one HTML file that needs nothing else, from a folder or by mail.

        Parameters
        ----------
        path : str or Path
            Its folder has to exist. A file that is there is replaced if a report has written it;
            any other is left, with an error.
        """
        from .verdict.page import page  # matplotlib is needed for the page alone

        expect_place(path)
        Path(path).write_text(page(self), encoding="utf-8")


def report(
    model,
    batch,
    loss=None,
    optimizer=None,
    *,
    steps=None,
    path="report.html",
    book="",
):
    """Why a PyTorch model does not learn: a page with the verdict, the curves and the table.

    The model runs forward and back on one batch, watched from outside; its gradient norms are
    traced, and copies of its parameters are updated twenty times on that batch, by a copy of the
    optimiser; a hundred times where that leaves a doubt, and then perhaps without weight decay or
    in float32. Parameters, gradients, buffers, optimiser and generators of random numbers are left
    as they were, bit for bit, also if this raises.

    So is what the passes change in objects that can be reached from the model's attributes, its
    hooks, the loss and the batch: in lists, dicts, sets and deques, in tensors, numpy arrays and
    generators of random numbers, in objects of classes of your own and attributes of these classes,
    in what a function closes over, its defaults, and the globals that a function of yours names.
    They stay the same objects. Of objects of libraries, those are put back that hold nothing but
    numbers and containers, such as a meter, and modules. Not put back are iterators and other
    objects of libraries, what is written to files or screens, and what lies beyond ten thousand
    objects or 256 MB of copies: the notes name what was changed of these, as far as it is seen.

    Parameters
    ----------
    model : torch.nn.Module
        In training or evaluation mode, as you train it.
    batch : object
        Where ``loss`` takes two arguments, ``(input, target)`` as a DataLoader gives it; else what
        the model is called with. An input may be a tuple or mapping of several arguments.
    loss : callable, optional
        Of output and target, such as ``nn.CrossEntropyLoss()``, or of the output alone, to one
        number. Otherwise the model computes it, as its output or the output's ``loss``.
    optimizer : torch.optim.Optimizer or list of these, optional
        Over the model's parameters; several make their steps one after another. Without one, what
        depends on it is left out: the coverage, the size of a step, epsilon. Then a parameter moves
        by a hundredth of its length per update.
    steps : optional
        Which modules are the steps of the trace, as :func:`gradtrace.torch.trace` takes them.
    path : str, Path or None
        Where the page is written, in the place of an earlier report, but of no other file; None
        writes none.
    book : str
        The address under which the chapters lie as pages, for links; without one a chapter is named
        by title and file.

    Returns
    -------
    Report
        Its text, by ``print``, is the verdict in short.

    Raises
    ------
    ValueError, TypeError
        An argument of the wrong kind; a part of the model is TorchScript, or lazy and was not
        called yet; the loss is not one number. What the model itself raises goes on, with a note.
    FileExistsError, FileNotFoundError, IsADirectoryError
        There is another file at ``path``, its folder is missing, or it is a folder.

    Examples
    --------
    >>> import torch
    >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
    <torch...>
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 3))
    >>> model[0].bias.data -= 10
    >>> batch = torch.randn(16, 4), torch.randint(3, (16,))
    >>> found = report(model, batch, torch.nn.CrossEntropyLoss(), path=None)
    >>> found.findings[0].cause, found.findings[0].module
    ('dead units', '1')
    """
    if path is not None:
        expect_place(path)
    optimizer = expect_optimizers(optimizer)
    if not isinstance(book, str):
        raise TypeError(f"book: expected an address, got {given(book)}")
    task = Task(model, batch, loss)
    if steps is not None:
        choose_steps(task.model, steps)
    with task.as_found():
        told = told_of(task, optimizer, steps, book)
    if path is not None:
        told.save(path)
        return replace(told, page=str(Path(path).absolute()))
    return told


def told_of(task, optimizer, steps, book):
    """The report on a task, from passes between which it is as it was found."""
    line = in_a_line(task)
    case = Case(task, optimizer, steps)
    try:
        _ = case.seen
    except Exception as error:
        finding = found_in_error(error, task)
        if finding is None:
            raise
        notes = (f"The model raised: {error}",)
        return Report((finding,), notes=notes, model=line, book=book)
    findings = findings_of(case)
    updates = case.updates if case.finite else Updates(by_optimizer=optimizer is not None)
    return Report(
        tuple(findings),
        rows_of(case),
        case.trace,
        case.grid if case.trace is not None else None,
        tuple(updates.losses or [case.loss]),
        tuple(notes_of(case)),
        f"{line}, loss {case.loss:.4g}",
        book=book,
        updates=updates,
        matrices=frozenset(name for name, p in task.parameters().items() if p.dim() > 1),
    )


def in_a_line(task):
    """Which model it is, and its batch."""
    count = sum(p.numel() for p in task.parameters().values())
    first = task.first_input()
    size = "" if first is None else f", input {tuple(first.shape)}"
    return f"{type(task.model).__name__}, {count:,} parameters{size}"


def notes_of(case):
    """What was done and what was not."""
    notes = [*case.notes]
    if case.optimizer is None:
        notes.append(
            "No optimiser was given: whether it holds all parameters, and whether its steps are too"
            " large or too small, was not asked. Each update moved a parameter by a hundredth of"
            " its length."
        )
    if not case.finite:
        notes.append("As a number is not finite, no updates were tried.")
    elif case.trace is not None:
        notes += case.trace.notes
    return notes + case.task.found.left()


def brought_about(findings):
    """The causes that the first finding explains."""
    return [f.cause for f in findings[1:] if f.cause in BRINGS.get(findings[0].cause, ())]


def expect_place(path):
    """Raise unless a file can be written there, and none is lost by that but an earlier report."""
    if not isinstance(path, str | Path):
        raise TypeError(f"path: expected the name of a file, or None, got {given(path)}")
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(
            f"path: expected a file in a folder that exists, got {str(path)!r}; make the folder"
            f" first, by Path({str(Path(path).parent)!r}).mkdir(parents=True)"
        )
    if Path(path).is_dir():
        raise IsADirectoryError(
            f"path: expected the name of a file, got the folder {str(path)!r}; add a name, such as"
            f" {str(Path(path) / 'report.html')!r}"
        )
    if Path(path).exists() and not is_report(path):
        raise FileExistsError(
            f"path: expected a file that is not there yet, or an earlier report, got {str(path)!r},"
            " which no report has written; give another path, or move the file away"
        )


def is_report(path):
    """Whether a file was written by a report: its head says so."""
    with open(path, "rb") as file:
        return MARK.encode() in file.read(1000)
