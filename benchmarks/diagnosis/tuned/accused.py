"""Healthy models that a report once accused, and their siblings."""
