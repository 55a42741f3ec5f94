"""The part of the corpus that is measured once, with the rules as they are now."""
