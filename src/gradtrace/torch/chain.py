"""Whether the steps of a record, in the order of their calls, stand in a chain."""

import math
from itertools import pairwise


def broken_at(record, log_h):
    """The places, from 0, of steps that the loss hears, though not through the next step.

    No way in the graph leads from what the next one takes in to what they give out. A step that the
    loss does not hear at all, as before ``detach``, has a gradient of exactly zero, which says it.
    """
    return [
        t
        for t, (call, after) in enumerate(pairwise(record.calls))
        if after.takes and log_h[t] != -math.inf and not passes_back(record, call, after)
    ]


def passes_back(record, call, after):
    """Whether a gradient passes from what one call takes in to what the one before gave out.

    Or to its parameters: a model may go on from what the call made before its activation.
    """
    made = {*call.gives, *call.p.values()}
    wanted = {record.nodes[key] for key in made} - {None}
    seen = {None, *(record.nodes[key] for key in call.takes)}  # below these it was not yet called
    todo = [record.nodes[key] for key in after.takes]
    while todo:
        at = todo.pop()
        if at in wanted:
            return True
        if at not in seen:
            seen.add(at)
            todo += [before for before, _ in at.next_functions]
    return False
