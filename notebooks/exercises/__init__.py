"""The exercises of each chapter: what is right, and what is said to mistakes.

`check("depth.2", answer)` looks here. Whoever wants to solve them looks
elsewhere.
"""
