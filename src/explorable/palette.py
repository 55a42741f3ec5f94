"""Colours that colour-blind readers tell apart, legible on white and on black: those of Okabe and
Ito (2008).
"""

BLUE, ORANGE, GREEN, PURPLE, SKY, RED = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
)
GREY = "#808080"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
