"""Data, iterated maps and closed forms, in plain numpy: what the nets of the rest of the package are held against."""
