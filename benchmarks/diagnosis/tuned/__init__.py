"""The half of the corpus that a tool is developed on."""
