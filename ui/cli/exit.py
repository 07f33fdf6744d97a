"""How a command ends, for the shell."""

from enum import IntEnum


class Exit(IntEnum):
    """What the shell learns."""

    OK = 0
    TASK_FAILED = 1
    INVALID = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5
    INTERRUPTED = 130
