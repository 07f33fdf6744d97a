"""Which subtask a person or a model means."""

from shared.errors import InvalidRequest, NotFound
from shared.models import SubtaskView, TaskDetail


def find_subtask(detail: TaskDetail, given: str) -> SubtaskView:
    """A subtask by its key, or else by its id or the beginning of it, if only one has that."""
    subtasks = detail.task.subtasks
    found = [one for one in subtasks if one.key == given]
    start = given.lower()
    found = found or [one for one in subtasks if start and str(one.id).startswith(start)]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{one.id} ({one.key})" for one in found[:5])
        raise InvalidRequest(f"{given!r} begins several ids: {listed}.", remedy="Give more of it.")
    keys = ", ".join(one.key for one in subtasks) or "none yet"
    raise NotFound(f"The task has no subtask {given!r}.", remedy=f"Its subtasks are: {keys}.")
