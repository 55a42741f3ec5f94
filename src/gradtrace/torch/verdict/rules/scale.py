"""Whether the inputs are the reason."""

from ..causes import found
from .chain import exploding, vanishing
from .loss import loud_start
from .steps import step_too_large, step_too_small
from .units import dead_units, saturated

SIZES = 0.1, 10.0  # of the inputs' standard deviation
OFF_CENTRE = 3.0  # standard deviations
SYMPTOMS = (dead_units, saturated, exploding, vanishing, loud_start, step_too_large, step_too_small)


def input_scale(case):
    """Inputs far from size one or off their centre, and a fault that goes where they are not.

    The batch is tried centred and scaled, with the same weights and updates: only if a finding goes
    by that are the inputs its reason. A first layer that normalises makes them none.
    """
    sizes = case.input_sizes()
    if sizes is None:
        return []
    centre, spread = sizes
    if SIZES[0] <= spread <= SIZES[1] and abs(centre) <= OFF_CENTRE * spread:
        return []
    before = {finding.cause for rule in SYMPTOMS for finding in rule(case)}
    if not before or case.standardised is None or not case.standardised.finite:
        return []
    after = {finding.cause for rule in SYMPTOMS for finding in rule(case.standardised)}
    gone = [cause for cause in sorted(before - after)]
    if not gone:
        return []
    home = case.first_weights()
    return [
        found(
            "input scale",
            home,
            f"The inputs have a mean of {centre:.3g} and a standard deviation of {spread:.3g}. With"
            f" the same batch centred and scaled to one, this is gone: {', '.join(gone)}.",
            "Subtract the mean of the training set and divide by its standard deviation, for every"
            " feature or channel, or begin with a normalisation.",
            mean=centre,
            deviation=spread,
        )
    ]
