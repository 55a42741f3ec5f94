"""A whole sequence in one ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, computed step by step."""

import torch
from torch.nn.utils.rnn import PackedSequence

from .generators import of_library, put_back
from .record import Call, Lane, separate
from .weights import made_again, sources

CELLS = {
    "LSTM": torch.lstm_cell,
    "GRU": torch.gru_cell,
    "RNN_TANH": torch.rnn_tanh_cell,
    "RNN_RELU": torch.rnn_relu_cell,
}
WEIGHTS = "weight_ih", "weight_hh", "bias_ih", "bias_hh"


def unrolled(record, rnn):
    """A ``forward`` that gives out what ``rnn`` does, and enters every time step in the record.

    In one direction a step is one time step of all layers. In two directions each layer reads the
    whole sequence of the one below: there a step is one time step of one layer in one direction.

    What comes out is bit for bit what ``rnn`` itself computes, in a pass of its own. The steps
    compute the same but for rounding, and the way back is theirs.
    """
    own = rnn.forward
    lstm = rnn.mode == "LSTM"

    def forward(input, hx=None):
        sequence = Sequence(record, rnn, input)
        start = starts(record, rnn, sequence) if hx is None else [*hx] if lstm else [hx]
        before = of_library({start[0].device})
        with torch.enable_grad():  # PyTorch may choose another kernel without
            wanted = own(input, hx)
        after = of_library({start[0].device})
        put_back(before)  # for the same dropout
        x, ends = by_steps(record, rnn, sequence, start)
        put_back(after)
        out, end = wanted
        x = as_computed(x, out.data if sequence.packed else out)
        ends = map(as_computed, ends, end if lstm else [end])
        record.end = None
        return out._replace(data=x) if sequence.packed else x, tuple(ends) if lstm else next(ends)

    return forward


class Sequence:
    """What a recurrent module reads, by time.

    Attributes
    ----------
    x : list of Tensor
        ``(rows, features)`` for each time; of a packed sequence, there are fewer rows later on.
    packed : PackedSequence or None
    """

    def __init__(self, record, rnn, input):
        self.packed = input if isinstance(input, PackedSequence) else None
        self.single, self.axis = False, 0
        if self.packed:
            self.x = record.pieces(input.data, input.batch_sizes.tolist())
            return
        self.single = input.dim() == 2
        self.axis = 1 if rnn.batch_first and not self.single else 0
        if input.dim() not in (2, 3) or not input.shape[self.axis]:
            got = tuple(input.shape)
            raise ValueError(f"input of {rnn}: expected at least one time step, got shape {got}")
        steps = record.sequence(input, self.axis)
        self.x = [x_t[None] for x_t in steps] if self.single else [*steps]

    def read(self, start):
        """A state as the steps take it: with a batch, in the order of a packed sequence."""
        if self.single and start.dim() == 2:
            return start[:, None]
        order = self.packed and self.packed.sorted_indices
        return start if order is None else start.index_select(1, order)

    def hand_on(self, end):
        """The opposite, for the states in which the lanes end."""
        if self.single:
            return end[:, 0]
        order = self.packed and self.packed.unsorted_indices
        return end if order is None else end.index_select(1, order)

    def joined(self, outs):
        """What a module gives out from what it gives out at each time."""
        if self.packed:
            return torch.cat(outs)
        x = torch.stack(outs)
        return x[:, 0] if self.single else x.transpose(0, 1) if self.axis else x


def starts(record, rnn, sequence):
    """The zeros in which the lanes begin if nothing is given: one tensor, for an LSTM twice."""
    rows = rnn.num_layers * (2 if rnn.bidirectional else 1)
    first = sequence.x[0]
    zeros = first.new_zeros(rows, len(first), rnn.hidden_size)
    if rnn.mode != "LSTM":
        return [zeros]
    return [first.new_zeros(rows, len(first), rnn.proj_size) if rnn.proj_size else zeros, zeros]


def by_steps(record, rnn, sequence, start):
    """What comes out at all times, and the states in which the lanes end."""
    start = [record.variable(part) for part in start]
    if len(start) == 2 and start[0] is start[1]:  # each has a gradient of its own
        start = [torch.ops.aten.alias(part) for part in start]
    keys = record.watch(start)
    start = [sequence.read(part) for part in start]
    x, lanes, ends = sequence.x, [], []
    steps = [Step(rnn) for _ in x]
    ways = ["", "_reverse"] if rnn.bidirectional else [""]
    for layer in range(rnn.num_layers):
        outs = []
        for way in ways:
            if rnn.bidirectional:
                steps = [Step(rnn) for _ in x]
            lane = Lane(rnn, f"l{layer}{way}", [(key, len(lanes)) for key in keys])
            first = [torch.ops.aten.alias(part[len(lanes)]) for part in start]
            taken = record.watch(first) if rnn.bidirectional else keys
            out, end = walk(record, lane, steps, x, first)
            outs.append(out)
            ends.append(end)
            lanes.append(lane)
            if rnn.bidirectional or layer == rnn.num_layers - 1:
                name = lane.name if rnn.bidirectional else ""
                record.enter([step.call for step in steps], taken, name, back=bool(way))
        x = [torch.cat(both, -1) for both in zip(*outs, strict=True)] if way else outs[0]
        if layer < rnn.num_layers - 1:
            x = dropped_out(x, rnn)
    record.lanes += lanes
    ends = [sequence.hand_on(torch.stack(parts)) for parts in zip(*ends, strict=True)]
    return sequence.joined(x), ends


