"""A trace of models that nobody here wrote, beside the gradients that the plain model retains.

``python -m benchmarks.models`` writes models.json, and models.md from that: ``make models``.
"""

import copy
import json
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import machine
from .library_models import MODELS, importable_torchvision
from .table import digits

HERE = Path(__file__).parent
LIBRARIES = ("transformers", "torchvision")
HEAD = """Each model is traced in training mode, with dropout and batch statistics. Beside it the
plain model runs, and retains the gradients of the states that its steps take in. An LSTM is written
as a loop of cells instead, of which each step has one of its own. The differences are those of the
norms, relative to the retained ones: the largest over all states, and over all parameters of all
steps. The time is the processor's for one trace.
"""


@dataclass(frozen=True)
class Compared:
    """A trace and what the plain model says.

    Attributes
    ----------
    log : ModelTrace
    loss : float
        Of the plain model.
    states : ndarray of shape (T,)
        ``ln`` of the norms of what each step takes in.
    shares : list of (str, int, float)
        For a parameter's name and a step, ``ln`` of the norm of the contribution.
    classes : set of str
        The names of the steps' classes.
    seconds : float
        That the trace took.
    left : bool
        Whether the trace left parameters, buffers and random numbers as they were.
    """

    log: object
    loss: float
    states: np.ndarray
    shares: list
    classes: set
    seconds: float
    left: bool

    def of_states(self):
        """The largest relative difference of the states' norms."""
        return difference(self.log.log_h[:-1], self.states)

    def of_shares(self):
        found = [self.log.log_p[name][t] for name, t, _ in self.shares]
        return difference(found, [log for _, _, log in self.shares])

    def same_loss(self):
        return self.log.loss == self.loss


def difference(found, wanted):
    """The largest ``|a / b - 1|`` of numbers whose logarithms are given; zero is like zero."""
    found, wanted = np.array(found), np.array(wanted)
    if not np.array_equal(np.isneginf(found), np.isneginf(wanted)):
        return np.inf
    apart = found[~np.isneginf(found)] - wanted[~np.isneginf(wanted)]
    return float(np.abs(np.expm1(apart)).max(initial=0.0))


def compare(case):
    """The trace of a case, beside the plain model."""
    import torch

    from gradtrace.torch import trace

    model = case.model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    start = time.process_time()
    log = trace(model, case.inputs, case.loss)
    seconds = time.process_time() - start
    left = (
        torch.equal(torch.get_rng_state(), state)
        and all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
        and all(p.grad is None for p in model.parameters())
    )
    retained = by_cells if isinstance(model, torch.nn.LSTM) else by_hooks
    return Compared(log, *retained(case, log), seconds, left)


def by_hooks(case, log):
    """The loss, the states, the shares and the steps' classes of a model with hooks."""
    import torch

    model, states = case.model, []
    named = dict(model.named_modules())
    called = [named[name] for name in log.names]

    def keep(module, args, kwargs):
        state = [*args, *kwargs.values()][0]
        states.append([state] if isinstance(state, torch.Tensor) else [*state])
        for tensor in states[-1]:
            tensor.retain_grad()

    for module in dict.fromkeys(called):
        module.register_forward_pre_hook(keep, with_kwargs=True)
    if isinstance(case.inputs, dict):
        named_inputs = {key: with_gradient(value) for key, value in case.inputs.items()}
        out = model(**named_inputs)
    else:
        out = model(with_gradient(case.inputs))
    total = case.loss(out) if case.loss else out.loss
    total.backward()
    shares = []
    for t, module in enumerate(called):
        for name, p in module.named_parameters():
            if called.count(module) == 1 and not np.isnan(log.log_p[name][t]):
                shares.append((name, t, log_norm([p])))
    classes = {type(module).__name__ for module in called}
    return total.item(), np.array([log_norm(state) for state in states]), shares, classes


