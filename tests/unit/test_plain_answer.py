"""What a task's answer says where no model wrote it."""

import pytest

from orchestrator.aggregator import plain_answer
from tests import ui_records as records


@pytest.mark.parametrize("simulated", [True, False])
def test_scripted_results_are_said_to_be_scripted(simulated: bool) -> None:
    task = records.task("completed", records.subtask("a", "completed"), simulated=simulated)
    answer = plain_answer(records.detail(task), "These are the results.")
    assert answer.startswith("> Simulated model: " if simulated else "These are the results.")
    assert "These are the results.\n\n- **Title of a** (completed)" in answer
