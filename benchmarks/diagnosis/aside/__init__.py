"""The half of the corpus that a tool is measured on; who develops one does not look at it."""
