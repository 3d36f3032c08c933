"""What a person can mend: the command line prints it as one line and exits with 2."""


class UserError(ValueError):
    """A user's mistake, in one line: what is wrong, where, and how to mend it."""
