"""What a call borrows: the same lists, dicts and dataclasses, with tensors of ours inside."""

from .nested import parts, put, replace


class Loan:
    """Values lent to one call, with ``stand_in(tensor)`` in the place of every tensor.

    Attributes
    ----------
    copies : list of (Tensor, Tensor, int)
        What was lent, the tensor in its place where that is another one, and the version of that.
    """

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
        """Write what the call wrote to what it borrowed, gradient and all.

        Returns the call's ``out`` with the lender's tensors where it has those that were written.
        """
        for box, key, old, new in self.changes:
            if dict(parts(box)).get(key) is new:
                put(box, key, old)
        written = {id(new): old for old, new, version in self.copies if new._version != version}
        for old, new, _ in self.copies:
            if id(new) in written:
                old.copy_(new)
        return replace(out, lambda tensor: written.get(id(tensor), tensor)) if written else out
