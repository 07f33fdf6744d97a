-- What must hold whatever died, was paused or was forgotten: each statement counts what breaks it.
-- $1 tasks to look at, or null for the whole ledger. Unlike all other statements these spell
-- statuses, as a CHECK does: what judges the code must not be fed by it.

-- name: two_open_attempts
SELECT count(*) FROM (
    SELECT FROM attempts AS a
    WHERE a.outcome IS NULL AND ($1::uuid [] IS NULL OR a.task_id = any($1))
    GROUP BY a.subtask_id HAVING count(*) > 1
) AS broken;

-- name: two_successes
-- Each rerun by hand allows one more.
SELECT count(*) FROM (
    SELECT FROM attempts AS a INNER JOIN subtasks AS s ON a.subtask_id = s.id
    WHERE a.outcome = 'completed' AND ($1::uuid [] IS NULL OR a.task_id = any($1))
    GROUP BY s.id HAVING count(*) > 1 + s.retries
) AS broken;

-- name: a_result_of_an_attempt_that_did_not_complete
SELECT count(*)
FROM subtask_results AS r LEFT JOIN attempts AS a USING (subtask_id, attempt)
WHERE a.outcome IS DISTINCT FROM 'completed' AND ($1::uuid [] IS NULL OR r.task_id = any($1));

-- name: completed_without_a_result
SELECT count(*)
FROM subtasks AS s LEFT JOIN subtask_results AS r ON s.id = r.subtask_id AND r.current
WHERE
    s.status = 'completed' AND r.subtask_id IS NULL
    AND ($1::uuid [] IS NULL OR s.task_id = any($1));

-- name: a_result_of_what_is_not_completed
SELECT count(*)
FROM subtask_results AS r INNER JOIN subtasks AS s ON r.subtask_id = s.id
WHERE
    r.current AND s.status <> 'completed'
    AND ($1::uuid [] IS NULL OR s.task_id = any($1));

-- name: running_without_its_open_attempt
SELECT count(*)
FROM subtasks AS s LEFT JOIN attempts AS a
    ON s.id = a.subtask_id AND s.attempt = a.attempt AND s.owner = a.owner AND a.outcome IS NULL
WHERE
    s.status = 'running' AND a.subtask_id IS NULL
    AND ($1::uuid [] IS NULL OR s.task_id = any($1));

-- name: an_open_attempt_at_what_does_not_run
SELECT count(*)
FROM attempts AS a INNER JOIN subtasks AS s ON a.subtask_id = s.id
WHERE
    a.outcome IS NULL AND s.status <> 'running'
    AND ($1::uuid [] IS NULL OR a.task_id = any($1));

-- name: attempt_numbers_with_holes
SELECT count(*) FROM (
    SELECT FROM subtasks AS s LEFT JOIN attempts AS a ON s.id = a.subtask_id
    WHERE $1::uuid [] IS NULL OR s.task_id = any($1)
    GROUP BY s.id
    HAVING s.attempt <> count(a.attempt) OR s.attempt <> coalesce(max(a.attempt), 0)
) AS broken;

-- name: losses_that_are_not_lost_attempts
-- A retry by hand forgives the losses before it.
SELECT count(*) FROM (
    SELECT FROM subtasks AS s
    LEFT JOIN attempts AS a ON s.id = a.subtask_id AND a.outcome = 'lost'
    WHERE s.retries = 0 AND ($1::uuid [] IS NULL OR s.task_id = any($1))
    GROUP BY s.id HAVING s.losses <> count(a.attempt)
) AS broken;

-- name: claimed_before_all_it_depends_on_had_completed
-- Of the last attempt of what was not set back by hand since.
SELECT count(*)
FROM attempts AS a
INNER JOIN subtasks AS s ON a.subtask_id = s.id AND a.attempt = s.attempt
INNER JOIN subtask_dependencies AS d USING (subtask_id)
INNER JOIN subtasks AS p ON d.depends_on = p.id
WHERE
    (p.status <> 'completed' OR p.finished_at > a.claimed_at)
    AND s.status IN ('running', 'completed', 'failed')
    AND ($1::uuid [] IS NULL OR a.task_id = any($1));

-- name: blocked_without_a_reason
SELECT count(*)
FROM subtasks AS s
WHERE
    s.status = 'blocked' AND ($1::uuid [] IS NULL OR s.task_id = any($1))
    AND NOT EXISTS (
        SELECT FROM subtask_dependencies AS d INNER JOIN subtasks AS p ON d.depends_on = p.id
        WHERE d.subtask_id = s.id AND p.status IN ('failed', 'blocked', 'cancelled')
    );

-- name: going_on_behind_a_failure
SELECT count(*)
FROM subtasks AS s
INNER JOIN subtask_dependencies AS d ON s.id = d.subtask_id
INNER JOIN subtasks AS p ON d.depends_on = p.id
WHERE
    p.status IN ('failed', 'blocked', 'cancelled')
    AND s.status IN ('queued', 'running', 'completed')
    AND ($1::uuid [] IS NULL OR (s.task_id = any($1) AND p.task_id = any($1)));

-- name: a_completed_task_with_something_not_completed
SELECT count(*)
FROM tasks AS t INNER JOIN subtasks AS s ON t.id = s.task_id
WHERE
    t.status = 'completed' AND s.status <> 'completed'
    AND ($1::uuid [] IS NULL OR s.task_id = any($1));

-- name: an_ended_task_with_something_open
SELECT count(*)
FROM tasks AS t INNER JOIN subtasks AS s ON t.id = s.task_id
WHERE
    t.status IN ('completed', 'failed', 'cancelled')
    AND s.status IN ('pending', 'queued', 'running')
    AND ($1::uuid [] IS NULL OR s.task_id = any($1));

-- name: a_failure_that_was_run_again_by_itself
SELECT count(*)
FROM attempts AS a
INNER JOIN attempts AS later ON a.subtask_id = later.subtask_id AND a.attempt < later.attempt
INNER JOIN subtasks AS s ON a.subtask_id = s.id
WHERE
    a.outcome = 'failed' AND s.retries = 0
    AND ($1::uuid [] IS NULL OR a.task_id = any($1));

-- name: an_ended_attempt_without_exactly_one_event
-- As far back as events are kept.
SELECT count(*)
FROM attempts AS a
LEFT JOIN (
    SELECT
        e.subtask_id,
        e.attempt,
        e.type,
        count(*) AS n
    FROM events AS e
    WHERE e.type LIKE 'attempt.%' AND ($1::uuid [] IS NULL OR e.task_id = any($1))
    GROUP BY e.subtask_id, e.attempt, e.type
) AS told
    ON
        a.subtask_id = told.subtask_id AND a.attempt = told.attempt
        AND told.type = 'attempt.' || a.outcome
WHERE
    a.outcome IS NOT NULL AND coalesce(told.n, 0) <> 1
    AND a.finished_at >= (SELECT first.at FROM events AS first ORDER BY first.id LIMIT 1)
    AND ($1::uuid [] IS NULL OR a.task_id = any($1));

-- name: a_task_that_ended_twice
-- Each reopening by hand allows one end more.
SELECT count(*) FROM (
    SELECT FROM events AS e
    WHERE
        e.type IN ('task.completed', 'task.failed', 'task.cancelled', 'task.in_progress')
        AND ($1::uuid [] IS NULL OR e.task_id = any($1))
    GROUP BY e.task_id
    HAVING
        count(*) FILTER (WHERE e.type <> 'task.in_progress')
        > 1 + count(*) FILTER (
            WHERE e.type = 'task.in_progress' AND e.data ->> 'from' IN ('failed', 'completed')
        )
) AS broken;
