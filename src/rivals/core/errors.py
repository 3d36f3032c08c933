"""What a person can mend: the command line prints it as one line and exits with 2."""


class UserError(ValueError):
    """A user's mistake, in one line: what is wrong, where, and how to mend it."""


def positive(**settings: float) -> None:
    """Raises UserError where a setting is not above 0 (NaN is not)."""
    for name, value in settings.items():
        if not value > 0:
            raise UserError(f"{name} is {value}: give a number above 0")
