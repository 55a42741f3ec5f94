"""One rule for each cause: what has to be seen before a report names it, and why so much of it.

No rule compares a number that has a unit with a limit. A loss is compared with another loss of the
same batch, an update with the weights that it moves, a gradient with another gradient, or, entry by
entry, with the optimiser's own epsilon.
"""

from .chain import exploding, short_reach, vanishing
from .examples import answer_in_input, mixed_examples
from .finite import not_finite
from .loss import (
    double_softmax,
    ignores_input,
    loud_start,
    missing_logarithm,
    negated_loss,
    output_bounded,
    softmax_over_examples,
    target_shape,
)
from .mode import evaluation_mode, frozen
from .reach import cut_off, not_in_optimizer
from .scale import input_scale
from .steps import (
    below_epsilon,
    lost_to_rounding,
    step_too_large,
    step_too_small,
    symmetric_start,
    too_much_decay,
)
from .units import dead_units, saturated

# In the order of origin, as in `causes.CHAPTERS`.
RULES = (
    evaluation_mode,
    target_shape,
    negated_loss,
    double_softmax,
    missing_logarithm,
    softmax_over_examples,
    mixed_examples,
    answer_in_input,
    frozen,
    cut_off,
    not_in_optimizer,
    symmetric_start,
    input_scale,
    output_bounded,
    dead_units,
    saturated,
    exploding,
    vanishing,
    ignores_input,
    short_reach,
    loud_start,
    below_epsilon,
    lost_to_rounding,
    step_too_large,
    step_too_small,
    too_much_decay,
)


def findings_of(case):
    """All findings, the one nearest to the origin first; what is not finite explains everything."""
    if not case.finite:
        return not_finite(case)
    return [finding for rule in RULES for finding in rule(case)]
