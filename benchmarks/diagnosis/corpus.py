"""The parts of the corpus: which case is in which, and all cases of one."""

import importlib
import pkgutil
import random

from .case import cases_in

HALVES = ("tuned", "aside")  # drawn from one lot of cases
PARTS = (*HALVES, "unseen")
SEED = 2026
DRAWN_AS_OTHER = {"labels_of_other_images", "time_and_batch_swapped"}  # they had no word then
AFTER_THE_DRAW = {"accused", "unnoticed"}  # modules of the tuned half
FROM_THE_START = {  # in the tuned half by hand, before the draw
    "adam_with_rate_one",
    "column_against_row",
    "deep_sigmoid",
    "encoder_detached",
    "frozen_backbone_new_head",
    "gpt_with_tied_weights",
    "layers_in_a_python_list",
    "lora_at_the_start",
    "loss_of_a_millionth",
    "lstm_first_symbol",
    "mlp_on_digits",
    "reader_with_padding",
    "relu_dead_by_its_bias",
    "resnet_with_biases_before_norm",
    "siamese_distance_of_twins",
    "softmax_before_cross_entropy",
}


def cases(part):
    """The cases of ``"tuned"``, ``"aside"`` or ``"unseen"``, by name."""
    package = importlib.import_module(f"{__package__}.{part}")
    found = []
    for entry in pkgutil.iter_modules(package.__path__):
        found += cases_in(importlib.import_module(f"{package.__name__}.{entry.name}"))
    return {case.name: case for case in sorted(found, key=lambda case: case.name)}


def drawn(half):
    """The cases of a half that were there when the halves were drawn, by name."""
    later = set()
    if half == "tuned":
        for name in AFTER_THE_DRAW:
            later |= {
                c.name for c in cases_in(importlib.import_module(f"{__package__}.tuned.{name}"))
            }
    return {name: case for name, case in cases(half).items() if name not in later}


def draw(causes):
    """The half of each case, drawn at random.

    Of each cause, and of the healthy cases, one half of the corpus has as many as the other, or one
    more; which, is drawn, too.

    Parameters
    ----------
    causes : dict
        By the name of each case its cause, None if it is healthy.

    Returns
    -------
    dict
        By name ``"tuned"`` or ``"aside"``.
    """
    rng = random.Random(SEED)
    found = {}
    for cause in sorted(set(causes.values()), key=str):
        names = sorted(name for name in causes if causes[name] == cause)
        free = [name for name in names if name not in FROM_THE_START]
        rng.shuffle(free)
        aside = min(len(free), (len(names) + rng.randrange(2)) // 2)
        for i, name in enumerate(free):
            found[name] = "aside" if i < aside else "tuned"
    return found | dict.fromkeys(FROM_THE_START & causes.keys(), "tuned")
