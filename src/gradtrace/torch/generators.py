"""Generators of random numbers, everybody's and somebody's: what state they are in, and back."""

import random

import numpy as np
import torch


def put_back(generators):
    """Set each generator of random numbers to the state that it had."""
    for set_state, state in generators:
        set_state(state)


def of_library(devices):
    """How to set the generators that everybody shares, and the state in which each of them is."""
    states = [
        (torch.set_rng_state, torch.get_rng_state()),
        (random.setstate, random.getstate()),
        (np.random.set_state, np.random.get_state()),  # noqa: NPY002
    ]
    for device in devices:
        library = getattr(torch, device.type, None)
        if device.type == "mps":
            states.append((library.set_rng_state, library.get_rng_state()))
        elif hasattr(library, "get_rng_state") and device.type != "cpu":
            states.append((_set_on(library, device), library.get_rng_state(device)))
    return states


def _set_on(library, device):
    return lambda state: library.set_rng_state(state, device)


def of_generator(value):
    """The same of a generator that somebody holds; None if it is none."""
    if isinstance(value, torch.Generator):
        return value.set_state, value.get_state()
    if isinstance(value, np.random.RandomState):
        return value.set_state, value.get_state()
    if isinstance(value, random.Random):
        return value.setstate, value.getstate()
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator
        return lambda state: setattr(bits, "state", state), bits.state
    return None
