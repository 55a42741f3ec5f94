"""One step of a network, and its pullback."""
