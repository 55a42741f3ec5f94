"""The part of the corpus that no rule has been changed after."""
