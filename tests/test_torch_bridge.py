"""A PyTorch model traced from outside gives the library's norms for the same weights.

The model stays as it was.
"""

import contextlib
import json
import math
import random
import subprocess
import sys
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_checks import arguments
from torch_nets import (
    EQUAL,
    everything,
    filled,
    interrupted,
    keep_gradient,
    log_norm,
    parts,
    squares,
)

from gradtrace import GRU, LSTM, RNN, Dense, Residual, deep, forward, unroll
from gradtrace import trace as traced_here


@pytest.fixture(scope="module")
def nets(torch):
    """Models as a reader may write them."""

    class Functional(torch.nn.Module):
        def __init__(self, layers, skip):
            super().__init__()
            self.layers = torch.nn.ModuleList(layers)
            self.skip = skip

        def forward(self, h):
            for layer in self.layers:
                h = self.skip * h + torch.tanh(layer(h))
            return 1 * h

    class Block(torch.nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def forward(self, h):
            return h + torch.tanh(self.layer(h))

    class Loop(torch.nn.Module):
        def __init__(self, cell):
            super().__init__()
            self.cell = cell

        def forward(self, x, *start):
            h = start if len(start) > 1 else start[0] if start else None
            for x_t in x:
                h = self.cell(x_t, h)
            return h

    class Own(torch.nn.Module):
        def __init__(self, n_in, n):
            super().__init__()
            self.U, self.W = torch.nn.Linear(n_in, n), torch.nn.Linear(n, n, bias=False)

        def forward(self, x, h):
            return torch.tanh(self.U(x) + self.W(h))

    return SimpleNamespace(Functional=Functional, Block=Block, Loop=Loop, Own=Own)


def layers(torch, depth=5, n=4, seed=0):
    """Parameters of dense layers, linear modules with the same weights, and an ``h_0`` for both."""
    rng = np.random.default_rng(seed)
    params = [arguments(Dense(n, n), rng)[0] for _ in range(depth)]
    return (
        params,
        [filled(torch, torch.nn.Linear(n, n), weight=p["W"].T, bias=p["b"]) for p in params],
        rng.standard_normal((3, n)),
    )


def ended(path, h0, loss_gradient=lambda h: h[-1]):
    h, vjps = forward(path, h0)
    return traced_here(vjps, loss_gradient(h))


def assert_same(theirs, log, **names):
    """Equal states, and equal shares under PyTorch's names and ours."""
    np.testing.assert_allclose(theirs.log_h, log.log_h, **EQUAL)
    for name, k in names.items():
        np.testing.assert_allclose(theirs.log_p[name], log.log_p[k], **EQUAL)


def recurrent(torch, kind, suffix="", **options):
    """A cell of ours with parameters, start and inputs, and the weights under PyTorch's names."""
    cell = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}[kind](2, 3)
    rng = np.random.default_rng(5)
    p, start, _ = arguments(cell, rng)
    # i, f, o, g to i, f, g, o
    order = [0, 1, 3, 2] if kind == "LSTM" else list(range(p["b"].size // 3))

    def rows(a):
        return np.concatenate([np.split(a, len(order), axis=-1)[k] for k in order], axis=-1).T

    weights = {"weight_hh": rows(p["W"]), "weight_ih": rows(p["U"]), "bias_ih": rows(p["b"])}
    if kind == "GRU":
        weights["bias_hh"] = np.r_[np.zeros(6), p["b_rec"]]
    return (
        cell,
        p,
        start,
        rng.standard_normal((7, 5, 2)),
        {name + suffix: w for name, w in weights.items()},
    )


# --- the same figures ---


def test_a_sequential_equals_deep(torch, trace):
    params, linear, h0 = layers(torch)
    model = torch.nn.Sequential(*[m for layer in linear for m in (layer, torch.nn.Tanh())])
    theirs = trace(model, torch.tensor(h0), squares)
    assert_same(theirs, ended(deep(Dense(4, 4), params), h0), weight="W", bias="b")
    assert theirs.names == ("0", "2", "4", "6", "8")


def test_activations_in_place_change_nothing(torch, trace):
    params, linear, h0 = layers(torch)
    model = torch.nn.Sequential(
        *[m for layer in linear for m in (layer, torch.nn.ReLU(inplace=True))]
    )
    log = ended(deep(Dense(4, 4, "relu"), params), h0)
    assert_same(trace(model, torch.tensor(h0), squares), log, weight="W", bias="b")


@pytest.mark.parametrize("skip", [0, 1])
def test_a_loop_over_layers_equals_deep(torch, trace, nets, skip):
    params, linear, h0 = layers(torch)
    log = ended(deep(Residual(Dense(4, 4)) if skip else Dense(4, 4), params), h0)
    theirs = trace(nets.Functional(linear, skip), torch.tensor(h0), squares)
    # the last call knows no tanh or skip
    np.testing.assert_allclose(theirs.log_h[:-1], log.log_h[:-1], **EQUAL)
    np.testing.assert_allclose(theirs.log_p["weight"], log.log_p["W"], **EQUAL)


def test_residual_blocks_equal_residual_steps(torch, trace, nets):
    params, linear, h0 = layers(torch)
    model = torch.nn.Sequential(*map(nets.Block, linear))
    log = ended(deep(Residual(Dense(4, 4)), params), h0)
    assert_same(
        trace(model, torch.tensor(h0), squares), log, **{"layer.weight": "W", "layer.bias": "b"}
    )


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_loop_over_a_cell_equals_unroll(torch, trace, nets, kind):
    cell, p, start, x, weights = recurrent(torch, kind)
    model = nets.Loop(filled(torch, getattr(torch.nn, kind + "Cell")(2, 3), **weights))
    theirs = trace(model, (torch.tensor(x), *parts(torch, kind, start)), squares)
    assert_same(theirs, ended(unroll(cell, p, x), start), weight_hh="W", weight_ih="U", bias_ih="b")
    assert theirs.names[::6] == ("cell[0]", "cell[6]")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_whole_sequence_is_unrolled(torch, trace, kind, batch_first):
    cell, p, start, x, weights = recurrent(torch, kind, "_l0")
    model = filled(torch, getattr(torch.nn, kind)(2, 3, batch_first=batch_first), **weights)
    hx = [part[None] for part in parts(torch, kind, start)]
    x_t = torch.tensor(x).transpose(0, 1) if batch_first else torch.tensor(x)
    shown = [1, 1, 1, 0, 0, 0] if kind == "LSTM" else [1, 1, 1]  # without the LSTM's memory
    states = ended(unroll(cell, p, x), start, lambda h: [None, *(np.array(h[1:]) * shown)])
    arguments = x_t, tuple(hx) if kind == "LSTM" else hx[0]
    theirs = trace(model, arguments, lambda out: squares(out[0]))
    assert_same(theirs, states, weight_hh_l0="W", weight_ih_l0="U", bias_ih_l0="b")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("shape", [(6, 4, 2), (6, 2)], ids=["batch", "no batch"])
def test_unrolled_outputs_and_gradients_are_those_of_the_fused_module(torch, trace, kind, shape):
    torch.manual_seed(0)
    model = getattr(torch.nn, kind)(2, 3, num_layers=2, dropout=0.5).double()
    x = torch.randn(*shape).double()
    seen = []

    def loss(out):
        last = out[1] if kind == "LSTM" else out[1:]
        seen.append(torch.cat([part.flatten() for part in (out[0], *last)]))
        return squares(out[0])

    state = torch.random.get_rng_state()
    theirs = trace(model, x, loss)
    torch.random.set_rng_state(state)
    loss(model(x)).backward()
    torch.testing.assert_close(*seen, rtol=1e-12, atol=1e-14)
    assert theirs.log_h.shape == (7,)
    assert set(theirs.log_p) == {name for name, _ in model.named_parameters()}
    for name, p in model.named_parameters():  # a norm of shares bounds the norm of their sum
        assert p.grad.norm().log() <= np.logaddexp.reduce(theirs.log_p[name]) + 1e-12


def test_one_step_in_time_has_the_whole_gradient(torch, trace):
    model = torch.nn.LSTM(2, 3, num_layers=2).double()
    x = torch.ones(1, 4, 2).double()
    theirs = trace(model, x, lambda out: squares(out[0]))
    squares(model(x)[0]).backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(theirs.log_p[name], [log_norm(p.grad)], **EQUAL)


def test_a_cell_called_by_keywords(torch, trace):
    class Keywords(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.RNNCell(2, 3)

        def forward(self, x, h):
            return self.cell(hx=h, input=x)

    model = Keywords()
    x = torch.ones(1, 2)
    h = torch.ones(1, 3, requires_grad=True)
    log = trace(model, (x, h), squares)
    squares(model(x, h)).backward()
    np.testing.assert_allclose(log.log_h[0], log_norm(h.grad), rtol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_cell_without_a_start_begins_at_zero(torch, trace, nets, kind):
    cell, p, start, x, weights = recurrent(torch, kind)
    model = nets.Loop(filled(torch, getattr(torch.nn, kind + "Cell")(2, 3), **weights))
    log = ended(unroll(cell, p, x), np.zeros_like(start))
    assert_same(trace(model, torch.tensor(x), squares), log, weight_hh="W")


def test_a_cell_of_your_own_shows_its_memory_not_its_input(torch, trace, nets):
    cell, p, start, x, _ = recurrent(torch, "RNN")
    own = filled(
        torch, nets.Own(2, 3), **{"U.weight": p["U"].T, "U.bias": p["b"], "W.weight": p["W"].T}
    )
    theirs = trace(nets.Loop(own), (torch.tensor(x), torch.tensor(start)), squares, steps="cell")
    assert_same(
        theirs,
        ended(unroll(cell, p, x), start),
        **{"W.weight": "W", "U.weight": "U", "U.bias": "b"},
    )


def test_a_learnt_start_is_measured(torch, trace):
    class Learnt(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.RNNCell(2, 3)
            self.start = torch.nn.Parameter(torch.ones(4, 3))

        def forward(self, x):
            return self.cell(x, self.start)

    model = Learnt().double()
    x = torch.ones(4, 2).double()
    log = trace(model, x, squares)
    squares(model(x)).backward()
    np.testing.assert_allclose(log.log_h[0], log_norm(model.start.grad), **EQUAL)
    assert not model.start._backward_hooks


def test_truncated_backpropagation_shows_the_cut(torch, trace):
    class Cut(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.RNNCell(2, 3)

        def forward(self, x):
            h = None
            for t, x_t in enumerate(x):
                h = self.cell(x_t, h.detach() if t == 4 else h)
            return h

    log = trace(Cut(), torch.ones(6, 1, 2), squares)
    assert np.isfinite(log.log_h[4:]).all()
    assert (log.log_h[:4] == -np.inf).all()
    assert np.isfinite(log.log_p["weight_ih"][4:]).all()
    assert (log.log_p["weight_ih"][:4] == -np.inf).all()


def test_transformer_blocks(torch, trace):
    torch.manual_seed(0)
    block = torch.nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.1, batch_first=True, norm_first=True
    )
    stack = torch.nn.TransformerEncoder(block, 6, enable_nested_tensor=False)
    model = torch.nn.Sequential(torch.nn.Embedding(5, 8), stack, torch.nn.Linear(8, 5)).double()
    tokens = torch.arange(8).reshape(2, 4) % 5

    def loss(out):
        return torch.nn.functional.cross_entropy(out.flatten(0, 1), tokens.flatten())

    log = trace(model, tokens, loss)
    assert log.names == tuple(f"1.layers.{k}" for k in range(6))
    states = []
    state = torch.random.get_rng_state()
    handles = [
        m.register_forward_pre_hook(lambda m, args: states.append(args[0])) for m in model[1].layers
    ]
    handles.append(
        model[1].layers[5].register_forward_hook(lambda m, args, out: states.append(out))
    )
    torch.random.set_rng_state(state)
    total = loss(model(tokens))
    wanted = [log_norm(g) for g in torch.autograd.grad(total, states, retain_graph=True)]
    np.testing.assert_allclose(log.log_h, wanted, **EQUAL)
    for name in dict(block.named_parameters()):
        wanted = [dict(m.named_parameters())[name] for m in model[1].layers]
        wanted = [log_norm(g) for g in torch.autograd.grad(total, wanted, retain_graph=True)]
        np.testing.assert_allclose(log.log_p[name], wanted, rtol=1e-9, atol=1e-9)
    for handle in handles:
        handle.remove()


@settings(max_examples=15, deadline=None)
@given(depth=st.integers(1, 4), n=st.integers(1, 4), seed=st.integers(0, 99))
def test_any_depth_and_width(torch, trace, depth, n, seed):
    params, linear, h0 = layers(torch, depth, n, seed)
    model = torch.nn.Sequential(*[torch.nn.Sequential(layer, torch.nn.Tanh()) for layer in linear])
    theirs = trace(model, torch.tensor(h0), squares, steps=[*model])
    assert_same(theirs, ended(deep(Dense(n, n), params), h0), **{"0.weight": "W", "0.bias": "b"})


# --- which modules are the steps ---

CHOICES = {
    "children of the longest box": (None, ("body.0", "body.1", "body.2", "body.3")),
    "a class": (
        "Linear",
        ("stem", "body.0.layer", "body.1.layer", "body.2.layer", "body.3.layer", "head"),
    ),
    "names": (["stem", "head"], ("stem", "head")),
    "the box": ("body", ("body",)),
    "a child": (["body.1"], ("body.1",)),
}


@pytest.mark.parametrize("case", CHOICES)
def test_the_modules_that_are_steps(torch, trace, nets, case):
    modules, names = CHOICES[case]
    body = torch.nn.Sequential(*[nets.Block(torch.nn.Linear(4, 4)) for _ in range(4)])
    model = torch.nn.Sequential(
        OrderedDict(stem=torch.nn.Linear(3, 4), body=body, head=torch.nn.Linear(4, 1))
    )
    chosen = torch.nn.Linear if modules == "Linear" else modules
    assert trace(model, torch.ones(2, 3), squares, steps=chosen).names == names


def test_a_module_list_stands_for_its_children(torch, trace, nets):
    model = nets.Functional([torch.nn.Linear(3, 3) for _ in range(4)], 1)
    assert trace(model, torch.ones(1, 3), squares, steps=model.layers).names == tuple(
        f"layers.{k}" for k in range(4)
    )


def test_without_a_box_all_innermost_modules_are_steps(torch, trace, nets):
    assert trace(nets.Own(2, 3), (torch.ones(1, 2), torch.ones(1, 3)), squares).names == ("U", "W")
    assert trace(torch.nn.Linear(2, 2), torch.ones(1, 2), squares).names == ("Linear",)


# --- the model stays as it was ---


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("where", ["nowhere", "loss", "forward"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_model_is_left_as_it_was(torch, trace, training, where, error):
    class Raises(torch.nn.Module):
        def forward(self, h):
            if where == "forward":
                raise error("forward")
            return h

    class Inside(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 4)
            self.raises = Raises()

        def forward(self, h):
            return self.raises(self.linear(h))

    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5), Inside()
    )
    model.train(training)
    model[0].weight.grad = torch.ones(4, 4)
    model[0].bias.requires_grad_(False)
    model[3].forward = model[3].forward  # someone else's wrapper
    x = torch.randn(8, 4)
    before = everything(torch, model)
    x_before = x.clone()
    changed = []
    wrapper = model[3].forward

    def loss(out):
        changed.append(everything(torch, model) != before)
        return interrupted(error, where)(out) if where == "loss" else squares(out)

    if where == "nowhere":
        assert "bias" in trace(model, x, loss).log_p
    else:
        with pytest.raises(error, match=where):
            trace(model, x, loss)
    assert everything(torch, model) == before
    assert model[3].forward == wrapper
    assert (x == x_before).all()
    assert not x.requires_grad
    assert changed == [training] * (where != "forward")  # so there was something to undo


def test_hooks_of_the_reader_run_once_and_stay(torch, trace):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 2))
    called = []
    for module in model:
        module.register_forward_hook(lambda module, args, out: called.append(module))
    trace(model, torch.ones(1, 2), squares)
    assert called == [*model]
    assert all(len(m._forward_hooks) == 1 for m in model)


def test_a_trace_inside_no_grad_or_inference(torch, trace):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    x = torch.ones(1, 2)
    wanted = trace(model, x, squares).log_h
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert (trace(model, x, squares).log_h == wanted).all()
            assert not torch.is_grad_enabled()


# --- extremes ---


def chain(torch, factor, depth, dtype):
    model = torch.nn.Sequential(*[torch.nn.Linear(1, 1, bias=False) for _ in range(depth)]).to(
        dtype
    )
    for p in model.parameters():
        p.data.fill_(factor)
    return model


@pytest.mark.parametrize(
    "factor, depth, dtype",
    [
        (1e-3, 20, "float32"),
        (1e3, 12, "float32"),
        (1e-10, 55, "float64"),
        (1e-5, 10, "float32"),
        (1e-4, 400, "float32"),
        (1e4, 400, "float32"),
        (1e50, 40, "float64"),
    ],
)
def test_norms_past_the_float_range(torch, trace, factor, depth, dtype):
    model = chain(torch, factor, depth, getattr(torch, dtype))
    x = torch.zeros(1, 1, dtype=getattr(torch, dtype))
    log = trace(model, x, lambda out: out.sum())
    wanted = np.log(factor) * np.arange(depth, -1, -1)
    np.testing.assert_allclose(log.log_h, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_distant_past_of_a_sequence_equals_unroll(torch, trace, kind):
    """Losses on many states, some with gradients of 1e-500 of the others, in double precision."""
    cell, p, start, x, weights = recurrent(torch, kind, "_l0")
    p = {name: 1e-30 * a for name, a in p.items()}
    weights = {name: 1e-30 * a for name, a in weights.items()}
    model = filled(torch, getattr(torch.nn, kind)(2, 3), **weights)
    x = np.concatenate([x] * 60)
    on = np.zeros(421)
    on[[210, 420]] = 1, 1e-3
    mask = np.array([1, 1, 1] + [0] * 3 * (kind == "LSTM"))

    def on_states(h):
        pairs = zip(h, on, strict=True)
        return [w * mask * np.ones_like(state) if w else None for state, w in pairs]

    def loss(out):
        return (out[0].sum((1, 2)) * torch.tensor(on[1:])).sum()

    log = ended(unroll(cell, p, x), start, on_states)
    hx = [part[None] for part in parts(torch, kind, start)]
    arguments = torch.tensor(x), tuple(hx) if kind == "LSTM" else hx[0]
    theirs = trace(model, arguments, loss)
    assert kind != "RNN" or log.log_h.min() < -10_000
    assert_same(theirs, log, weight_hh_l0="W", weight_ih_l0="U", bias_ih_l0="b")


def test_past_the_range_but_for_chains_is_nan_and_true_zeros_are_zero(torch, trace):
    class Bypassed(torch.nn.Sequential):
        def forward(self, h):
            before = 0
            for layer in self:
                before, h = h, layer(h) + 1e-6 * before
            return h

    body = chain(torch, 1e-4, 40, torch.float32)
    log = trace(Bypassed(*body), torch.zeros(1, 1), lambda out: out.sum())
    wanted = [1.0, 1e-4]
    for _ in range(39):
        wanted.append(1e-4 * wanted[-1] + 1e-6 * wanted[-2])
    seen = np.isfinite(log.log_h)
    assert seen[-10:].all()
    assert np.isnan(log.log_h[:20]).all()
    np.testing.assert_allclose(log.log_h[seen], np.log(wanted[::-1])[seen], rtol=1e-6)
    model = chain(torch, 1.0, 5, torch.float32)
    model[2].weight.data.zero_()
    log = trace(model, torch.ones(1, 1), lambda out: out.sum())
    np.testing.assert_array_equal(log.log_h, [-np.inf] * 3 + [0.0] * 3)
    np.testing.assert_array_equal(log.log_p["weight"], [-np.inf, -np.inf, 0.0, -np.inf, -np.inf])


@pytest.mark.parametrize("size", [1e300, 1e-300, 5e-324])
def test_extreme_inputs(torch, trace, size):
    model = chain(torch, 1.0, 3, torch.float64)
    log = trace(model, torch.full((1, 1), size, dtype=torch.float64), lambda out: out.sum())
    np.testing.assert_allclose(log.log_h, 0, atol=1e-15)
    assert (log.log_p["weight"] == log.log_p["weight"][0]).all()
    np.testing.assert_allclose(log.log_p["weight"], np.log(size), rtol=1e-12)


def test_an_empty_batch_has_gradients_of_zero(torch, trace):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    assert (trace(model, torch.ones(0, 2), squares).log_h == -np.inf).all()


# --- weights that are made of parameters ---


def normed(torch, kind, module, *names):
    """``module`` with the weights of these names made by a hook or a parametrization."""
    import torch.nn.utils.prune

    utils = torch.nn.utils
    make = {
        "weight_norm": utils.weight_norm,
        "spectral_norm": utils.spectral_norm,
        "prune": lambda m, name: utils.prune.l1_unstructured(m, name, 0.5),
        "new weight_norm": utils.parametrizations.weight_norm,
        "new spectral_norm": utils.parametrizations.spectral_norm,
        "orthogonal": utils.parametrizations.orthogonal,
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # weight_norm of old
        for name in names:
            make(module, name)
    return module.double()


def untied(make, times):
    """Modules with the same values and parameters of their own."""
    first, *others = modules = [make() for _ in range(times)]
    for other in others:
        other.load_state_dict(first.state_dict())
    return modules


def log_grads(module):
    with np.errstate(divide="ignore"):
        return {name: np.log(p.grad.norm().numpy()) for name, p in module.named_parameters()}


def assert_shares(log, modules):
    """The contributions are the gradients of modules of which each was called once."""
    wanted = [log_grads(module) for module in modules]
    assert set(log.log_p) == set(wanted[0])
    for name, logs in log.log_p.items():
        np.testing.assert_allclose(logs, [grads[name] for grads in wanted], **EQUAL)


KINDS = [
    "weight_norm",
    "spectral_norm",
    "prune",
    "new weight_norm",
    "new spectral_norm",
    "orthogonal",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inside", [False, True], ids=["the step itself", "within the step"])
def test_made_weights_of_layers_have_the_gradients_of_their_parameters(torch, trace, kind, inside):
    torch.manual_seed(3)
    layers = [normed(torch, kind, torch.nn.Linear(4, 4), "weight") for _ in range(3)]
    steps = [torch.nn.Sequential(layer, torch.nn.Tanh()) for layer in layers] if inside else layers
    model = torch.nn.Sequential(*steps).double()
    x = torch.randn(5, 4).double()
    buffers = [b.clone() for b in model.buffers()]
    log = trace(model, x, squares)
    assert all(map(torch.equal, buffers, model.buffers()))
    squares(model(x)).backward()
    assert_shares(log, steps)


@pytest.mark.parametrize("kind", ["weight_norm", "prune", "new weight_norm", "orthogonal"])
def test_made_weights_of_a_cell_are_told_apart_by_call(torch, trace, nets, kind):
    torch.manual_seed(4)
    cells = untied(lambda: normed(torch, kind, torch.nn.GRUCell(2, 3), "weight_hh", "weight_ih"), 5)
    x = torch.randn(5, 4, 2).double()
    h = torch.randn(4, 3).double()
    log = trace(nets.Loop(cells[0]), (x, h), squares)
    for cell, x_t in zip(cells, x, strict=True):
        h = cell(x_t, h)
    squares(h).backward()
    assert_shares(log, cells)


@pytest.mark.parametrize("kind", ["weight_norm", "prune", "new weight_norm"])
def test_made_weights_of_a_whole_sequence_are_told_apart_by_step(torch, trace, kind):
    torch.manual_seed(5)
    names = [f"{name}_l{layer}" for name in ("weight_ih", "weight_hh") for layer in range(2)]
    rnns = untied(lambda: normed(torch, kind, torch.nn.LSTM(2, 3, 2), *names), 5)
    x = torch.randn(5, 4, 2).double()
    h = (torch.ones(2, 4, 3).double(), torch.ones(2, 4, 3).double())
    log = trace(rnns[0], (x, h), lambda out: squares(out[0][-1]))
    for rnn, x_t in zip(rnns, x, strict=True):
        out, h = rnn(x_t[None], h)
    squares(out).backward()
    assert_shares(log, rnns)


@pytest.mark.parametrize("outer", [False, True], ids=["inside the model", "around the trace"])
def test_a_cached_parametrization_is_told_apart_by_call(torch, trace, nets, outer):
    cached = torch.nn.utils.parametrize.cached

    class Cached(nets.Loop):
        def forward(self, *args):
            with cached():
                return super().forward(*args)

    torch.manual_seed(6)
    cells = untied(lambda: normed(torch, "new weight_norm", torch.nn.GRUCell(2, 3), "weight_hh"), 5)
    x = torch.randn(5, 4, 2).double()
    h = torch.randn(4, 3).double()
    with cached() if outer else contextlib.nullcontext():
        log = trace(Cached(cells[0]), (x, h), squares)
    for cell, x_t in zip(cells, x, strict=True):
        h = cell(x_t, h)
    squares(h).backward()
    assert_shares(log, cells)


@pytest.mark.parametrize("way", ["kept by the module", "handed to the call", "by a hook after it"])
def test_weights_made_outside_forward_are_told_apart_by_call(torch, trace, way):
    class Cell(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.raw = torch.nn.Parameter(torch.linspace(-1, 1, 9).reshape(3, 3))
            self.b = torch.nn.Parameter(torch.ones(3))

        def forward(self, x, h, W=None):
            if way == "by a hook after it":
                return x + h + self.b
            return torch.tanh(x + h @ (self.kept if W is None else W) + self.b)

    class Model(torch.nn.Module):
        def __init__(self, cells):
            super().__init__()
            self.cells = torch.nn.ModuleList(cells)

        def forward(self, x, h):
            more = {}
            for cell in {*self.cells}:
                more[cell] = (torch.sigmoid(cell.raw),)
                if way == "kept by the module":
                    (cell.kept,) = more[cell]
            for x_t, cell in zip(x, self.cells, strict=True):
                h = cell(x_t, h, *more[cell] if way == "handed to the call" else ())
            return h

    cells = untied(lambda: Cell().double(), 4)
    if way == "by a hook after it":
        for cell in cells:
            cell.register_forward_hook(lambda cell, args, out: torch.tanh(out @ cell.raw))
    x = torch.randn(4, 2, 3).double()
    h = torch.randn(2, 3).double()
    log = trace(Model([cells[0]] * 4), (x, h), squares, steps=Cell)
    squares(Model(cells)(x, h)).backward()
    assert_shares(log, cells)


def test_tied_weights_and_weights_that_the_model_uses_elsewhere(torch, trace):
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = torch.nn.Embedding(7, 4)
            self.body = torch.nn.Linear(4, 4)
            self.head = torch.nn.Linear(4, 7)
            self.head.weight = self.emb.weight
            self.body.scale = torch.nn.Parameter(
                torch.ones(4)
            )  # which the body itself does not use
            self.body.idle = torch.nn.Parameter(torch.ones(4))

        def forward(self, tokens):
            return self.head(torch.tanh(self.body(self.emb(tokens))) * self.body.scale)

    model = Tied().double()
    tokens = torch.tensor([[1, 2, 3]])
    log = trace(model, tokens, squares)
    h = torch.tanh(model.body(model.emb(tokens))) * model.body.scale
    alone = {"emb": [], "head": []}
    for name, total in (
        ("emb", torch.nn.functional.linear(h, model.emb.weight.detach(), model.head.bias)),
        ("head", model.head(h.detach())),
    ):
        alone[name] = torch.autograd.grad(squares(total), model.emb.weight)[0].norm().log().item()
    np.testing.assert_allclose(log.log_p["weight"][[0, 2]], [alone["emb"], alone["head"]], **EQUAL)
    np.testing.assert_array_equal(log.log_p["scale"], [np.nan] * 3)
    np.testing.assert_array_equal(log.log_p["idle"], [np.nan, -np.inf, np.nan])


def test_parametrized_modules_are_steps_but_not_what_is_behind_them(torch, trace, nets):
    own = normed(torch, "new weight_norm", nets.Own(2, 3).U, "weight")
    assert trace(
        torch.nn.Sequential(torch.nn.Flatten(), own), torch.ones(1, 2).double(), squares
    ).names == ("1",)


# --- the traced model computes what the model computes ---


@dataclass
class State:
    h: object
    c: object


@dataclass(frozen=True)
class FrozenState:
    h: object
    c: object


class NamedState(NamedTuple):
    h: object
    c: object


def loop(step):
    def run(blocks, x):
        h = x
        for block in blocks:
            h = step(block, h)
        return h

    return run


def with_memory(blocks, x):
    memory = x.new_zeros(x.shape)
    y = x
    for block in blocks:
        y = block(y, memory)
    return y + memory


def memory_first(blocks, x):
    memory = x.new_zeros(x.shape)
    y = x
    for block in blocks:
        y = block(memory, y)
    return y + memory


def with_cache(blocks, x):
    cache = [x.new_ones(4)]
    y = x
    for block in blocks:
        y = block(y, cache)
    return sum(cache)


def cache_first(blocks, x):
    start = 1 * x.detach()
    cache = [start]
    for block in blocks:
        block(cache)
    assert cache[0] is start  # what was lent is back
    return sum(cache)


def in_box(box):
    def run(blocks, x):
        state = box(x, x.new_ones(4))
        for block in blocks:
            state = block(state)
        return state["h"] + state["c"] if isinstance(state, dict) else state.h + state.c

    return run


def written_box(blocks, x):
    state = State(x, x.new_ones(4))
    for block in blocks:
        block(state)
    return state.h + state.c


def slices(blocks, x):
    whole = x.new_zeros(len(blocks) + 1, *x.shape)
    whole[0] = 1
    for k, block in enumerate(blocks):
        block(whole[k], whole[k + 1])
    return whole


def add_memory(lin, y, memory):
    memory += lin(y)
    return memory.tanh()


def append(lin, y, cache):
    cache.append(lin(y).tanh())
    return cache[-1]


def append_alone(lin, cache):
    cache.append(lin(cache[-1]).tanh())


def change_in_place(lin, h):
    h.mul_(1.5)
    h[:, 0] += 1
    return lin(h).sin()


def add_in_place(lin, h):
    h += lin(2 * h).tanh()
    return h


def replace_parts(lin, state):
    state.c = 0.9 * state.c + lin(state.h)
    state.h = state.c.tanh()


def step_of(box):
    def step(lin, state):
        h, c = (state["h"], state["c"]) if isinstance(state, dict) else (state.h, state.c)
        c = 0.9 * c + lin(h)
        return box(c.tanh(), c)

    return step


def dictionary(h, c):
    return {"h": h, "c": c}


def namespace(h, c):
    return SimpleNamespace(h=h, c=c)


def write_below(lin, above, below):
    below += lin(1 * above).tanh()


# what the block does, how the model calls it, and how to find the state among a call's arguments
WRITERS = {
    "a tensor as second argument": (add_memory, with_memory, lambda y, memory: [y]),
    "a tensor as first argument": (
        lambda lin, memory, y: add_memory(lin, y, memory),
        memory_first,
        None,
    ),
    "a list as second argument": (append, with_cache, lambda y, cache: [y]),
    "a list as first argument": (append_alone, cache_first, None),
    "the state": (change_in_place, loop(lambda block, h: block(h)), lambda h: [h]),
    "the state, which it returns": (
        add_in_place,
        loop(lambda block, h: block(2 * h)),
        lambda h: [h],
    ),
    "a state that is a view": (
        change_in_place,
        loop(lambda block, h: block((2 * h).view(4, 2).view(2, 4))),
        lambda h: [h],
    ),
    "a dataclass": (replace_parts, written_box, None),
    "a view": (write_below, slices, None),
    "nothing, of a dataclass": (step_of(State), in_box(State), lambda s: [s.h, s.c]),
    "nothing, of a frozen dataclass": (
        step_of(FrozenState),
        in_box(FrozenState),
        lambda s: [s.h, s.c],
    ),
    "nothing, of a named tuple": (step_of(NamedState), in_box(NamedState), lambda s: [s.h, s.c]),
    "nothing, of a dict": (step_of(dictionary), in_box(dictionary), lambda s: [*s.values()]),
    "nothing, of a namespace": (step_of(namespace), in_box(namespace), None),
}


def writer(torch, case):
    block, run, state = WRITERS[case]

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = torch.nn.Linear(4, 4)

        def forward(self, *args):
            return block(self.lin, *args)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = torch.nn.ModuleList(Block() for _ in range(3))

        def forward(self, x):
            return run(self.blocks, x)

    torch.manual_seed(7)
    return Model().double(), torch.randn(2, 4).double(), state


@pytest.mark.parametrize("case", WRITERS)
def test_a_block_that_writes_gives_the_same_loss_and_the_same_gradients(torch, trace, case):
    model, x, _ = writer(torch, case)
    losses = []

    def loss(out):
        losses.append(squares(out))
        return losses[-1]

    before = x.clone()
    log = trace(model, x, loss)
    total = squares(model(x.clone()))
    total.backward()
    assert {value.item() for value in losses} == {total.item()}
    assert torch.equal(x, before)
    assert np.isfinite(log.log_h).all()
    for k, block in enumerate(model.blocks):
        for name, wanted in log_grads(block).items():
            np.testing.assert_allclose(log.log_p[name][k], wanted, **EQUAL)


@pytest.mark.parametrize("case", [case for case, (_, _, state) in WRITERS.items() if state])
def test_a_state_that_is_written_into_has_the_gradient_of_finite_differences(torch, trace, case):
    model, x, state = writer(torch, case)
    log = trace(model, x, squares)

    def loss(k, part, i, step):
        def nudge(block, args):
            state(*args)[part].data.view(-1)[i] += step

        handle = model.blocks[k].register_forward_pre_hook(nudge)
        value = squares(model(x.clone())).item()
        handle.remove()
        return value

    sizes = []
    model.blocks[1].register_forward_pre_hook(
        lambda block, args: sizes.extend(t.numel() for t in state(*args))
    )
    model(x.clone())
    model.blocks[1]._forward_pre_hooks.clear()
    for k in range(1, 3):  # at k = 0 the dataclass holds a constant
        slopes = [
            (loss(k, part, i, 1e-5) - loss(k, part, i, -1e-5)) / 2e-5
            for part, size in enumerate(sizes)
            for i in range(size)
        ]
        np.testing.assert_allclose(
            log.log_h[k], np.log(np.linalg.norm(slopes)), rtol=1e-6, atol=1e-7
        )


def test_a_model_that_keeps_things_is_traced_from_where_it_was(torch, trace):
    class Keeps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = torch.nn.Linear(4, 4)
            self.memory = torch.zeros(4)
            self.seen = []
            self.calls = 0

        def forward(self, x, more=None):
            self.memory += self.lin(x).mean(0).detach()
            self.calls += 1
            self.seen.append(x.shape)
            self.last = x
            return self.lin(x) * self.memory * self.calls * random.random() * np.random.rand()  # noqa: NPY002

    model = torch.nn.Sequential(Keeps(), Keeps())
    x = torch.ones(2, 4)
    losses = []

    def loss(out):
        losses.append(squares(out))
        return losses[-1]

    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    for _ in range(2):
        trace(model, x, loss)
    assert random.getstate() == of_python
    assert (np.random.get_state()[1] == of_numpy[1]).all()  # noqa: NPY002
    for part in model:
        assert (part.memory == 0).all()
        assert not part.seen
        assert not part.calls
        assert not hasattr(part, "last")
    assert {value.item() for value in losses} == {squares(model(x)).item()}
    assert len(losses) == 4


class Untraceable:
    """Blocks that do something else in a trace, or at every call."""

    counts = 0

    @staticmethod
    def asks(lin, h):
        return lin(h) * (2 if h.requires_grad else 1)

    @staticmethod
    def counted(lin, h):
        Untraceable.counts += 1
        return lin(h) * Untraceable.counts


@pytest.mark.parametrize(
    "do, message",
    [
        (
            "asks",
            r"^0 \(Block\): expected to compute the same in a trace, got a loss of .* instead of"
            r" .*; let it return new tensors instead of writing into those that others hold, and"
            r" not ask which tensors have a gradient$",
        ),
        (
            "counted",
            r"^model: expected the same loss from the same random numbers, got .*, then .*, first"
            r" in 0 \(Block\); hold what it counts or keeps in buffers, or use"
            r" torch.use_deterministic_algorithms",
        ),
    ],
)
def test_what_cannot_be_traced_faithfully_is_refused_with_its_module(torch, trace, do, message):
    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = torch.nn.Linear(4, 4)

        def forward(self, *args):
            return getattr(Untraceable, do)(self.lin, *args)

    with pytest.raises(ValueError, match=message):
        trace(torch.nn.Sequential(Block(), Block()), torch.ones(2, 4), squares)


# --- masks ---


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [True, False])
def test_a_causal_mask_of_minus_infinity(torch, trace, dtype, training):
    torch.manual_seed(8)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 3, enable_nested_tensor=False).to(
        getattr(torch, dtype)
    )
    model.train(training)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(5).to(getattr(torch, dtype))
    x = torch.randn(2, 5, 8).to(mask)
    losses = []
    state = torch.random.get_rng_state()

    def loss(out):
        losses.append(squares(out))
        return losses[-1]

    log = trace(model, (x, mask), loss)
    torch.random.set_rng_state(state)
    states = []
    for layer in model.layers:
        layer.register_forward_hook(lambda layer, args, out: keep_gradient(out, states))
    x = x.clone().requires_grad_()
    total = squares(model(x, mask))
    total.backward()
    assert {value.item() for value in losses} == {total.item()}
    wanted = [log_norm(t.grad) for t in (x, *states)]
    np.testing.assert_allclose(log.log_h, wanted, rtol=1e-5 if dtype == "float32" else 1e-10)


def test_a_mask_is_no_state(torch, trace):
    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = torch.nn.Linear(4, 4)

        def forward(self, h, mask):
            assert not mask.requires_grad
            return self.lin(h) + mask

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = torch.nn.ModuleList([Block(), Block()])

        def forward(self, h, mask):
            for block in self.blocks:
                h = block(h, mask)
            return h

    assert np.isfinite(trace(Model(), (torch.ones(2, 4), torch.zeros(4)), squares).log_h).all()


def test_a_sparse_gradient(torch, trace):
    torch.manual_seed(12)
    model = torch.nn.Sequential(torch.nn.Embedding(5, 4, sparse=True), torch.nn.Linear(4, 4))
    tokens = torch.tensor([1, 2, 1])
    log = trace(model, tokens, squares)
    squares(model(tokens)).backward()
    wanted = model[0].weight.grad.to_dense().norm().log().item()
    np.testing.assert_allclose(log.log_p["weight"][0], wanted, rtol=1e-6)


def test_minus_infinity_within_the_model_is_no_fault(torch, trace):
    class Masked(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

        def forward(self, h):
            return self.b(self.a(h).masked_fill(torch.eye(4).bool(), -torch.inf).softmax(-1))

    model = Masked()
    x = torch.ones(4, 4, requires_grad=True)
    log = trace(model, x, squares)
    squares(model(x)).backward()
    np.testing.assert_allclose(log.log_h[0], log_norm(x.grad), rtol=1e-6)
    assert log.anomalies == ()


# --- states without a gradient ---


def test_whole_numbers_have_no_gradient_and_the_rest_has(torch, trace):
    torch.manual_seed(10)
    model = torch.nn.Sequential(
        torch.nn.Embedding(5, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)
    ).double()
    tokens = torch.tensor([[1, 2, 1]])
    states = []
    log = trace(model, tokens, squares)
    (note,) = log.notes
    assert note == (
        "log_h[0], of what 0 takes in, is nan: whole numbers, and no state at all, have no gradient"
    )
    for layer in model:
        layer.register_forward_hook(lambda layer, args, out: keep_gradient(out, states))
    squares(model(tokens)).backward()
    np.testing.assert_allclose(log.log_h, [np.nan, *(log_norm(h.grad) for h in states)], **EQUAL)
    np.testing.assert_allclose(log.log_p["weight"][0], log_norm(model[0].weight.grad), **EQUAL)


def test_the_check_up_of_the_notebook_begins_after_the_tokens(torch, trace):
    notebook = json.loads(
        (Path(__file__).parents[1] / "notebooks/your-own-network.ipynb").read_text()
    )
    (cell,) = [cell for cell in notebook["cells"] if "def checkup" in "".join(cell["source"])]
    names = {"np": np, "torch": torch}
    exec("".join(cell["source"]), names)
    layers = [torch.nn.Linear(4, 4) for _ in range(20)]
    model = torch.nn.Sequential(torch.nn.Embedding(5, 4), *layers)
    tokens = torch.tensor([1, 2])
    assert "vanishes" in names["checkup"](model, trace(model, tokens, squares))
    for layer in layers:
        torch.nn.init.orthogonal_(layer.weight)
    assert names["checkup"](model, trace(model, tokens, squares)) == "no findings"


def test_no_grad_in_the_middle_passes_exactly_nothing(torch, trace):
    class Gap(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(4, 4) for _ in range(4))

        def forward(self, h):
            for k, layer in enumerate(self.layers):
                with torch.set_grad_enabled(k != 1):
                    h = torch.tanh(layer(h))
            return h

    class WithoutGrad(Gap):
        @torch.no_grad()
        def forward(self, h):
            for layer in self.layers:
                h = layer(h)
            return h

    model = Gap().double()
    x = torch.randn(2, 4).double()
    log = trace(model, x, squares)
    squares(model(x)).backward()
    gone = [-np.inf, -np.inf]
    wanted = [log_norm(layer.weight.grad) for layer in model.layers[2:]]
    np.testing.assert_allclose(log.log_p["weight"], gone + wanted, **EQUAL)
    np.testing.assert_array_equal(np.isneginf(log.log_h), [True, True, False, False, False])
    assert np.isfinite(log.log_h[2:]).all()
    assert log.notes == (
        "layers.1 ran under torch.no_grad(): it passes no gradient on, which counts as zero, -inf",
    )
    with pytest.raises(ValueError, match=r"a gradient; layers.0 ran under torch.no_grad\(\)"):
        trace(WithoutGrad().double(), x, squares)


def test_steps_that_are_no_chain_are_called_so(torch, trace):
    class Net(torch.nn.Module):
        def __init__(self, join):
            super().__init__()
            self.a, self.b = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
            self.c, self.act = torch.nn.Linear(4, 4), torch.nn.Tanh()
            self.word = torch.nn.Embedding(5, 4)
            self.join = join

        def forward(self, h):
            return self.join(self, h)

    def branches(net, h):
        return net.c(net.a(h) + net.b(h))

    def aside(net, h):
        return net.c(net.b(h)) + net.a(h)

    def chain(net, h):
        return net.c(torch.tanh(net.b(torch.tanh(net.a(h)))))

    def skips(net, h):
        for layer in (net.a, net.b):
            h = layer(h) + h
        return h + net.c(h)

    def before_its_activation(net, h):
        before = net.a(h)
        return net.act(before) + net.c(net.b(before))

    def cut(net, h):
        return net.c(net.b(net.a(h).detach()))

    def cut_and_bypassed(net, h):
        first = net.a(h)
        return net.c(net.b(first.detach())) + first

    def without_grad(net, h):
        with torch.no_grad():
            first = net.a(h)
        return net.c(net.b(first + h))

    def numbers(net, h):
        return net.c(net.a(h)) + net.word(torch.tensor([1, 2, 0]))

    x = torch.randn(3, 4).double()
    joins = [branches, aside, chain, skips, before_its_activation]
    joins += [cut, cut_and_bypassed, without_grad, numbers]
    notes = {join.__name__: trace(Net(join).double(), x, squares).notes for join in joins}
    no_chain = "{0} and {1} are no chain: no gradient passes from what {1} takes in to what {0}"
    no_chain += " gives out"
    assert notes == {
        "branches": (no_chain.format("a", "b"),),
        "aside": (no_chain.format("c", "a"),),
        "chain": (),
        "skips": (),
        "before_its_activation": (),
        "cut": (),
        "cut_and_bypassed": (no_chain.format("a", "b"),),
        "without_grad": (
            "a ran under torch.no_grad(): it passes no gradient on, which counts as zero, -inf",
            no_chain.format("a", "b"),
        ),
        "numbers": (
            "log_h[2], of what word takes in, is nan: whole numbers, and no state at all, have no"
            " gradient",
        ),
    }
    frozen = Net(chain).double()
    frozen.a.requires_grad_(False)
    assert trace(frozen, x, squares).notes == ()


@pytest.mark.parametrize("where", ["in", "out"])
def test_a_state_in_an_object_of_your_own_is_refused(torch, trace, where):
    class Box:
        def __init__(self, h):
            self.h = h

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = torch.nn.Linear(4, 4)

        def forward(self, h):
            return Box(self.lin(h.h if where == "in" else h))

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, h):
            return self.block(Box(h) if where == "in" else h).h

    with pytest.raises(
        TypeError, match=r"^block: expected .*of tensors|tensors, or lists.* got Box .*choose other"
    ):
        trace(Model(), torch.ones(2, 4), squares, steps="block")


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
def test_complex_states(torch, trace):
    torch.manual_seed(11)
    model = torch.nn.Sequential(*[torch.nn.Linear(3, 3) for _ in range(3)]).to(torch.complex128)
    x = torch.randn(2, 3, dtype=torch.complex128)
    log = trace(model, x, lambda out: out.abs().square().sum())
    x.requires_grad_()
    model(x).abs().square().sum().backward()
    np.testing.assert_allclose(log.log_h[0], log_norm(x.grad), **EQUAL)
    wanted = [log_norm(layer.weight.grad) for layer in model]
    np.testing.assert_allclose(log.log_p["weight"], wanted, **EQUAL)


def test_a_forward_called_by_itself_is_a_step_too(torch, trace):
    class Direct(torch.nn.Sequential):
        def forward(self, h):
            for layer in self:
                h = layer.forward(h)
            return h

    layers = [torch.nn.Linear(4, 4) for _ in range(3)]
    x = torch.ones(2, 4)
    wanted = trace(torch.nn.Sequential(*layers), x, squares)
    log = trace(Direct(*layers), x, squares)
    np.testing.assert_array_equal(log.log_h, wanted.log_h)


# --- bad input ---

BAD = {
    "model a function": (
        dict(model=squares),
        TypeError,
        "model: expected a torch.nn.Module, got function",
    ),
    "loss a number": (
        dict(loss=1.0),
        TypeError,
        "loss: expected a function of the model's output, got float 1.0",
    ),
    "input a list": (
        dict(input=[1.0]),
        TypeError,
        r"input: expected a tensor.* got a list of 1",
    ),
    "loss of many numbers": (
        dict(loss=lambda out: out),
        TypeError,
        r"loss: expected to return a tensor with one"
        r" number, got shape \(3, 2\)",
    ),
    "loss a float": (
        dict(loss=lambda out: 2.0),
        TypeError,
        "loss: expected to return a tensor .* got float 2.0",
    ),
    "loss detached": (
        dict(loss=lambda out: out.detach().sum()),
        ValueError,
        "loss: expected a number that depends",
    ),
    "modules a number": (
        dict(steps=[3]),
        TypeError,
        "steps: expected names, classes or modules, got int 3",
    ),
    "modules unknown": (
        dict(steps="layer4"),
        ValueError,
        r"steps: expected modules of the model, such as \['0', '1'.*got 'layer4'",
    ),
    "modules empty": (
        dict(steps=[]),
        ValueError,
        "steps: expected at least one module, got none",
    ),
    "modules nested": (
        dict(steps=["", "1"]),
        ValueError,
        "steps: expected no module within another, got '1' within",
    ),
    "never called": (
        dict(model="idle"),
        ValueError,
        r"steps: expected modules that the model calls, got \['cell'\]",
    ),
    "no parameters": (
        dict(model="bare"),
        ValueError,
        "model: expected modules that have parameters, got",
    ),
    "modules neither": (
        dict(steps=3),
        TypeError,
        "steps: expected names, classes or modules, got int 3",
    ),
    "no time": (
        dict(model="rnn", input="no time"),
        ValueError,
        "input of RNN.*: expected at least one time step",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(torch, trace, case):
    change, error, message = BAD[case]
    idle = torch.nn.Identity()
    idle.cell = torch.nn.RNNCell(2, 2)
    words = {
        "idle": idle,
        "bare": torch.nn.Tanh(),
        "rnn": torch.nn.RNN(2, 2),
        "no time": torch.ones(0, 3, 2),
    }
    known = {
        "model": torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)),
        "input": torch.ones(3, 2),
        "loss": squares,
    }
    change = {
        name: words.get(value, value) if isinstance(value, str) else value
        for name, value in change.items()
    }
    with pytest.raises(error, match=message):
        trace(**{**known, **change})


def test_without_torch_the_error_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import gradtrace.torch"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "gradtrace.torch needs PyTorch: pip install torch" in run.stderr


def test_a_box_of_one_is_no_chain(torch, trace):
    class Pair(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.box = torch.nn.Sequential(torch.nn.Linear(3, 2))
            self.head = torch.nn.Linear(2, 1)

        def forward(self, h):
            return self.head(torch.tanh(self.box(h)))

    assert trace(Pair(), torch.ones(1, 3), squares).names == ("box.0", "head")


def test_an_activation_after_a_sequence_is_no_state_of_it(torch, trace):
    class Around(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lift = torch.nn.Linear(2, 3)
            self.rnn = torch.nn.RNN(3, 3)
            self.phi = torch.nn.Tanh()

        def forward(self, x):
            a = self.lift(x)
            return self.rnn(a)[0][-1], self.phi(a)

    torch.manual_seed(0)
    model = Around().double()
    x = torch.ones(4, 2, 2, dtype=torch.double)
    found = trace(
        model, x, lambda out: squares(out[0]) + 100 * squares(out[1]), steps=["lift", "rnn"]
    )
    assert found.log_h[-1] == pytest.approx(model(x)[0].norm().log().item())


def test_buffers_that_a_pass_registers_go_again(torch, trace):
    class Counts(torch.nn.Linear):
        def forward(self, h):
            self.register_buffer("seen", torch.ones(1))
            return super().forward(h)

    model = Counts(2, 2)
    trace(model, torch.ones(1, 2), squares)
    assert not [*model.named_buffers()]


def test_a_state_without_gradient_in_a_chain_past_the_float_range(torch, trace):
    class Picks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.score = torch.nn.Linear(2, 2)
            self.table = torch.nn.Embedding(2, 3)

        def forward(self, h):
            return self.table(self.score(h).argmax(-1))

    model = Picks()
    found = trace(model, torch.ones(1, 2), lambda out: 1e-36 * out.sum(), steps=["score", "table"])
    assert np.isnan(found.log_h[1])
    assert found.log_h[2] == pytest.approx(np.log(1e-36 * 3**0.5))
    assert found.log_p["weight"][1] == pytest.approx(np.log(1e-36 * 3**0.5))


@pytest.mark.parametrize("kind, last", [("float32", 2.0**-103), ("float64", 2.0**-970)])
def test_a_norm_is_sound_from_the_largest_float_down_to_where_its_small_entries_lose_digits(
    torch, kind, last
):
    from gradtrace.torch.measure import has_all_digits, measure

    dtype = getattr(torch, kind)
    ends = {torch.finfo(dtype).max: True, last: True, last / 2: False, 0.0: False, math.inf: False}
    for size, expected in ends.items():
        assert has_all_digits(*measure(torch.tensor([size], dtype=dtype))[1:]) is expected, size


def test_what_was_called_before_a_recurrent_module_stays_a_step(torch, trace):
    class Ahead(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(2, 3)
            self.rnn = torch.nn.RNN(3, 4)

        def forward(self, x):
            return self.rnn(self.first(x))[0]

    log = trace(Ahead(), torch.ones(5, 1, 2), lambda out: out.pow(2).sum(), steps=["first", "rnn"])
    assert log.names == ("first", *(f"rnn[{t}]" for t in range(5)))


def test_a_node_is_reached_through_any_branch_of_the_graph(torch):
    from gradtrace.torch.weights import reaches

    x, y = (torch.ones(2, requires_grad=True) for _ in range(2))
    a, b = 2 * x, 3 * (4 * y)
    for out in (a + b, b + a):
        assert reaches([out], a.grad_fn)
        assert not reaches([b], a.grad_fn)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize(("number", "expected"), [(1.0, True), (math.nan, False)])
def test_sparse_gradients_are_looked_at(torch, number, expected):
    from gradtrace.torch.anomalies import finite

    assert finite(torch.sparse_coo_tensor([[0]], [number], (3,))) == expected


# --- zeros that one pass back can tell from lost digits ---


def passes_back(torch, monkeypatch):
    """A list that grows with every pass back from now on."""
    made, grad = [], torch.autograd.grad

    def counted(*args, **kwargs):
        made.append(1)
        return grad(*args, **kwargs)

    monkeypatch.setattr(torch.autograd, "grad", counted)
    return made


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_sequence_that_starts_at_zero_is_not_gone_through_step_by_step(
    torch, trace, monkeypatch, kind
):
    rnn = getattr(torch.nn, kind)(2, 3, num_layers=2)
    x = torch.randn(30, 4, 2)
    made = passes_back(torch, monkeypatch)
    log = trace(rnn, x, lambda out: squares(out[0]))
    assert len(made) == 2
    for name in ("weight_hh_l0", "weight_hh_l1"):
        assert log.log_p[name][0] == -np.inf
        assert np.isfinite(log.log_p[name][1:]).all()


def test_a_share_below_the_float_range_is_no_zero(torch, trace):
    model = chain(torch, 1.0, 3, torch.float32)
    log = trace(model, torch.full((1, 1), 1e-30), lambda out: 1e-20 * out.sum())
    np.testing.assert_allclose(log.log_h, np.log(1e-20), rtol=1e-6)
    np.testing.assert_allclose(log.log_p["weight"], np.log(1e-50), rtol=1e-6)


@pytest.mark.parametrize("steps", [10, 100])
def test_shares_that_are_zero_at_every_step(torch, trace, monkeypatch, steps):
    rnn = torch.nn.RNN(2, 3)
    made = passes_back(torch, monkeypatch)
    log = trace(rnn, torch.zeros(steps, 4, 2), lambda out: squares(out[0]))
    assert (len(made) <= 1 + steps) == (steps == 10)  # else a chain is the shorter way
    assert (log.log_p["weight_ih_l0"] == -np.inf).all()
    assert np.isfinite(log.log_p["bias_ih_l0"]).all()
    assert np.isfinite(log.log_h).all()


@pytest.mark.parametrize("power", [-100, -41, -40, -39, 0, 39, 40, 41, 100])
def test_a_norm_is_the_same_near_one_and_far_from_it(torch, power):
    from gradtrace.torch.measure import measure

    torch.manual_seed(0)
    g = torch.randn(700)
    g /= g.abs().max()
    log, _, _ = measure(g * 2.0**power)
    wanted = log_norm(g) + power * math.log(2)
    assert log == pytest.approx(wanted, rel=1e-6, abs=1e-6)
