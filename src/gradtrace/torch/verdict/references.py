"""What the loss is, and what it comes to without the model's help."""

import math
from functools import cached_property

import torch

from ..nested import copied, has_slopes, replace, tensors
from .alike import SEED, alike, finite_of, order
from .standins import standing_in

LEARNT = 0.5
FITTED = 0.25


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
        return self.loss_with(shuffle)

    @cached_property
    def loss_of_constant(self):
        """The smaller of the losses of zeros and of the mean output."""
        return min(finite_of([self.loss_of_zeros, self.loss_of_mean]), default=math.nan)

    @cached_property
    def learnt(self):
        """Whether the loss is less than half of what it is with the examples' outputs exchanged."""
        return bool(0 <= self.loss < LEARNT * self.loss_of_shuffled)

    @cached_property
    def fallen(self):
        """The loss on the batch after a hundred updates, over the first; 1 without a ratio."""
        losses = self.more_updates.losses
        ratio = bool(losses) and losses[0] > 0 and losses[-1] >= 0
        return losses[-1] / losses[0] if ratio else 1.0

    @cached_property
    def learns(self):
        """Whether a hundred updates by its own optimiser make the model fit the batch.

        Its loss is then less than half of the first, and less than a quarter of what it is with the
        examples' outputs exchanged. Of the broken models of the tuned half that are said to have
        vanishing gradients or frozen weights, the nearest comes to 0.66 and 0.27.
        """
        if not (self.more_updates.by_optimizer and self.fallen < LEARNT):
            return False
        out = self.more_updates.out
        shuffled = self.loss_with(shuffle, out)
        return not math.isfinite(shuffled) or self.more_updates.losses[-1] < FITTED * shuffled

    def loss_with(self, change, out=None):
        """The loss of the model's output, or of another one, after a change."""
        if self.task.given_loss is None:
            return math.nan
        out = copied(self.seen.out if out is None else out)
        try:
            with torch.no_grad():
                out = replace(out, lambda t: change(t) if has_slopes(t) else t)
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

    def slope_at(self, place):
        """The slope of the loss at one of the outputs that have a gradient, or None."""
        with_slopes = iter([t.requires_grad for t in tensors(self.seen.out)])
        try:
            out = replace(
                copied(self.seen.out), lambda t: t.requires_grad_() if next(with_slopes) else t
            )
            leaf = [t for t in tensors(out) if t.requires_grad][place]
            return torch.autograd.grad(self.task.loss_of(out), leaf, allow_unused=True)[0]
        except (TypeError, ValueError, RuntimeError):
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


def shuffle(t):
    """The rows of a tensor in another order."""
    return t[order(len(t)).to(t.device)] if t.dim() and len(t) > 1 else t


def root(p):
    """The root mean square of a tensor's entries."""
    return p.detach().abs().square().mean().sqrt().item() if p.numel() else 0.0
