"""Chains of steps, walked forward and backward."""

from . import fast as fast  # registers the fast ways
