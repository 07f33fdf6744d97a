-- What must hold whatever died, was paused or was forgotten: every statement returns no row.

-- name: two_open_attempts
SELECT subtask_id FROM attempts
WHERE outcome IS NULL
GROUP BY subtask_id HAVING count(*) > 1;

-- name: two_successes
SELECT subtask_id FROM attempts
WHERE outcome = 'completed'
GROUP BY subtask_id HAVING count(*) > 1;

-- name: a_result_of_an_attempt_that_did_not_complete
SELECT r.subtask_id
FROM subtask_results AS r LEFT JOIN attempts AS a USING (subtask_id, attempt)
WHERE a.outcome IS DISTINCT FROM 'completed';

-- name: completed_without_a_result
SELECT s.id
FROM subtasks AS s LEFT JOIN subtask_results AS r ON s.id = r.subtask_id AND r.current
WHERE s.status = 'completed' AND r.subtask_id IS NULL;

-- name: a_result_of_what_is_not_completed
SELECT s.id
FROM subtask_results AS r INNER JOIN subtasks AS s ON r.subtask_id = s.id
WHERE r.current AND s.status <> 'completed';

-- name: running_without_its_open_attempt
SELECT s.id
FROM subtasks AS s LEFT JOIN attempts AS a
    ON s.id = a.subtask_id AND s.attempt = a.attempt AND s.owner = a.owner AND a.outcome IS NULL
WHERE s.status = 'running' AND a.subtask_id IS NULL;

-- name: an_open_attempt_at_what_does_not_run
SELECT a.subtask_id
FROM attempts AS a INNER JOIN subtasks AS s ON a.subtask_id = s.id
WHERE a.outcome IS NULL AND s.status <> 'running';

-- name: attempt_numbers_with_holes
SELECT s.id
FROM subtasks AS s LEFT JOIN attempts AS a ON s.id = a.subtask_id
GROUP BY s.id
HAVING s.attempt <> count(a.attempt) OR s.attempt <> coalesce(max(a.attempt), 0);

-- name: losses_that_are_not_lost_attempts
SELECT s.id
FROM subtasks AS s LEFT JOIN attempts AS a ON s.id = a.subtask_id AND a.outcome = 'lost'
WHERE s.retries = 0
GROUP BY s.id HAVING s.losses <> count(a.attempt);

-- name: claimed_before_all_it_depends_on_had_completed
SELECT a.subtask_id
FROM attempts AS a
INNER JOIN subtask_dependencies AS d USING (subtask_id)
INNER JOIN subtasks AS p ON d.depends_on = p.id
WHERE p.status <> 'completed' OR p.finished_at > a.claimed_at;

-- name: blocked_without_a_reason
SELECT s.id
FROM subtasks AS s
WHERE s.status = 'blocked' AND NOT EXISTS (
    SELECT FROM subtask_dependencies AS d INNER JOIN subtasks AS p ON d.depends_on = p.id
    WHERE d.subtask_id = s.id AND p.status IN ('failed', 'blocked')
);

-- name: going_on_behind_a_failure
SELECT s.id
FROM subtasks AS s
INNER JOIN subtask_dependencies AS d ON s.id = d.subtask_id
INNER JOIN subtasks AS p ON d.depends_on = p.id
WHERE
    p.status IN ('failed', 'blocked', 'cancelled')
    AND s.status IN ('queued', 'running', 'completed');

-- name: a_completed_task_with_something_not_completed
SELECT t.id
FROM tasks AS t INNER JOIN subtasks AS s ON t.id = s.task_id
WHERE t.status = 'completed' AND s.status <> 'completed';

-- name: an_ended_task_with_something_open
SELECT t.id
FROM tasks AS t INNER JOIN subtasks AS s ON t.id = s.task_id
WHERE
    t.status IN ('completed', 'failed', 'cancelled')
    AND s.status IN ('pending', 'queued', 'running');

-- name: a_failure_that_was_run_again_by_itself
SELECT a.subtask_id
FROM attempts AS a
INNER JOIN attempts AS later ON a.subtask_id = later.subtask_id AND a.attempt < later.attempt
INNER JOIN subtasks AS s ON a.subtask_id = s.id
WHERE a.outcome = 'failed' AND s.retries = 0;

-- name: an_ended_attempt_without_exactly_one_event
SELECT a.subtask_id
FROM attempts AS a LEFT JOIN events AS e
    ON a.subtask_id = e.subtask_id AND a.attempt = e.attempt AND e.type = 'attempt.' || a.outcome
WHERE a.outcome IS NOT NULL
GROUP BY a.subtask_id, a.attempt HAVING count(e.id) <> 1;

-- name: a_task_that_ended_twice
SELECT task_id FROM events
WHERE type IN ('task.completed', 'task.failed', 'task.cancelled')
GROUP BY task_id HAVING count(*) > 1;
