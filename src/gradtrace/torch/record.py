"""Listening to a PyTorch model: which calls it makes, and the norms of the gradients that come back through them."""

import math
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from ..expect import given
from .calls import calls_through, forward_replaced
from .measure import agree_where_exact, has_all_digits, measure, measure_scaled, norm_over, step_by_step
from .nested import parts, put, replace, tensors
from .weights import in_place_of_parameters, made_again, reaches, sources

CELLS = {"LSTM": torch.lstm_cell, "GRU": torch.gru_cell, "RNN_TANH": torch.rnn_tanh_cell,
         "RNN_RELU": torch.rnn_relu_cell}
PLAIN = int, float, complex, str, bytes, list, tuple, dict


@dataclass
class Call:
    """One step: the keys of the state that goes in, of what comes out, and of the parameters it uses."""

    module: torch.nn.Module
    takes: list[int] = field(default_factory=list)
    gives: list[int] = field(default_factory=list)
    p: dict[str, int] = field(default_factory=dict)
    out: str = ""                                           # what it gave out instead of tensors
    cut: bool = False                                       # whether it ran without gradients


class Recorder:
    """Watches tensors: each has a key, with which ``hear(key, g)`` is called when its gradient comes by.

    Parameters
    ----------
    leaves : list of Tensor
        What the way back has to reach: parameters, and what stands for constants.
    chosen : dict of Module to str
        The modules that are steps, each with its name.
    places : dict of Module to int
        Which argument of each is the state; the first where it is not said.
    writers : set of Module
        Those that write into a state that is a view of another tensor, and are given a copy.

    Attributes
    ----------
    calls : list of Call
    lent : bool
        Whether a module was given a copy of its state.
    written : set of Module
        The ``writers`` of this pass, whose states have no true norms if they were given none.
    """

    def __init__(self, leaves, chosen, places, writers):
        self.leaves, self.chosen, self.places, self.writers = leaves, chosen, places, writers
        self.calls, self.end, self.lent, self.written = [], None, False, set()
        self.keys, self.kept, self.handles, self.hear = {}, [], [], None
        self.copies = []                                    # so that their ids are not given to others
        self.deaf, self.shared = set(), {}                  # keys without a gradient; of a parameter for one call
        self.earlier = set()                                # nodes at which calls took their parameters

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for handle in self.handles:
            handle.remove()
        self.kept.clear()
        self.copies.clear()
        self.earlier.clear()

    def variable(self, value):
        """``value``, or where it is a tensor of floats without a gradient a copy that has one."""
        if not has_slopes(value) or value.requires_grad or not torch.is_grad_enabled():
            return value
        leaf = value.detach().clone().requires_grad_()
        self.leaves.append(leaf)
        return leaf.clone()                                 # which may be changed in place

    def watch(self, value):
        """The keys of the tensors in ``value``; also of one that no gradient reaches, but of no whole numbers."""
        found = []
        for tensor in filter(has_slopes, tensors(value)):
            version = id(tensor), tensor._version           # a tensor changed in place is another one
            if version not in self.keys:
                key = self.keys[version] = len(self.keys)
                self.kept.append(tensor)                    # so that its id is not given to another
                if tensor.requires_grad:
                    self._listen(key, tensor)
                else:
                    self.deaf.add(key)
            found.append(self.keys[version])
        return [*dict.fromkeys(found)]

    def _listen(self, key, tensor):
        self.leaves += [tensor] * tensor.is_leaf
        self.handles.append(tensor.register_hook(lambda g: None if g is None else self.hear(key, g)))

    def alias(self, call, name, p):
        """The parameter ``p`` for one call only, so that the share of this call can be told apart."""
        alias = torch.ops.aten.alias(p)
        key, = self.watch(alias)
        call.p[name], self.shared[key] = key, id(p)
        self.earlier.add(alias.grad_fn)
        return alias

    @contextmanager
    def listening(self, model):
        """Record the calls of the chosen modules."""
        simple = [m for m in model.modules() if m not in self.chosen and not any(True for _ in m.parameters())
                  and not any(True for _ in m.children())]
        rnns = [m for m in self.chosen if isinstance(m, torch.nn.RNNBase)]
        wraps = {m: partial(self._called, m) for m in self.chosen if m not in rnns}
        with ExitStack() as stack:
            for rnn in rnns:
                stack.enter_context(forward_replaced(rnn, self._unrolled(rnn)))
            stack.enter_context(calls_through(wraps | dict.fromkeys(simple, self._carried_on)))
            yield

    def _carried_on(self, run):
        """Let what an activation makes of the last state be the last state."""
        def carried(*args, **kwargs):
            takes = args[0] if args else None
            last = takes is not None and takes is self.end
            out = run(*args, **kwargs)
            if last and isinstance(out, torch.Tensor) and out.shape == takes.shape:
                self.end, self.calls[-1].gives = out, self.watch(out)
            return out
        return carried

    def of_its_own(self, value):
        """``variable(value)``, and of a view with a gradient a copy that may be written into; the key is the view's."""
        if not value.requires_grad or not value._is_view():
            return self.variable(value)
        key, = self.watch(value)
        copy = value.clone()
        self.keys[id(copy), copy._version] = key
        self.copies.append(copy)
        return copy

    def _called(self, module, run):
        cell = isinstance(module, torch.nn.RNNCellBase)
        place = 1 if cell else self.places.get(module, 0)

        def recorded(*args, **kwargs):
            if cell:
                args, kwargs = _start(module, *args, **kwargs), {}
            named = dict(enumerate(args)) | kwargs
            at = [*named][place] if place < len(named) else None
            loan = Loan(self.of_its_own if module in self.writers else self.variable)
            state = named[at] = loan.lend(named.get(at))
            self.lent = self.lent or (bool(loan.copies) and not cell)
            call = Call(module, self._state(module, state), cut=not torch.is_grad_enabled())
            versions = [(tensor, tensor._version) for tensor in tensors(state)]
            with in_place_of_parameters(module, partial(self.alias, call), self.earlier) as again:
                others = Loan(again)                        # weights that the model hands to the call
                named |= {key: others.lend(value) for key, value in named.items() if key != at}
                args = [named[i] for i in range(len(args))]
                out = run(*args, **{name: named[name] for name in kwargs})
            if any(t.requires_grad and t._is_view() and t._version != version for t, version in versions):
                self.written.add(module)                    # PyTorch forgets the hook of a view that is written into
            written = state if out is None else None        # a step may give out nothing but what it wrote
            out = separate(loan.give_back(others.give_back(out)))
            call.gives = self.watch(written if out is None else out)
            call.out = "" if tensors(out) or call.gives else given(out)
            self.calls.append(call)
            self.end = out if isinstance(out, torch.Tensor) and not cell else None
            return out
        return recorded

    def _state(self, module, state):
        """The keys of a state; there may be none, but not none that we can find."""
        if state is not None and not isinstance(state, PLAIN) and not tensors(state) and not parts(state):
            raise TypeError(f"{self.chosen[module]}: expected a state of tensors, or of lists, tuples, dicts or"
                            f" dataclasses of them, got {given(state)}; hand the tensors over in one of these, or"
                            " choose other modules")
        return self.watch(state)

    def _unrolled(self, rnn):
        parameters = {p: name for name, p in rnn.named_parameters()}

        def recorded(input, hx=None):
            if rnn.bidirectional or rnn.proj_size or not isinstance(input, torch.Tensor):
                raise ValueError(f"modules: expected an RNN in one direction, without projection, on a tensor,"
                                 f" got {rnn} on a {type(input).__name__}; a loop over a cell can be traced")
            lstm, single = rnn.mode == "LSTM", input.dim() == 2
            x = input[:, None] if single else input.transpose(0, 1) if rnn.batch_first else input
            if not len(x):
                raise ValueError(f"input of {rnn}: expected at least one time step, got shape {tuple(input.shape)}")
            if hx is None:
                hx = [x.new_zeros(rnn.num_layers, x.shape[1], rnn.hidden_size) for _ in range(1 + lstm)]
            elif not lstm:
                hx = [hx]
            start = [self.variable(part) for part in hx]
            state = [self.watch(start)]
            start = [part[:, None] for part in start] if single and start[0].dim() == 2 else start
            calls = [Call(rnn, cut=not torch.is_grad_enabled()) for _ in x]
            inside, aliases, last = [[] for _ in x], [{} for _ in x], []
            for layer in range(rnn.num_layers):
                names = [f"{name}_l{layer}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                own = [getattr(rnn, name, None) for name in names]
                made_of = [sources(weight, parameters, self.earlier) for weight in own]
                s, outs = tuple(part[layer] for part in start), []
                for x_t, call, keys, by_p in zip(x, calls, inside, aliases, strict=True):
                    weights = []
                    for name, weight, leaves in zip(names, own, made_of, strict=True):
                        for p in leaves:
                            by_p[p] = by_p[p] if p in by_p else self.alias(call, parameters[p], p)
                        whole = not leaves and weight is not None and weight.requires_grad
                        weights.append(self.alias(call, name, weight) if whole
                                       else made_again(weight, leaves, by_p))
                    s = CELLS[rnn.mode](x_t, s if lstm else s[0], *weights)
                    s = separate(s) if lstm else (s,)
                    keys += self.watch(s)
                    outs.append(s[0])
                last.append(s)
                x = torch.stack(outs)
                if layer < rnn.num_layers - 1:
                    x = torch.nn.functional.dropout(x, rnn.dropout, rnn.training)
            for call, takes, gives in zip(calls, state + inside[:-1], inside, strict=True):
                call.takes, call.gives = takes, gives
            self.calls += calls
            self.end = None
            end = [torch.stack(parts) for parts in zip(*last, strict=True)]
            if single:
                return x[:, 0], (tuple(part[:, 0] for part in end) if lstm else end[0][:, 0])
            return x.transpose(0, 1) if rnn.batch_first else x, tuple(end) if lstm else end[0]
        return recorded

    def states(self):
        """The keys of the states ``h_0 … h_T``."""
        last = self.calls[-1]
        if last.out:
            raise TypeError(f"{self.chosen[last.module]}: expected to give out tensors, or lists, tuples, dicts or"
                            f" dataclasses of them, as the last step, got {last.out}; choose other modules")
        return [*(call.takes for call in self.calls), last.gives[:max(1, len(last.takes))]]

    def norms(self, total, explain):
        """``ln ‖∂L/∂h_t‖`` as a list, and for each parameter the list of its shares.

        ``explain()`` is called where a gradient is not finite, and may raise.
        """
        states, plain = self.states(), {}
        totals = self._back(total, lambda key, g: plain.update({key: measure(g)}))
        used_elsewhere = self._used_elsewhere(plain, totals)
        del totals
        if not all(log < math.inf for log, _, _ in plain.values()):
            explain()
        runs = [plain]
        if not all(has_all_digits(up, down) for _, up, down in plain.values()):
            chain = self._chain_rule(total, [[key for key in keys if key not in self.deaf] for keys in states])
            runs += [chain] * agree_where_exact(plain, chain)
        log_h, lost = [], False
        for keys in reversed(states):
            if keys and self.deaf.issuperset(keys):
                log, lost = -math.inf, False
            else:
                log, lost = norm_over(runs, keys, lost)
            log_h.insert(0, log)
        gone = [bool(keys) and math.isnan(log) for keys, log in zip(states[1:], log_h[1:], strict=True)]
        log_p = {name: [] for call in self.calls for name in call.p}
        for call, lost in zip(self.calls, gone, strict=True):
            for name, logs in log_p.items():
                mine = [call.p[name]] if name in call.p and call.p[name] not in used_elsewhere else []
                logs.append(norm_over(runs, mine, lost and not self.deaf.issuperset(mine))[0])
        return log_h, log_p

    def _used_elsewhere(self, plain, totals):
        """The keys of parameters that got a gradient, but not from this call, which does not use them."""
        got = {id(leaf) for leaf, g in zip(self.leaves, totals, strict=True) if g is not None and g.any()}
        found = set()
        for call in self.calls:
            for key in call.p.values():
                if key not in plain and key not in self.deaf and self.shared[key] in got:
                    outs = [self.kept[out] for out in call.gives]
                    found |= {key} - ({key} if reaches(outs, self.kept[key].grad_fn) else set())
        return found

    def _chain_rule(self, total, states):
        """What is seen past the float range, if every state passes all that it gets to the one before."""
        direct, ends = {key: None for keys in states for key in keys}, {}

        def cut(key, g):
            if key in direct:
                direct[key] = g
                return torch.zeros_like(g)
        self._back(total, cut)
        self.hear = lambda key, g: None
        found = step_by_step(states, self.kept, {key: g for key, g in direct.items() if g is not None})
        seen = {key: measure_scaled(*scaled) for key, scaled in found.items()}
        for call, keys in zip(self.calls, states[1:], strict=True):
            ends |= {share: found[keys[0]][1] for share in call.p.values() if keys}

        def scaled(key, g):
            if key in ends:
                seen[key] = measure_scaled(g, ends[key])
            return found[key][0] if key in found else None
        self._back(total, scaled)
        return seen

    def _back(self, total, hear):
        self.hear = hear
        with np.errstate(all="ignore"):
            return torch.autograd.grad(total, self.leaves, retain_graph=True, allow_unused=True)


class Loan:
    """What a call borrows, with ``stand_in(tensor)`` in the place of its tensors."""

    def __init__(self, stand_in):
        self.stand_in, self.copies, self.changes = stand_in, [], []

    def lend(self, value):
        return replace(value, self._copy, self.changes)

    def _copy(self, tensor):
        new = self.stand_in(tensor)
        if new is not tensor:
            self.copies.append((tensor, new, new._version))
        return new

    def give_back(self, out):
        """What the call wrote is written to what it borrowed, gradient and all; ``out`` says where it went."""
        for box, key, old, new in self.changes:
            if dict(parts(box)).get(key) is new:
                put(box, key, old)
        written = {id(new): old for old, new, version in self.copies if new._version != version}
        for old, new, _ in self.copies:
            if id(new) in written:
                old.copy_(new)
        return replace(out, lambda tensor: written.get(id(tensor), tensor)) if written else out


def has_slopes(value):
    """Whether it is a tensor of numbers that can have a gradient."""
    return isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())


def _start(cell, input, hx=None):
    """The two arguments of a cell, with the zeros that it would begin with."""
    if hx is None:
        zeros = input.new_zeros(*input.shape[:-1], cell.hidden_size)
        hx = (zeros, zeros) if isinstance(cell, torch.nn.LSTMCell) else zeros
    return input, hx


def separate(out):
    """The parts of ``out`` as outsiders see them: what reaches ``c`` by way of ``h`` came through the cell."""
    return out if isinstance(out, torch.Tensor) else replace(out, torch.ops.aten.alias)
