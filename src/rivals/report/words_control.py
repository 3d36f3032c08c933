"""What each measure of behaviour says in plain words."""

from rivals.report.words import Meaning

CONTROL = {
    "return": Meaning(
        "Return of the imitator",
        "higher",
        False,
        "Mean sum of the environment's own rewards over an episode, which the imitator never saw; the bound is the expert's.",
    ),
    "return-expert": Meaning(
        "Return of the expert",
        "higher",
        False,
        "The same for who was imitated.",
    ),
    "return-cloning": Meaning(
        "Return of behaviour cloning",
        "higher",
        False,
        "The same for a policy of the same size that was fitted to the expert's actions, without a game.",
    ),
    "return-random": Meaning(
        "Return of chance",
        "higher",
        False,
        "The same for actions that are equally likely.",
    ),
    "expert-share": Meaning(
        "Share of the way to the expert",
        "higher",
        True,
        "How far the imitator has come from the return of chance (0 %) to that of the expert (100 %).",
    ),
}
