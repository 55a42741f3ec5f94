"""Listening to a PyTorch model: which calls it makes, and the norms of the gradients that come back through them."""

import math
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from .measure import agree, best, measure, measure_scaled, sound, step_by_step

CELLS = {"LSTM": torch.lstm_cell, "GRU": torch.gru_cell, "RNN_TANH": torch.rnn_tanh_cell,
         "RNN_RELU": torch.rnn_relu_cell}


@dataclass
class Call:
    """One step: the keys of what goes in (by argument), comes out, and is used as parameters."""

    module: torch.nn.Module
    takes: list[list[int]]
    gives: list[int] = field(default_factory=list)
    p: dict[str, int] = field(default_factory=dict)


class Recorder:
    """Watches tensors: each has a key, with which ``hear(key, g)`` is called when its gradient comes by.

    Attributes
    ----------
    leaves : list of Tensor
        What the way back has to reach: parameters, and what stands for constants.
    calls : list of Call
    """

    def __init__(self, leaves):
        self.leaves, self.calls, self.end = leaves, [], None
        self.keys, self.kept, self.handles, self.hear = {}, [], [], None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for handle in self.handles:
            handle.remove()
        self.kept.clear()

    def variable(self, value):
        """``value``, or a copy that has a gradient where it is a tensor of floats without one."""
        if type(value) in (tuple, list) and all(isinstance(part, torch.Tensor) for part in value):
            return type(value)(self.variable(part) for part in value)
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.requires_grad:
            return value
        leaf = value.detach().requires_grad_()
        self.leaves.append(leaf)
        return leaf.clone()                                 # which may be changed in place

    def watch(self, value):
        """The keys of the tensors in ``value``."""
        if isinstance(value, dict):
            value = tuple(value.values())
        if isinstance(value, tuple | list):
            return [key for part in value if isinstance(part, torch.Tensor) for key in self.watch(part)]
        if not isinstance(value, torch.Tensor) or not value.requires_grad:
            return []
        version = id(value), value._version                 # a tensor changed in place is another one
        if version not in self.keys:
            key = self.keys[version] = len(self.keys)
            self.kept.append(value)                         # so that its id is not given to another
            self.leaves += [value] * value.is_leaf
            self.handles.append(value.register_hook(lambda g: None if g is None else self.hear(key, g)))
        return [self.keys[version]]

    def alias(self, call, name, p):
        """The parameter ``p`` for one call only, so that the share of this call can be told apart."""
        alias = torch.ops.aten.alias(p)
        call.p[name], = self.watch(alias)
        return alias

    @contextmanager
    def listening(self, model, chosen):
        """Record the calls of the ``chosen`` modules."""
        before = [(module, vars(module).get("forward")) for module in chosen]
        simple = [m for m in model.modules() if m not in chosen and not any(True for _ in m.parameters())
                  and not any(True for _ in m.children())]
        handles = [m.register_forward_hook(self._carry_on) for m in simple]
        try:
            for module in chosen:
                way = self._unrolled if isinstance(module, torch.nn.RNNBase) else self._called
                vars(module)["forward"] = way(module, module.forward)
            yield
        finally:
            for module, forward in before:
                vars(module).pop("forward", None)
                if forward:
                    vars(module)["forward"] = forward
            for handle in handles:
                handle.remove()

    def _carry_on(self, module, args, out):
        """Let what an activation makes of the last state be the last state."""
        takes = args[0] if args else None
        if takes is not None and takes is self.end and isinstance(out, torch.Tensor) and out.shape == takes.shape:
            self.end, self.calls[-1].gives = out, self.watch(out)

    def _called(self, module, forward):
        cell = isinstance(module, torch.nn.RNNCellBase)

        def recorded(*args, **kwargs):
            if cell:
                args, kwargs = _start(module, *args, **kwargs), {}
            args = [self.variable(value) for value in args]
            if not args:
                kwargs = {name: self.variable(value) for name, value in kwargs.items()}
            call = Call(module, [self.watch(value) for value in (args or kwargs.values())])
            if cell:
                call.takes = call.takes[1:]
            homes, aliases = [], {}
            for path, part in module.named_modules():
                for name, p in part._parameters.items():
                    if p is not None and p.requires_grad:
                        homes.append((part._parameters, name, p))
                        if p not in aliases:
                            aliases[p] = self.alias(call, f"{path}.{name}".lstrip("."), p)
            try:
                for home, name, p in homes:
                    home[name] = aliases[p]
                out = forward(*args, **kwargs)
            finally:
                for home, name, p in homes:
                    home[name] = p
            out = _apart(out)
            call.gives = self.watch(out)
            self.calls.append(call)
            self.end = out if isinstance(out, torch.Tensor) and not cell else None
            return out
        return recorded

    def _unrolled(self, rnn, forward):
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
            calls, inside, last = [Call(rnn, []) for _ in x], [[] for _ in x], []
            for layer in range(rnn.num_layers):
                names = [f"{name}_l{layer}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                own = [getattr(rnn, name, None) for name in names]
                s, outs = tuple(part[layer] for part in start), []
                for x_t, call, keys in zip(x, calls, inside, strict=True):
                    weights = [self.alias(call, name, p) if p is not None and p.requires_grad else p
                               for name, p in zip(names, own, strict=True)]
                    s = CELLS[rnn.mode](x_t, s if lstm else s[0], *weights)
                    s = _apart(s) if lstm else (s,)
                    keys += self.watch(s)
                    outs.append(s[0])
                last.append(s)
                x = torch.stack(outs)
                if layer < rnn.num_layers - 1:
                    x = torch.nn.functional.dropout(x, rnn.dropout, rnn.training)
            for call, takes, gives in zip(calls, state + inside[:-1], inside, strict=True):
                call.takes, call.gives = [takes], gives
            self.calls += calls
            self.end = None
            end = [torch.stack(parts) for parts in zip(*last, strict=True)]
            if single:
                return x[:, 0], (tuple(part[:, 0] for part in end) if lstm else end[0][:, 0])
            return x.transpose(0, 1) if rnn.batch_first else x, tuple(end) if lstm else end[0]
        return recorded

    def chain(self):
        """The keys of the states ``h_0 … h_T``."""
        last, place = {}, {}
        for call in self.calls:                             # the state is the argument that the last call gave out
            if call.module in last and call.takes:
                before = set(last[call.module].gives)
                fits = [i for i, keys in enumerate(call.takes) if before.intersection(keys)]
                place.setdefault(call.module, fits[0] if fits else 0)
            last[call.module] = call
        states = [call.takes[place.get(call.module, 0)] if call.takes else [] for call in self.calls]
        return [*states, self.calls[-1].gives[:max(1, len(states[-1]))]]

    def norms(self, total):
        """``ln ‖∂L/∂h_t‖`` as a list, and for each parameter the list of its shares."""
        states, plain = self.chain(), {}
        self._back(total, lambda key, g: plain.update({key: measure(g)}))
        runs = [plain]
        if not all(sound(*found) for found in plain.values()):
            chain = self._chain_rule(total, states)
            runs += [chain] * agree(plain, chain)
        log_h, lost = [], False
        for keys in reversed(states):
            log, lost = best(runs, keys, lost)
            log_h.insert(0, log)
        gone = [bool(keys) and math.isnan(log) for keys, log in zip(states[1:], log_h[1:], strict=True)]
        names = dict.fromkeys(name for call in self.calls for name in call.p)
        return log_h, {name: [best(runs, [call.p[name]] if name in call.p else [], lost)[0]
                              for call, lost in zip(self.calls, gone, strict=True)] for name in names}

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

        def replace(key, g):
            if key in ends:
                seen[key] = measure_scaled(g, ends[key])
            return found[key][0] if key in found else None
        self._back(total, replace)
        return seen

    def _back(self, total, hear):
        self.hear = hear
        with np.errstate(all="ignore"):
            torch.autograd.grad(total, self.leaves, retain_graph=True, allow_unused=True)


def _start(cell, input, hx=None):
    """The two arguments of a cell, with the zeros that it would begin with."""
    if hx is None:
        zeros = input.new_zeros(*input.shape[:-1], cell.hidden_size)
        hx = (zeros, zeros) if isinstance(cell, torch.nn.LSTMCell) else zeros
    return input, hx


def _apart(out):
    """The parts of ``out`` as outsiders see them: what reaches ``c`` by way of ``h`` came through the cell."""
    if type(out) is not tuple:
        return out
    return tuple(torch.ops.aten.alias(part) if isinstance(part, torch.Tensor) else part for part in out)
