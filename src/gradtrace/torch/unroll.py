"""A whole sequence in one ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, computed step by step."""

import torch

from .record import Call, separate
from .weights import made_again, sources

CELLS = {
    "LSTM": torch.lstm_cell,
    "GRU": torch.gru_cell,
    "RNN_TANH": torch.rnn_tanh_cell,
    "RNN_RELU": torch.rnn_relu_cell,
}
WEIGHTS = "weight_ih", "weight_hh", "bias_ih", "bias_hh"


def unrolled(record, rnn):
    """A ``forward`` that gives out what ``rnn`` does, and enters every time step in the record."""
    parameters = {p: name for name, p in rnn.named_parameters()}

    def forward(input, hx=None):
        if rnn.bidirectional or rnn.proj_size or not isinstance(input, torch.Tensor):
            raise ValueError(
                f"modules: expected an RNN in one direction, without projection, on a tensor,"
                f" got {rnn} on a {type(input).__name__}; a loop over a cell can be traced"
            )
        lstm, single = rnn.mode == "LSTM", input.dim() == 2
        time = 1 if rnn.batch_first and not single else 0
        if input.dim() not in (2, 3) or not input.shape[time]:
            got = tuple(input.shape)
            raise ValueError(f"input of {rnn}: expected at least one time step, got shape {got}")
        x = [x_t[None] if single else x_t for x_t in record.sequence(input, time)]
        if hx is None:
            zeros = x[0].new_zeros(rnn.num_layers, len(x[0]), rnn.hidden_size)
            hx = (zeros, zeros) if lstm else zeros
        start = [record.variable(part) for part in (hx if lstm else [hx])]
        if lstm and start[0] is start[1]:  # each has a gradient of its own
            start = [torch.ops.aten.alias(part) for part in start]
        state = [record.watch(start)]
        if single and start[0].dim() == 2:
            start = [part[:, None] for part in start]
        calls = [Call(rnn, cut=not torch.is_grad_enabled()) for _ in x]
        inside, aliases, last = [[] for _ in x], [{} for _ in x], []
        for layer in range(rnn.num_layers):
            own = {f"{name}_l{layer}": getattr(rnn, f"{name}_l{layer}", None) for name in WEIGHTS}
            made_of = [sources(weight, parameters, record.earlier) for weight in own.values()]
            s, outs = tuple(part[layer] for part in start), []
            for x_t, call, keys, known in zip(x, calls, inside, aliases, strict=True):
                weights = [
                    weight_of_step(name, weight, leaves, call, known)
                    for (name, weight), leaves in zip(own.items(), made_of, strict=True)
                ]
                if layer == 0:
                    x_t = record.step(x_t, s[0])
                s = CELLS[rnn.mode](x_t, s if lstm else s[0], *weights)
                s = separate(s) if lstm else (s,)
                keys += record.watch(s)
                outs.append(s[0])
            last.append(s)
            x = dropped_out(outs, rnn) if layer < rnn.num_layers - 1 else torch.stack(outs)
        for call, takes, gives in zip(calls, state + inside[:-1], inside, strict=True):
            call.takes, call.gives = takes, gives
        record.calls += calls
        record.end = None
        end = [torch.stack(parts) for parts in zip(*last, strict=True)]
        if single:
            x, end = x[:, 0], [part[:, 0] for part in end]
        elif rnn.batch_first:
            x = x.transpose(0, 1)
        return x, tuple(end) if lstm else end[0]

    def weight_of_step(name, weight, leaves, call, known):
        """The weight for one step; ``known`` are the step's aliases of what weights are made of."""
        for p in leaves:
            if p not in known:
                known[p] = record.alias(call, parameters[p], p)
        if leaves:
            return made_again(weight, leaves, known)
        trained = weight is not None and weight.requires_grad
        return record.alias(call, name, weight) if trained else weight

    return forward


def dropped_out(outs, rnn):
    """What one layer hands up at every step, as the next one reads it.

    The mask is drawn for all steps at once, as ``rnn`` draws it, and each step has its own product.
    """
    if not rnn.dropout or not rnn.training:
        return outs
    ones = torch.ones_like(torch.stack(outs).detach())
    return [h * kept for h, kept in zip(outs, torch.dropout(ones, rnn.dropout, True), strict=True)]
