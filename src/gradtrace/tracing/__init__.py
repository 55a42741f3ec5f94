"""Chains of steps, walked forward and backward."""

from . import fused as fused  # registers the fast way through an unrolled cell
