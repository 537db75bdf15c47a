"""The course's colours: Okabe and Ito's (jfly.uni-koeln.de/color), which survive colour-blindness.

Two are darkened a little, so that thin lines in them read on paper.
"""

PAPER, INK, FAINT = "#ffffff", "#22262b", "#d8d8d2"
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = HUES = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#aa4a87",
    "#c98a00",
    "#4fa3d9",
)
