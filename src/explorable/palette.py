"""Colours that colour-blind readers tell apart: those of Okabe and Ito (2008).

They are legible on white and on black.
"""

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
RED = "#D55E00"
GREY = "#808080"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
