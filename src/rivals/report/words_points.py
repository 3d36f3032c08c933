"""What each measure of points says in plain words."""

from rivals.report.words import Meaning

POINTS = {
    "modes-covered": Meaning(
        "Modes covered",
        "higher",
        False,
        "How many of the data's Gaussians get at least a tenth of their fair share of the samples.",
    ),
    "points-on-data": Meaning(
        "Points on the data",
        "higher",
        True,
        "How many samples lie within three deviations of the data's Gaussians.",
    ),
    "divergence": Meaning(
        "Jensen-Shannon divergence",
        "lower",
        False,
        "How different samples and data are, counted in bins: 0 for equal ones, log 2 = 0.69 where they nowhere meet.",
    ),
    "distance-from-half": Meaning(
        "Mean |D(x) − 1/2|",
        "lower",
        False,
        "How far the discriminator is from saying one half of real points, as it does when it cannot tell.",
    ),
    "value-from-log-4": Meaning(
        "|V + log 4|",
        "lower",
        False,
        "How far V(D, G) is from −log 4, its value when the game ends in a draw.",
    ),
    "dirac-radius": Meaning(
        "Distance from the end",
        "lower",
        False,
        "Where the two players ended, as a share of how far from the equilibrium they began; the bound is the closed form's.",
    ),
}