class Step:
    """The call that one time step is, and its aliases of what its weights are made of."""

    def __init__(self, rnn):
        self.call, self.aliases = Call(rnn, cut=not torch.is_grad_enabled()), {}


def walk(record, lane, steps, x, start):
    """What one layer gives out in one direction at every time, and the state in which it ends."""
    rnn, back = lane.module, lane.name.endswith("_reverse")
    names = [*WEIGHTS, "weight_hr"] if rnn.proj_size else WEIGHTS
    own = {f"{name}_{lane.name}": getattr(rnn, f"{name}_{lane.name}", None) for name in names}
    parameters = {p: name for name, p in rnn.named_parameters()}
    made_of = [sources(weight, parameters, record.earlier) for weight in own.values()]

    def weights_of(step):
        return [
            weight_of_step(name, weight, leaves, step)
            for (name, weight), leaves in zip(own.items(), made_of, strict=True)
        ]

    def weight_of_step(name, weight, leaves, step):
        for p in leaves:
            if p not in step.aliases:
                step.aliases[p] = record.alias(step.call, parameters[p], p)
        if leaves:
            return made_again(weight, leaves, step.aliases)
        trained = weight is not None and weight.requires_grad
        return record.alias(step.call, name, weight) if trained else weight

    times = range(len(x))
    outs, over, s = {}, [], [part[: len(x[-1 if back else 0])] for part in start]
    for t in reversed(times) if back else times:
        rows, now = len(s[0]), len(x[t])
        if now < rows:  # some samples of a packed sequence have ended
            over.append([part[now:] for part in s])
            s = [part[:now] for part in s]
        elif now > rows:  # or begin, on the way from the end
            s = [torch.cat([part, new[rows:now]]) for part, new in zip(s, start, strict=True)]
        x_t = record.step(x[t], s[0], t) if lane.name.startswith("l0") else x[t]
        s = cell(rnn, x_t, s, weights_of(steps[t]))
        kept = record.watch(s)
        steps[t].call.gives += kept
        lane.h[t] = kept[0]
        outs[t] = s[0]
    end = [torch.cat(parts) for parts in zip(s, *reversed(over), strict=True)]
    return [outs[t] for t in times], end


def cell(rnn, x_t, s, weights):
    """The next state, a list; all other ways than through ``h`` alone are the cell's own."""
    if rnn.proj_size:
        out = projected(x_t, *s, *weights)
    else:
        out = CELLS[rnn.mode](x_t, s if rnn.mode == "LSTM" else s[0], *weights)
    return [*separate(out)] if rnn.mode == "LSTM" else [out]


def projected(x_t, h, c, w_ih, w_hh, *others):
    """A step of an LSTM whose ``h`` is a projection of what its gates make."""
    *biases, w_hr = others
    b_ih, b_hh = biases or (None, None)
    a = torch.nn.functional.linear(x_t, w_ih, b_ih) + torch.nn.functional.linear(h, w_hh, b_hh)
    i, f, g, o = a.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.nn.functional.linear(torch.sigmoid(o) * torch.tanh(c), w_hr), c


def dropped_out(outs, rnn):
    """What one layer hands up at every step, as the next one reads it.

    The mask is drawn for all steps at once, as ``rnn`` draws it, and each step has its own product.
    """
    if not rnn.dropout or not rnn.training:
        return outs
    rows = torch.ones_like(torch.cat(outs).detach())
    kept = torch.dropout(rows, rnn.dropout, True).split([len(h) for h in outs])
    return [h * mask for h, mask in zip(outs, kept, strict=True)]


class AsComputed(torch.autograd.Function):
    """A tensor computed once more by ``steps``, with a way back through these."""

    @staticmethod
    def forward(ctx, by_steps, wanted):
        return wanted[0]

    @staticmethod
    def backward(ctx, g):
        return g, None


def as_computed(by_steps, wanted):
    """``wanted``, which came out of the module, if the steps gave the same but for rounding.

    Else, as where a GPU draws another dropout, what the steps gave.
    """
    wanted = wanted.detach()
    close = torch.finfo(wanted.dtype).eps ** 0.5
    same = torch.allclose(by_steps, wanted, rtol=close, atol=close, equal_nan=True)
    return AsComputed.apply(by_steps, [wanted]) if same else by_steps
