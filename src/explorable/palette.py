"""Colours that colour-blind readers tell apart, after Okabe and Ito (2008).

Their orange, sky and vermilion are darkened: lines and points have a contrast of 3 to 1 at least on
white paper and on the paper of a dark page (WCAG 2.2, 1.4.11).
"""

BLUE = "#0072B2"
ORANGE = "#C28500"
GREEN = "#009E73"
PURPLE = "#CC79A7"
SKY = "#3A97CC"
RED = "#BF4400"
GREY = "#808080"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
