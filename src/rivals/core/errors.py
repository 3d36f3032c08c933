"""What a person can mend: the command line prints it as one line and exits with 2."""


class UserError(ValueError):
    """A user's mistake, in one line: what is wrong, where, and how to mend it."""


def positive(**settings: float) -> None:
    """Raises UserError where a setting is not above 0 and finite (NaN is neither)."""
    for name, value in settings.items():
        if not 0 < value < float("inf"):
            raise UserError(f"{name} is {value}: give a number above 0")


def within(least: float, most: float | None = None, **settings: float) -> None:
    """Raises UserError where a setting is below `least` or above `most` (NaN is both)."""
    for name, value in settings.items():
        if not least <= value <= (value if most is None else most):
            raise UserError(f"{name} is {value}: give " + (f"at least {least}" if most is None else f"{least} to {most}"))
