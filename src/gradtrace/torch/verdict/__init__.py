"""What is wrong with a PyTorch model that does not learn: observed, judged and told."""
