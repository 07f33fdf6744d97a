-- What agents do and did. Nothing here changes anything.

-- name: agents_at_work
-- Attempts that are open, with the last line that each logged. $1 how many at most.
SELECT
    a.agent_id,
    a.task_id,
    t.title AS task_title,
    a.subtask_id,
    s.title AS subtask_title,
    a.attempt,
    extract(epoch FROM now() - a.claimed_at)::float8 AS running_seconds,
    (
        SELECT left(l.message, 300)
        FROM agent_logs AS l
        WHERE l.subtask_id = a.subtask_id AND l.attempt = a.attempt
        ORDER BY l.id DESC
        LIMIT 1
    ) AS latest
FROM attempts AS a
INNER JOIN subtasks AS s ON a.subtask_id = s.id
INNER JOIN tasks AS t ON a.task_id = t.id
WHERE a.outcome IS NULL
ORDER BY a.agent_id, a.claimed_at
LIMIT $1;

-- name: agent_attempts
-- The last attempts of an agent, newest first. $1 agent, $2 how many.
SELECT
    a.task_id,
    t.title AS task_title,
    a.subtask_id,
    s.title AS subtask_title,
    a.attempt,
    a.claimed_at,
    extract(epoch FROM coalesce(a.finished_at, now()) - a.claimed_at)::float8 AS seconds,
    a.outcome,
    a.failure_kind,
    left(a.error, 2000) AS error,
    paid.cost_usd,
    paid.simulated
FROM attempts AS a
INNER JOIN subtasks AS s ON a.subtask_id = s.id
INNER JOIN tasks AS t ON a.task_id = t.id
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(c.cost_usd), 0) AS cost_usd,
        coalesce(bool_or(c.simulated), false) AS simulated
    FROM model_calls AS c
    WHERE c.subtask_id = a.subtask_id AND c.attempt = a.attempt
) AS paid
WHERE a.agent_id = $1
ORDER BY a.claimed_at DESC, a.subtask_id
LIMIT $2;

-- name: agent_totals
-- What an agent's attempts came to that it claimed in the last hours. $1 agent, $2 hours.
SELECT
    a.outcome,
    count(*) AS n,
    sum(extract(epoch FROM a.finished_at - a.claimed_at))::float8 AS seconds,
    coalesce(sum(paid.cost_usd), 0) AS cost_usd
FROM attempts AS a
CROSS JOIN LATERAL (
    SELECT sum(c.cost_usd) AS cost_usd
    FROM model_calls AS c
    WHERE c.subtask_id = a.subtask_id AND c.attempt = a.attempt
) AS paid
WHERE a.agent_id = $1 AND a.claimed_at >= now() - make_interval(hours => $2)
GROUP BY a.outcome;
