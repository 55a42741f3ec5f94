"""One pass of a model forward and back: what its units do, and where its gradients go."""

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..anomalies import Watch, memory_of
from ..calls import calls_through
from ..choose import RECURRENT
from ..layout import CHANNELS_IN_THE_MIDDLE
from ..nested import at_hand, copied, has_slopes, is_plain, tensors

# What has a flat side at zero, and what flattens out at both ends.
RECTIFIERS = {"relu", "threshold", "clamp_min", "hardtanh", "clamp"}
# Below what sum the slope of a smooth rectifier is less than a twentieth of the largest.
SMOOTH = {"gelu": -2.5, "silu": -5.0, "elu": -3.0, "softplus": -3.0}
SQUASHERS = {"sigmoid", "tanh", "hardsigmoid"}
DIFFERENCES = {"sub", "rsub", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
FLAT = 0.05  # of the largest slope: two units of tanh, or four of a sigmoid, from its middle
PEAKED = 0.99  # of a softmax's weight on one place: its slope y (1 - y) is then 4 % of the largest


@dataclass
class Flow:
    """What a nonlinearity does at one place of a model, over the batch and all its calls.

    Attributes
    ----------
    module : str
        The innermost module that computes it.
    after : str
        The last module with weights that was called before it.
    operation : str
        Of PyTorch, such as ``"relu"``.
    units : int
        How many there are; of a convolution, channels.
    dead : Tensor or None
        For each unit, whether it was zero each time, or of a smooth rectifier, on its flat side;
        None for what has none.
    entries, flat : int
        How many numbers it gave out, and how many of these stood where its slope is below a
        twentieth of the largest; of a softmax, how many rows, and how many put 99 % in one place.
    """

    module: str
    after: str
    operation: str
    units: int
    dead: "torch.Tensor | None" = None
    entries: int = 0
    flat: int = 0

    @property
    def dead_share(self):
        return self.dead.float().mean().item() if self.dead is not None else 0.0

    @property
    def flat_share(self):
        return self.flat / self.entries if self.entries else 0.0


@dataclass
class Observation:
    """A pass of a model, forward and back.

    Attributes
    ----------
    out : object
        What the model returned.
    total : Tensor
        The loss, with its graph.
    grads : dict of str to Tensor or None
        Of every parameter that requires one; None where none arrives.
    flows : list of Flow
        In the order of the forward pass.
    called : dict of str to int
        The modules that ran, in the order in which they ended, and how often.
    sizes : dict of str to float
        The root mean square of what each module gave out.
    outputs : list of (str, list of Tensor)
        Of every call, in that order.
    detached : list of (str, str)
        A module that gave out a tensor with a graph, and one that took in the same numbers without.
    maker : dict
        The module that made each node of the graph.
    met : (tuple, tuple) or None
        The shapes of an output and of a target that the loss subtracts, each blown up by the other.
    """

    out: object = None
    total: "torch.Tensor | None" = None
    grads: dict = field(default_factory=dict)
    flows: list = field(default_factory=list)
    called: dict = field(default_factory=dict)
    sizes: dict = field(default_factory=dict)
    outputs: list = field(default_factory=list)
    detached: list = field(default_factory=list)
    maker: dict = field(default_factory=dict)
    met: tuple | None = None


def observe(task):
    """One pass forward and back, looked at from every module; the graph is kept."""
    seen = Observation()
    observer = Observer(task.names, seen, task.examples())
    with gates_in_sight(task.names), observer, calls_through(observer.wraps()):
        seen.out, seen.total = task.run()
    observer.watch.claim(seen.total)
    seen.maker = {node: opened.who for node, opened in observer.watch.makers.items()}
    seen.flows = [*observer.flows.values()]
    seen.grads = gradients(seen.total, task.parameters())
    return seen


def calls_of(task):
    """The output in evaluation mode, and ``(module, tensors in, tensors out)`` of every call."""
    calls = []

    def wrap(module, call):
        def seen(*args, **kwargs):
            took = [t.detach().clone() for t in tensors([args, kwargs])]
            out = call(*args, **kwargs)
            calls.append((task.names[module], took, [t.detach().clone() for t in tensors(out)]))
            return out

        return seen

    task.restore()
    wraps = {module: partial(wrap, module) for module in task.names}
    with evaluating(task.names), calls_through(wraps):
        values = copied(task.inputs)
        out = task.model(*values.args, **values.kwargs)
    return out, calls


@contextmanager
def evaluating(modules):
    """While it lasts, all modules are in evaluation mode."""
    before = [(module, module.training) for module in modules]
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module, mode in before:
            module.training = mode


@contextmanager
def gates_in_sight(names):
    """While it lasts, recurrent modules compute their gates by operations that can be seen."""
    if not any(isinstance(module, RECURRENT) for module in names):
        yield
        return
    library = torch._C  # its public switches set more than the one
    before = library._get_mkldnn_enabled(), library._get_cudnn_enabled()
    try:
        library._set_mkldnn_enabled(False)
        library._set_cudnn_enabled(False)
        yield
    finally:
        library._set_mkldnn_enabled(before[0])
        library._set_cudnn_enabled(before[1])


def gradients(total, parameters):
    """``{name: gradient}`` of the parameters that require one; None where none arrives."""
    leaves = {name: p for name, p in parameters.items() if p.requires_grad}
    if not total.requires_grad or not leaves:
        return dict.fromkeys(leaves)
    grads = torch.autograd.grad(total, [*leaves.values()], retain_graph=True, allow_unused=True)
    return dict(zip(leaves, map(dense, grads), strict=True))


def dense(g):
    """A gradient, of a sparse one the entries that it has."""
    return g.coalesce().values() if g is not None and g.is_sparse else g


class Observer(TorchDispatchMode):
    """Looks at what every nonlinearity gives out, and what every module takes in and gives out."""

    def __init__(self, names, seen, examples=None):
        super().__init__()
        self.names, self.seen, self.watch = names, seen, Watch(names)
        self.examples = examples  # how many the batch has
        self.flows, self.after, self.axis, self.busy = {}, "", -1, False
        self.given_out = {}  # by place in memory: the module whose output with a graph it is

    def wraps(self):
        return {m: partial(self.wrap, m) for m in self.names}

    def wrap(self, module, call):
        watched = self.watch.wrap(module, call)
        name = self.names[module]

        def seen(*args, **kwargs):
            self.quietly(self.taken_in, name, [args, kwargs])
            out = watched(*args, **kwargs)
            self.quietly(self.gave_out, module, name, out)
            return out

        return seen

    def quietly(self, look, *what):
        before, self.busy = self.busy, True
        try:
            with torch.no_grad():
                look(*what)
        finally:
            self.busy = before

    def taken_in(self, name, values):
        for t in at_hand(values):
            if has_slopes(t) and not t.requires_grad and memory_of(t) in self.given_out:
                self.seen.detached.append((self.given_out[memory_of(t)], name))

    def gave_out(self, module, name, out):
        found = [t for t in at_hand(out) if has_slopes(t) and is_plain(t)]
        if next(module.parameters(recurse=False), None) is not None:
            self.after = name
            middle = isinstance(module, CHANNELS_IN_THE_MIDDLE)
            self.axis = 1 if middle else -1
        for t in found:
            if t.requires_grad:
                self.given_out[memory_of(t)] = name
        self.seen.called[name] = self.seen.called.pop(name, 0) + 1
        self.seen.sizes[name] = root_mean_square(found)
        self.seen.outputs.append((name, [t.detach() for t in found]))

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        operation = func.overloadpacket.__name__.strip("_")
        scores = None
        if not self.busy and "scaled_dot_product" in operation:
            scores = scores_of(*args[:2])
        elif not self.busy and operation == "softmax":
            scores = args[0].detach()
        out = func(*args, **kwargs)
        if self.busy:
            return out
        who = self.watch.open[-1].who
        if operation in DIFFERENCES and who in ("", "the loss"):
            self.seen.met = self.seen.met or blown_up(out, *args[:2])
        if who == "the loss":  # no unit of the model
            return out
        if not (isinstance(args[0], torch.Tensor) and args[0].requires_grad and args[0].numel()):
            return out  # nothing behind it learns, or no example came here
        if scores is not None:
            self.enter(operation, 1, None, *peaks(scores))
        elif operation in RECTIFIERS and rectifies(operation, args, kwargs):
            self.enter_rectifier(operation, out != 0)
        elif operation in SMOOTH:
            self.enter_rectifier(operation, args[0].detach() > SMOOTH[operation])
        elif operation in SQUASHERS and has_slopes(out) and out.numel():
            slope = slope_of(operation, out)
            units = out.shape[self.axis] if out.dim() > 1 else 1
            flat = (slope < FLAT).sum().item()
            self.enter(operation, units, None, out.numel(), flat)
        return out

    def enter_rectifier(self, operation, alive):
        if alive.dim() == 1 and len(alive) == self.examples:
            alive = alive[:, None]  # one number for each example
        self.enter(operation, *self.never(alive), 0, 0)

    def never(self, alive):
        """How many units there are, and which of them are alive nowhere."""
        if alive.dim() < 2:
            return len(alive) if alive.dim() else 1, ~alive.reshape(-1)
        rows = alive.movedim(self.axis, 0).flatten(1)
        return len(rows), ~rows.any(1)

    def enter(self, operation, units, dead, entries, flat):
        who = self.watch.open[-1].who
        key = who, self.after, operation, units
        flow = self.flows.setdefault(key, Flow(who, self.after, operation, units, dead))
        if dead is not None:
            flow.dead = flow.dead & dead
        flow.entries += entries
        flow.flat += flat


def blown_up(out, one, other):
    """The shapes of two tensors of which each is blown up by the other, the output's first."""
    if not (isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)):
        return None
    shapes = [shape_in_memory(t) for t in (one, other)]
    whole = torch.broadcast_shapes(one.shape, other.shape)
    grown = math.prod(whole) > max(math.prod(shape) for shape in shapes)
    if not grown or len(shapes[0]) == len(shapes[1]):
        return None
    return tuple(shapes if one.requires_grad else shapes[::-1])


