"""Chains of steps, forward and backward."""
