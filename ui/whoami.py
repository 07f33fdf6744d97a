"""Whose tasks these are when nobody says."""

import getpass


def whoami() -> str | None:
    """The name of this account; None leaves it to the service."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such account, as in some containers
        return None
