"""Faults that a report once did not see, and their siblings."""
