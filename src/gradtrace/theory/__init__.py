"""Closed forms, iterated maps and landscapes: what is known before any net is trained."""
