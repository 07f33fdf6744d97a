"""The arguments that several tools take, as a model is told of them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.models import SubtaskEdit

TaskId = Annotated[UUID, Field(description="Id of the task, as submit_task or list_tasks gave it.")]
SubtaskName = Annotated[
    str, Field(min_length=1, max_length=64, description="Key or id of a subtask, from get_task.")
]
PlanHash = Annotated[
    str, Field(min_length=1, max_length=128, description="Hash of the plan version you mean.")
]
Edit = Annotated[
    SubtaskEdit | None,
    Field(
        description="Change more than its description, such as checks that were wrong; give only "
        "what changes, and then no description beside it."
    ),
]
NewDescription = Annotated[
    str | None,
    Field(min_length=1, max_length=8192, description="Work from this description instead."),
]
