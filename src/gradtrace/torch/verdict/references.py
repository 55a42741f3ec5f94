"""What the loss is, and what it comes to without the model's help."""

import math
from functools import cached_property

import torch

from ..nested import copied, has_slopes, replace, tensors
from .alike import SEED, alike, finite_of, order
from .standins import standing_in

LEARNT = 0.5


class References:
    """The part of a case that is about losses; it needs ``task`` and ``seen``."""

    @cached_property
    def loss(self):
        return self.seen.total.item()

    @cached_property
    def loss_again(self):
        """The loss of a pass that nobody watches; the same but for the order of sums."""
        return self.task.run()[1].item()

    @cached_property
    def loss_of_zeros(self):
        """The loss of outputs that are all zero; nan where there is none."""
        return self.loss_with(torch.zeros_like)

    @cached_property
    def loss_of_mean(self):
        """The loss where every example gets the mean output of the batch."""
        return self.loss_with(lambda t: t.mean(0, keepdim=True).expand_as(t) if t.dim() else t)

    @cached_property
    def loss_of_shuffled(self):
        """The loss where every example gets the output of another one."""
        return self.loss_with(lambda t: t[order(len(t))] if t.dim() and len(t) > 1 else t)

    @cached_property
    def loss_of_constant(self):
        """The smaller of the losses of zeros and of the mean output."""
        return min(finite_of([self.loss_of_zeros, self.loss_of_mean]), default=math.nan)

    @cached_property
    def learnt(self):
        """Whether the loss is less than half of what it is with the examples' outputs exchanged."""
        return bool(0 <= self.loss < LEARNT * self.loss_of_shuffled)

    def loss_with(self, change):
        if self.task.given_loss is None:
            return math.nan
        try:
            with torch.no_grad():
                out = replace(copied(self.seen.out), lambda t: change(t) if has_slopes(t) else t)
                return self.task.loss_of(out).item()
        except (TypeError, ValueError, RuntimeError):
            return math.nan

    def slope_with(self, change):
        """The slope of the loss at other outputs, or None if it has none there."""
        try:
            out = replace(
                copied(self.seen.out),
                lambda t: change(t).requires_grad_() if has_slopes(t) else t,
            )
            leaf = next(t for t in tensors(out) if t.requires_grad)
            return torch.autograd.grad(self.task.loss_of(out), leaf, allow_unused=True)[0]
        except (TypeError, ValueError, RuntimeError, StopIteration):
            return None

    @cached_property
    def broadcast(self):
        """The shapes of output and target if these are blown up against each other, or None."""
        return self.seen.met

    def loss_forgets_order(self):
        """Whether the loss stays as it is where outputs that all differ change places.

        Where the model computes the loss itself, the inputs with the targets' shape do.
        """
        if self.task.given_loss is None:
            _, target = self.broadcast
            places = order(target[0])

            def change(t):
                alike_shape = tuple(t.shape) == tuple(target) and has_slopes(t)
                return t[places.to(t.device)] if alike_shape else t

            inputs = copied(self.task.inputs)
            other = type(inputs)(replace(inputs.args, change), replace(inputs.kwargs, change))
            one, two = self.loss_again, self.task.with_inputs(other).run()[1].item()
            return not alike(other, self.task.inputs, 0.0) and abs(one - two) <= 1e-5 * abs(one)
        generator = torch.Generator().manual_seed(SEED)

        def noise(t):
            return torch.randn(t.shape, generator=generator).to(t)

        with torch.no_grad():
            out = replace(copied(self.seen.out), lambda t: noise(t) if has_slopes(t) else t)
            one = self.task.loss_of(out).item()
            places = order(len(next(iter(tensors(out)))))
            other = self.task.loss_of(replace(copied(out), lambda t: t[places.to(t.device)])).item()
        return abs(one - other) <= 1e-5 * abs(one)

    def loss_if_changed(self, names):
        """The loss where some parameters are replaced by others of the same size.

        Where the model does not run with these, the loss that it has: nothing is known.
        """
        generator = torch.Generator().manual_seed(SEED)
        with standing_in(self.task) as copies:
            for name in names:
                p = copies[name].data
                size = root(p) or 1.0
                p.copy_(size * torch.randn(p.shape, generator=generator))
            try:
                return self.task.run()[1].item()
            except (ValueError, RuntimeError, AssertionError):
                return self.loss_again


def root(p):
    """The root mean square of a tensor's entries."""
    return p.detach().abs().square().mean().sqrt().item() if p.numel() else 0.0
