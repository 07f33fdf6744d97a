"""Why something is not running, in one sentence. Pure: from the plan, its states and the team."""

from collections.abc import Mapping, Sequence

from shared.models import AgentView, SubtaskView, TaskView, Waiting
from shared.states import SubtaskStatus, TaskStatus


def explain(task: TaskView, agents: Sequence[AgentView], *, heard: bool = True) -> TaskView:
    """The task with a reason on every subtask that waits, and on itself while it waits.

    Agents that cannot be `heard`, because Redis is away, may be at work all the same.
    """
    known = agents if heard else None
    by_key = {subtask.key: subtask for subtask in task.subtasks}
    paused = task.paused_reason is not None and task.finished_at is None
    subtasks = tuple(
        subtask.model_copy(update={"waiting": _why(subtask, by_key, known, paused=paused)})
        for subtask in task.subtasks
    )
    return task.model_copy(update={"subtasks": subtasks, "waiting": _why_task(task)})


def _why_task(task: TaskView) -> Waiting | None:
    if task.cancel_requested and task.finished_at is None:
        return Waiting(reason="being cancelled: what runs is being stopped")
    if task.paused_reason is not None and task.finished_at is None:
        return Waiting(reason=_paused(task))
    reasons = {
        TaskStatus.PENDING: "waiting for a free planner",
        TaskStatus.PLANNING: "the plan is being made",
        TaskStatus.AWAITING_APPROVAL: f"version {task.plan_version} of the plan waits for approval",
        TaskStatus.AGGREGATING: "the answer is being written",
    }
    reason = reasons.get(task.status)
    return None if reason is None else Waiting(reason=reason)


def _paused(task: TaskView) -> str:
    running = task.progress.running
    if running and task.pause_releases:
        verb = "is" if running == 1 else "are"
        return f"paused: nothing new starts; {running} {verb} being given back"
    if running:
        verb = "runs" if running == 1 else "run"
        return f"paused: nothing new starts; {running} {verb} to the end"
    if task.status is TaskStatus.PLANNING:
        return "paused: the plan is still being made; nothing runs until it is resumed"
    return "paused: nothing runs until it is resumed"


def _why(
    subtask: SubtaskView,
    by_key: Mapping[str, SubtaskView],
    agents: Sequence[AgentView] | None,
    *,
    paused: bool,
) -> Waiting | None:
    if subtask.cancel_requested and subtask.status is SubtaskStatus.RUNNING:
        return Waiting(reason="being cancelled: its agent is being told to stop")
    if subtask.status is SubtaskStatus.PENDING:
        return _unfinished(subtask, by_key, paused=paused)
    if subtask.status is SubtaskStatus.BLOCKED:
        return _blocked(subtask, by_key)
    if subtask.status is SubtaskStatus.QUEUED:
        if agents is None:
            return Waiting(reason="queued: agents look for work by themselves while Redis is away")
        return _no_agent(subtask, agents)
    return None


def _blocked(subtask: SubtaskView, by_key: Mapping[str, SubtaskView]) -> Waiting:
    stopped = sorted(_stopped_ancestors(subtask, by_key))
    if not stopped:  # what failed is being retried, and this not yet freed
        return Waiting(reason="blocked: about to be looked at again")
    cancelled = all(by_key[key].status is SubtaskStatus.CANCELLED for key in stopped)
    verb = ("was" if len(stopped) == 1 else "were") + " cancelled" if cancelled else "failed"
    return Waiting(reason=f"blocked: {_listed(stopped)} {verb}", on=tuple(stopped))


def _unfinished(
    subtask: SubtaskView, by_key: Mapping[str, SubtaskView], *, paused: bool
) -> Waiting:
    open_ones = [
        key for key in subtask.dependencies if by_key[key].status is not SubtaskStatus.COMPLETED
    ]
    if not open_ones and paused:
        return Waiting(reason="ready, but the task is paused")
    if not open_ones:
        return Waiting(reason="ready: about to be queued")
    return Waiting(reason=f"waiting for {_listed(open_ones)} to finish", on=tuple(open_ones))


def _stopped_ancestors(subtask: SubtaskView, by_key: Mapping[str, SubtaskView]) -> set[str]:
    found, seen, stack = set(), set(), list(subtask.dependencies)
    while stack:
        key = stack.pop()
        if key in seen:
            continue
        seen.add(key)
        if by_key[key].status in (SubtaskStatus.FAILED, SubtaskStatus.CANCELLED):
            found.add(key)
        stack += by_key[key].dependencies
    return found


def _no_agent(subtask: SubtaskView, agents: Sequence[AgentView]) -> Waiting:
    wanted = set(subtask.required_capabilities)
    needed = "+".join(sorted(wanted))
    able = [agent for agent in agents if wanted <= set(agent.capabilities)]
    live = [agent for agent in able if agent.available]
    names = tuple(agent.agent_id for agent in live)
    if not able:
        return Waiting(reason=f"waiting: no agent offers {needed}", on=(needed,))
    if not live:
        silent = tuple(agent.agent_id for agent in able)
        return Waiting(
            reason=f"waiting: every agent that offers {needed} is away ({_listed(silent)})",
            on=silent,
        )
    if all(agent.state == "full" for agent in live):
        word = "the agent" if len(live) == 1 else f"all {len(live)} agents"
        verb = "is" if len(live) == 1 else "are"
        return Waiting(reason=f"waiting: {word} that can do {needed} {verb} busy", on=names)
    held = [_limit(agent, agents) for agent in live if agent.state != "full"]
    if all(held):
        return Waiting(reason=f"waiting: {held[0]}", on=names)
    return Waiting(reason="queued: an agent is about to take it", on=names)


def _limit(agent: AgentView, agents: Sequence[AgentView]) -> str:
    """The operator's limit that keeps an agent with a free slot from taking more, if one does."""
    most, most_in_role = agent.max_running, agent.max_running_in_role
    here = [each for each in agents if each.state != "silent"]
    if most and sum(len(each.running) for each in here) >= most:
        return f"no more than {most} may run at once (MAX_RUNNING)"
    alike = (each for each in here if each.profile == agent.profile)
    if most_in_role and sum(len(each.running) for each in alike) >= most_in_role:
        return (
            f"no more than {most_in_role} of {agent.profile} may run at once (MAX_RUNNING_PER_ROLE)"
        )
    return ""


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:5])
    if len(names) > 5:
        shown.append(f"{len(names) - 5} more")
    if len(shown) == 1:
        return shown[0]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
