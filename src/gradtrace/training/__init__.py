"""Losses, optimisers and what keeps a net simple: learning, one pure function at a time."""