def by_cells(case, log):
    """The same of an LSTM: its own loss, and gradients by cells, each step with one of its own."""
    import torch

    rnn, lanes, shares = case.model, [], []
    x = [with_gradient(x_t) for x_t in case.inputs]
    ways = ["", "_reverse"] if rnn.bidirectional else [""]
    for layer in range(rnn.num_layers):
        outs = []
        for way in ways:
            lane, cells = f"l{layer}{way}", []
            h, c = (with_gradient(torch.zeros(len(x[0]), rnn.hidden_size)) for _ in range(2))
            taken, hs = [], []
            for x_t in x[::-1] if way else x:
                taken.append((h, c))
                cells.append(cell_of(rnn, lane, x_t))
                h, c = cells[-1](x_t, (h, c))
                c = c.view_as(c)  # what comes back through h is the cell's own
                h.retain_grad()
                c.retain_grad()
                hs.append(h)
            lanes.append((lane, taken, cells))
            outs.append(hs[::-1] if way else hs)
        x = [torch.cat(both, -1) for both in zip(*outs, strict=True)]
    case.loss((torch.stack(x), None)).backward()
    if rnn.bidirectional:
        states = [parts for _, taken, _ in lanes for parts in taken]
    else:
        by_time = zip(*(taken for _, taken, _ in lanes), strict=True)
        states = [[part for parts in together for part in parts] for together in by_time]
    for k, (lane, _, cells) in enumerate(lanes):
        first = k * len(cells) if rnn.bidirectional else 0
        for t, cell in enumerate(cells):
            for name, p in cell.named_parameters():
                shares.append((f"{name}_{lane}", first + t, log_norm([p])))
    logs = np.array([log_norm(parts) for parts in states])
    return case.loss(rnn(case.inputs)).item(), logs, shares, {type(rnn).__name__}


def cell_of(rnn, lane, x_t):
    """A cell with the weights of one lane."""
    import torch

    cell = torch.nn.LSTMCell(x_t.shape[-1], rnn.hidden_size)
    for name, p in cell.named_parameters():
        p.data = copy.deepcopy(getattr(rnn, f"{name}_{lane}").data)
    return cell


def with_gradient(tensor):
    """A tensor of floats that retains its gradient; whole numbers as they are."""
    return tensor.detach().clone().requires_grad_() if tensor.is_floating_point() else tensor


def log_norm(parts):
    """``ln`` of the norm of the gradients of several tensors; none is like zero."""
    square = sum(t.grad.double().square().sum().item() for t in parts if t.grad is not None)
    with np.errstate(divide="ignore"):
        return np.log(square) / 2


def measured(name):
    """A line of the table."""
    import torch

    library, make = MODELS[name]
    torch.manual_seed(0)
    compared = compare(make())
    return {
        "model": name,
        "library": library,
        "steps": len(compared.log.names),
        "classes": sorted(compared.classes),
        "coverage": compared.log.coverage,
        "states": compared.of_states(),
        "shares": compared.of_shares(),
        "same loss": compared.same_loss(),
        "seconds": compared.seconds,
    }


def markdown(results):
    """The text of models.md, from nothing but models.json."""
    facts = ", ".join(f"{name} {value}" for name, value in results["about"].items())
    columns = "model", "of", "steps", "they cover", "states", "parameters", "same loss", "seconds"
    lines = [columns, ["---"] * len(columns)]
    for row in results["rows"]:
        lines.append(
            [
                row["model"],
                row["library"],
                f"{row['steps']}: {', '.join(row['classes'])}",
                f"{100 * row['coverage']:.3g}\xa0%",
                f"{row['states']:.0e}",
                f"{row['shares']:.0e}",
                "bit for bit" if row["same loss"] else "**no**",
                digits(row["seconds"]),
            ]
        )
    table = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([HEAD, f"{facts}.", "", *table]) + "\n"


def main(folder=HERE):
    import torch

    torch.set_num_threads(1)
    importable_torchvision()
    about = machine.about() | {library: version(library) for library in LIBRARIES}
    about["numbers"] = "float32"
    results = {"about": about, "rows": [measured(name) for name in MODELS]}
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / "models.json").write_text(text + "\n", encoding="utf-8")
    (folder / "models.md").write_text(markdown(results), encoding="utf-8")
    print(markdown(results))


if __name__ == "__main__":
    main()
