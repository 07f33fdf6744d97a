-- How the whole system does. Nothing here changes anything. What follows a period reads the rows
-- of that period by an index on their time; the rest follows open work.

-- name: beginning
-- Where the first of $2 stretches of $1 seconds begins of which the last holds the present.
SELECT
    date_bin(make_interval(secs => $1), now(), 'epoch'::timestamptz)
    - make_interval(secs => $1 * ($2 - 1)) AS since;

-- name: tasks_accepted
-- $1 seconds a stretch, $2 since when.
SELECT
    date_bin(make_interval(secs => $1), created_at, 'epoch'::timestamptz) AS start,
    count(*) AS n
FROM tasks
WHERE created_at >= $2
GROUP BY 1;

-- name: tasks_ended
-- $1 seconds a stretch, $2 since when.
SELECT
    date_bin(make_interval(secs => $1), finished_at, 'epoch'::timestamptz) AS start,
    status,
    count(*) AS n
FROM tasks
WHERE finished_at >= $2
GROUP BY 1, 2;

-- name: attempts_ended
-- $1 seconds a stretch, $2 since when.
SELECT
    date_bin(make_interval(secs => $1), finished_at, 'epoch'::timestamptz) AS start,
    outcome,
    count(*) AS n
FROM attempts
WHERE finished_at >= $2
GROUP BY 1, 2;

-- name: spent
-- $1 seconds a stretch, $2 since when.
SELECT
    date_bin(make_interval(secs => $1), at, 'epoch'::timestamptz) AS start,
    sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens)::bigint AS tokens,
    sum(cost_usd) AS cost_usd
FROM model_calls
WHERE at >= $2
GROUP BY 1;

-- name: task_durations
-- Seconds from submission to the end. $1 since when, $2 statuses.
SELECT
    count(*) AS n,
    avg(took.seconds) AS mean_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY took.seconds) AS p95_seconds
FROM (
    SELECT extract(epoch FROM finished_at - created_at)::float8 AS seconds
    FROM tasks
    WHERE finished_at >= $1 AND status = any($2::task_status [])
) AS took;

-- name: attempt_durations
-- Seconds from claim to settlement, by capability, and of all without one. $1 since when,
-- $2 outcomes.
WITH took AS MATERIALIZED (
    SELECT
        a.subtask_id,
        extract(epoch FROM a.finished_at - a.claimed_at)::float8 AS seconds
    FROM attempts AS a
    WHERE a.finished_at >= $1 AND a.outcome = any($2::attempt_outcome [])
)

SELECT
    null AS capability,
    count(*) AS n,
    avg(took.seconds) AS mean_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY took.seconds) AS p95_seconds
FROM took
UNION ALL
SELECT
    needed.capability,
    count(*) AS n,
    avg(took.seconds) AS mean_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY took.seconds) AS p95_seconds
FROM took
INNER JOIN subtasks AS s ON took.subtask_id = s.id
CROSS JOIN LATERAL unnest(s.required_capabilities) AS needed (capability)
GROUP BY needed.capability
ORDER BY 1;

-- name: failures
-- $1 since when, $2 the outcome of a failed attempt, $3 the status of a failed task.
SELECT
    failed.kind,
    sum(failed.tasks)::bigint AS tasks,
    sum(failed.attempts)::bigint AS attempts
FROM (
    SELECT
        a.failure_kind AS kind,
        0 AS tasks,
        count(*) AS attempts
    FROM attempts AS a
    WHERE a.finished_at >= $1 AND a.outcome = $2::attempt_outcome
    GROUP BY a.failure_kind
    UNION ALL
    SELECT
        t.failure_kind AS kind,
        count(*) AS tasks,
        0 AS attempts
    FROM tasks AS t
    WHERE t.finished_at >= $1 AND t.status = $3::task_status
    GROUP BY t.failure_kind
) AS failed
GROUP BY failed.kind
ORDER BY attempts DESC, tasks DESC, failed.kind;

-- name: models_used
-- $1 since when.
SELECT
    c.purpose,
    c.model,
    count(*) AS calls,
    jsonb_build_object(
        'input', sum(c.input_tokens), 'output', sum(c.output_tokens),
        'cache_read', sum(c.cache_read_tokens), 'cache_write', sum(c.cache_write_tokens)
    ) AS tokens,
    sum(c.cost_usd) AS cost_usd,
    bool_or(c.simulated) AS simulated
FROM model_calls AS c
WHERE c.at >= $1
GROUP BY c.purpose, c.model
ORDER BY cost_usd DESC, c.purpose, c.model;

-- name: server
-- What the server counts about this database since its statistics were last reset.
SELECT
    extract(epoch FROM now())::float8 AS seconds,
    d.xact_commit + d.xact_rollback AS transactions,
    d.numbackends AS connections,
    d.deadlocks,
    (d.blks_hit::float8 / nullif(d.blks_hit + d.blks_read, 0)) AS cache_hit_ratio,
    current_setting('max_connections')::int AS most_connections
FROM pg_stat_database AS d
WHERE d.datname = current_database();

-- name: size
SELECT pg_database_size(current_database()) AS bytes;
