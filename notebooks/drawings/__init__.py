"""The pictures of the notebooks, a module for each: arrays in, plots out."""
