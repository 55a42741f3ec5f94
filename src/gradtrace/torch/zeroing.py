"""Whether gradients are set to zero between two updates, as seen at one parameter."""

import torch

SMALL = 4096  # numbers; a parameter up to this size is looked at rather than a larger one


class Zeroing:
    """Looks at ``.grad`` of one parameter before a backward pass adds to it.

    A gradient that an update has used may still be there when the next pass begins, as in a GAN,
    whose generator's pass goes through the discriminator. It is a fault only if nothing sets it to
    zero until the next update.

    Attributes
    ----------
    parameter : Parameter or None
        The one that is looked at.
    """

    def __init__(self):
        self.parameter = self._handle = None
        self._left = None  # .grad as the last pass or update left it
        self._just_stepped, self._reset, self._anew = False, False, False
        self._old = None  # whether the gradient of the last update was there; on its device
        self._idle = False

    def look_at(self, parameters):
        """Choose one of the parameters, if a pass has reached any."""
        self.deafen()
        found = [p for p in parameters if p.grad is not None]
        small = [p for p in found if p.numel() <= SMALL]  # the last is nearest to the loss
        self.parameter = (small or found or [None])[-1]
        self._left = self._old = None
        self.passed()

    def listen(self):
        if self.parameter is not None and self._handle is None and self.parameter.requires_grad:
            self._handle = self.parameter.register_hook(self._begins)

    def deafen(self):
        if self._handle is not None:
            self._handle.remove()
        self._handle = None

    def forget(self):
        """Hold nothing of the model."""
        self.deafen()
        self.parameter = None

    def _begins(self, g):
        """A pass is about to add to the parameter's gradient."""
        if self._left is None:
            return
        if mark(self.parameter.grad) != self._left:
            self._reset = self._anew = True
        elif self._just_stepped and not self._idle:
            self._old = self.parameter.grad.detach().any()
        self._just_stepped = False

    def began_anew(self):
        """Whether the last pass found another gradient than the one before had left."""
        anew, self._anew = self._anew, False
        return anew

    def passed(self):
        """A pass is over."""
        if self.parameter is not None:
            self._left = mark(self.parameter.grad)

    def stepped(self):
        """An update is over; look again."""
        self.passed()
        self._just_stepped, self._reset, self._anew, self._old = True, False, False, None

    def wake(self):
        """Look, also if there were zeros before, written in a way that PyTorch does not count."""
        self._idle = False

    def forgotten(self):
        """Whether the gradient that the optimiser gets now has that of the last update in it."""
        if self._old is None or self._reset:
            return False
        found = bool(self._old)
        self._idle = not found  # to ask is to wait for the device
        return found


def mark(grad):
    """By what a gradient is known again that nothing was written into, without holding it."""
    if grad is None or grad.layout is not torch.strided or type(grad) is not torch.Tensor:
        return object()  # it is not known again
    return grad.data_ptr(), grad._version
