"""Chains of steps, walked forward and backward."""