def shape_in_memory(t):
    """The shape of a tensor before it was expanded, as far as that can be told."""
    kept = [1 if step == 0 else size for size, step in zip(t.shape, t.stride(), strict=True)]
    while len(kept) < t.dim():
        kept.append(1)
    if t.dim() > 1 and kept[0] == 1 and t.stride(0) == 0:
        return tuple(kept[1:])
    return tuple(kept)


def rectifies(operation, args, kwargs):
    """Whether an operation gives zero for all that is negative, and keeps what is not far above."""
    if not has_slopes(args[0]):
        return False
    if operation in ("relu", "threshold"):
        return True
    low = args[1] if len(args) > 1 else kwargs.get("min", kwargs.get("min_val"))
    return isinstance(low, int | float) and low == 0


def slope_of(operation, y):
    """The slope of a squashing function by what it gave out, over its largest one."""
    if operation == "tanh":
        return 1 - y.detach().square()
    if operation == "hardsigmoid":
        return ((y > 0) & (y < 1)).float()
    return 4 * y.detach() * (1 - y.detach())


def scores_of(q, k):
    """Scores of attention before the softmax, of the first two examples."""
    q, k = q.detach()[:2].float(), k.detach()[:2].float()
    if q.shape[1] != k.shape[1]:  # groups of queries share a key
        k = k.repeat_interleave(q.shape[1] // k.shape[1], 1)
    return q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5


def peaks(scores):
    """How many rows have a choice, and how many of these put nearly all in one place."""
    lowest = torch.finfo(scores.dtype).min / 2
    choice = (scores > lowest).sum(-1) > 1
    peaked = scores.softmax(-1).amax(-1) > PEAKED
    return choice.sum().item(), (choice & peaked).sum().item()


def root_mean_square(found):
    """Of all numbers in some tensors; nan if there are none."""
    count = sum(t.numel() for t in found)
    if not count:
        return float("nan")
    wide = [t.float() if torch.finfo(t.dtype).bits < 32 else t for t in found]
    norms = [torch.linalg.vector_norm(t).item() for t in wide]
    return math.hypot(*norms) / count**0.5
