"""Tasks, text and images: what the nets are tried on."""
