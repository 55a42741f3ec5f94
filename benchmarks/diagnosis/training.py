"""How cases are trained, and how it is measured whether they learn."""

import contextlib
import copy
import itertools
from collections.abc import Mapping

import torch
from torch.nn import functional as F

from .case import Setup


def call(model, inputs):
    """The model's output for one input, a tuple of inputs, or a mapping of keywords."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    if isinstance(inputs, tuple):
        return model(*inputs)
    return model(inputs)


def loss_on_batch(setup):
    """The loss of a setup on its batch, with a fixed seed for dropout and the like, as a tensor."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if setup.loss is None:
            out = call(setup.model, setup.batch)
            return getattr(out, "loss", out)
        inputs, target = setup.batch
        return setup.loss(call(setup.model, inputs), target)


@torch.no_grad()
def seen_loss(setup):
    """The same as a number; running statistics of the model stay as they were."""
    before = copy.deepcopy(setup.model.state_dict())
    value = loss_on_batch(setup).item()
    setup.model.load_state_dict(before)
    return value


def taken(data, rows):
    """The same nested tuple of tensors with these rows only."""
    if isinstance(data, tuple):
        return tuple(taken(part, rows) for part in data)
    return data[rows]


def batches(data, size, seed):
    """A function that returns the next mini-batch of ``(input, target)``, drawn at random."""
    generator = torch.Generator().manual_seed(seed)

    def draw():
        rows = torch.randint(len(data[-1]), (size,), generator=generator)
        return taken(data, rows)

    return draw


def supervised(model, loss, optimizer, draw, error):
    """A setup that is trained in the usual way on what ``draw`` returns."""

    def update():
        inputs, target = draw()
        optimizer.zero_grad()
        value = loss(call(model, inputs), target)
        value.backward()
        optimizer.step()
        return value.item()

    return Setup(model, draw(), loss, optimizer, update, error)


def own_loss(model, optimizer, draw, error):
    """A setup of a model that computes its loss itself, from the keywords that ``draw`` returns."""

    def update():
        optimizer.zero_grad()
        value = model(**draw())
        value.backward()
        optimizer.step()
        return value.item()

    return Setup(model, draw(), None, optimizer, update, error)


def learning_digits(model, train, test, rate, seed):
    """A setup that classifies with Adam in batches of 64; what is frozen stays."""
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(chosen, lr=rate)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))


def with_action(setup, action):
    """The setup, with a call of ``action(n)`` after its n-th update, from 1."""
    plain, count = setup.update, itertools.count(1)

    def update():
        value = plain()
        action(next(count))
        return value

    setup.update = update
    return setup


@contextlib.contextmanager
def evaluating(model):
    """The model in evaluation mode and without gradients; afterwards every mode is as before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


# --- errors: 1 is no better than the best constant prediction, 0 is without fault ---


def missed(model, inputs, labels):
    """How often the largest output is not the label, over that share for the commonest label."""

    def error():
        with evaluating(model):
            out = call(model, inputs)
        if not out.isfinite().all():
            return float("nan")
        if out.dim() > 2:  # classes in axis 1, as in cross-entropy
            out = out.movedim(1, -1)
        wrong = (out.argmax(-1) != labels).double().mean()
        commonest = labels.flatten().bincount().max() / labels.numel()
        return (wrong / (1 - commonest)).item()

    return error


def unexplained(model, inputs, target):
    """The mean squared error over the variance of the targets."""

    def error():
        with evaluating(model):
            out = call(model, inputs).double().reshape(target.shape)
        spread = target.double() - target.double().mean(0)
        return ((out - target).square().mean() / spread.square().mean()).item()

    return error


def loss_over(constant, model, loss, inputs, target):
    """The model's own loss over that of the best constant prediction."""

    def error():
        with evaluating(model):
            return loss(call(model, inputs), target).item() / constant

    return error


def entropy(labels):
    """The cross-entropy in nats of always predicting the labels' frequencies."""
    share = labels.flatten().bincount().double()
    share = share[share > 0] / labels.numel()
    return -(share * share.log()).sum().item()


def binary_entropy(target):
    """The mean cross-entropy of always predicting each output's frequency of ones."""
    share = target.double().mean(0)
    return F.binary_cross_entropy(share, share).item()
