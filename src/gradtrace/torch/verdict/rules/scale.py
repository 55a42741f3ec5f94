"""Whether the inputs are the reason."""

from ..causes import found
from .chain import exploding, vanishing
from .loss import ignores_input, loud_start
from .steps import HARDLY, WELL, step_too_large, step_too_small
from .units import dead_units, saturated

SIZES = 0.1, 10.0  # of the features' standard deviations
OFF_CENTRE = 3.0  # standard deviations
SYMPTOMS = (
    *(dead_units, saturated, exploding, vanishing, ignores_input),
    *(loud_start, step_too_large, step_too_small),
)


def input_scale(case):
    """Inputs far from size one or off their centre, and a fault that goes where they are not.

    The batch is tried with every feature centred and scaled, with the same weights and updates.
    Only if a finding goes by that are the inputs its reason, or if the loss, which hardly fell in a
    hundred updates on the batch, now falls well. A first layer that normalises makes them none.
    """
    sizes = case.input_sizes()
    if sizes is None or in_order(*sizes):
        return []
    other = case.standardised
    if other is None or not other.finite:
        return []
    before = {finding.cause for rule in SYMPTOMS for finding in rule(case)}
    after = {finding.cause for rule in SYMPTOMS for finding in rule(other)} if before else set()
    gone = sorted(before - after)
    if not gone and not (case.fallen > HARDLY and other.fallen < WELL):
        return []
    centre, spread = sizes
    what = (
        f"this is gone: {', '.join(gone)}"
        if gone
        else f"the loss falls to {100 * other.fallen:.0f} % in a hundred updates, and without to"
        f" {100 * case.fallen:.0f} %"
    )
    return [
        found(
            "input scale",
            case.first_weights(),
            f"The inputs have means of {span(centre)} and standard deviations of {span(spread)}."
            f" With the same batch centred and scaled to one, {what}.",
            "Subtract the mean of the training set and divide by its standard deviation, for every"
            " feature or channel, or begin with a normalisation.",
            mean=centre.abs().max().item(),
            deviation=spread.max().item(),
        )
    ]


def in_order(centre, spread):
    """Whether all features are centred, about, and of a size not far from one."""
    small = SIZES[0] <= spread.min() and spread.max() <= SIZES[1]
    return bool(small and (centre.abs() <= OFF_CENTRE * spread).all())


def span(values):
    """From where to where some numbers go."""
    low, high = values.min().item(), values.max().item()
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
