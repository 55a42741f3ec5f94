"""PyTorch models that learn and models that do not, each for a reason that is known."""
