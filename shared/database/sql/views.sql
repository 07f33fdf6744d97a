-- What people and programs read. Nothing here changes anything.

-- name: answers
SELECT 1 AS one;

-- name: task_exists
-- $1 id.
SELECT EXISTS (SELECT FROM tasks WHERE id = $1) AS found;

-- name: task
-- One task with its price, counts and files. $1 id.
SELECT
    t.id,
    t.user_id,
    t.title,
    t.description,
    t.status,
    t.priority,
    t.cancel_requested,
    t.pause_releases,
    t.require_approval,
    t.review,
    t.plan_version,
    t.plan_errors,
    t.answer,
    t.result,
    t.partial,
    t.failure_kind,
    t.error,
    t.created_at,
    t.started_at,
    t.finished_at,
    CASE WHEN t.finished_at IS NULL THEN t.paused_reason END AS paused_reason,
    (
        SELECT v.plan ->> 'summary' FROM plan_versions AS v
        WHERE v.task_id = t.id AND v.version = t.plan_version
    ) AS plan_summary,
    (
        SELECT v.hash FROM plan_versions AS v
        WHERE v.task_id = t.id AND v.version = t.plan_version
    ) AS plan_hash,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object('name', f.name, 'size', f.size, 'sha256', f.sha256) ORDER BY f.name
        )
        FROM context_files AS f
        WHERE f.task_id = t.id
    ), '[]') AS context_files,
    paid.cost_usd,
    paid.simulated,
    paid.tokens
FROM tasks AS t, LATERAL (
    SELECT
        coalesce(sum(c.cost_usd), 0) AS cost_usd,
        coalesce(bool_or(c.simulated), false) AS simulated,
        jsonb_build_object(
            'input', coalesce(sum(c.input_tokens), 0),
            'output', coalesce(sum(c.output_tokens), 0),
            'cache_read', coalesce(sum(c.cache_read_tokens), 0),
            'cache_write', coalesce(sum(c.cache_write_tokens), 0)
        ) AS tokens
    FROM model_calls AS c
    WHERE c.task_id = t.id
) AS paid
WHERE t.id = $1;

-- name: subtasks
-- A task's subtasks in the plan's order, with what each cost. $1 task.
SELECT
    s.id,
    s.key,
    s.title,
    s.description,
    s.expected_output,
    s.required_capabilities,
    s.priority,
    s.estimated_seconds AS estimated_duration,
    s.profile,
    s.status,
    s.cancel_requested,
    s.agent_id,
    s.attempt,
    s.losses,
    s.retries,
    s.queued_at,
    s.started_at,
    s.finished_at,
    s.failure_kind,
    s.error,
    s.checks,
    (
        SELECT a.verification FROM attempts AS a
        WHERE a.subtask_id = s.id AND a.attempt = s.attempt
    ) AS verification,
    (
        SELECT r.evidence FROM subtask_results AS r
        WHERE r.subtask_id = s.id AND r.current
    ) AS evidence,
    (
        SELECT coalesce(array_agg(p.key ORDER BY p.position), '{}')
        FROM subtask_dependencies AS d
        INNER JOIN subtasks AS p ON d.depends_on = p.id
        WHERE d.subtask_id = s.id
    ) AS dependencies,
    coalesce(paid.cost_usd, 0) AS cost_usd,
    paid.tokens
FROM subtasks AS s
LEFT JOIN (
    SELECT
        c.subtask_id,
        sum(c.cost_usd) AS cost_usd,
        jsonb_build_object(
            'input', sum(c.input_tokens), 'output', sum(c.output_tokens),
            'cache_read', sum(c.cache_read_tokens), 'cache_write', sum(c.cache_write_tokens)
        ) AS tokens
    FROM model_calls AS c
    WHERE c.task_id = $1 AND c.subtask_id IS NOT NULL
    GROUP BY c.subtask_id
) AS paid ON s.id = paid.subtask_id
WHERE s.task_id = $1
ORDER BY s.position;

-- name: results
-- The current results of a task, with the manifest of each. $1 task.
SELECT
    s.id AS subtask_id,
    s.key,
    s.title,
    r.attempt,
    a.agent_id,
    r.evidence,
    r.summary,
    r.output,
    r.claims,
    r.created_at,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object('path', f.path, 'size', f.size, 'sha256', f.sha256) ORDER BY f.path
        )
        FROM artifacts AS f
        WHERE f.subtask_id = r.subtask_id AND f.attempt = r.attempt
    ), '[]') AS files
FROM subtask_results AS r
INNER JOIN subtasks AS s ON r.subtask_id = s.id
INNER JOIN attempts AS a ON r.subtask_id = a.subtask_id AND r.attempt = a.attempt
WHERE r.task_id = $1 AND r.current
ORDER BY s.position;

-- name: artifact
-- $1 task, $2 subtask key, $3 path.
SELECT
    f.subtask_id,
    f.attempt,
    f.path,
    f.size,
    f.sha256
FROM artifacts AS f
INNER JOIN subtask_results AS r ON f.subtask_id = r.subtask_id AND f.attempt = r.attempt
INNER JOIN subtasks AS s ON f.subtask_id = s.id
WHERE f.task_id = $1 AND s.key = $2 AND f.path = $3 AND r.current;

-- name: tasks
-- Newest first. $1 statuses or null, $2 user or null, $3 text or null, $4 and $5 the last row's
-- created_at and id or null, $6 how many. The page is cut first: only its rows are counted.
SELECT
    t.id,
    t.user_id,
    t.title,
    t.status,
    t.priority,
    t.partial,
    t.created_at,
    t.finished_at,
    CASE WHEN t.finished_at IS NULL THEN t.paused_reason END AS paused_reason,
    counts.by_status,
    paid.cost_usd,
    paid.simulated
FROM (
    SELECT *
    FROM tasks
    WHERE
        ($1::task_status [] IS NULL OR status = ANY($1::task_status []))
        AND ($2::text IS NULL OR user_id = $2::text)
        AND (
            $3::text IS NULL
            OR strpos(lower(title || ' ' || description), lower($3::text)) > 0
        )
        AND ($4::timestamptz IS NULL OR (created_at, id) < ($4::timestamptz, $5::uuid))
    ORDER BY created_at DESC, id DESC
    LIMIT $6
) AS t,
    LATERAL (
        SELECT coalesce(jsonb_object_agg(c.status, c.n), '{}') AS by_status
        FROM (
            SELECT
                s.status,
                count(*) AS n
            FROM subtasks AS s
            WHERE s.task_id = t.id
            GROUP BY s.status
        ) AS c
    ) AS counts,
    LATERAL (
        SELECT
            coalesce(sum(c.cost_usd), 0) AS cost_usd,
            coalesce(bool_or(c.simulated), false) AS simulated
        FROM model_calls AS c
        WHERE c.task_id = t.id
    ) AS paid
ORDER BY t.created_at DESC, t.id DESC;

-- name: logs
-- $1 task, $2 subtask or null, $3 after this id, $4 how many.
SELECT
    l.id,
    l.at,
    l.subtask_id,
    s.key AS subtask_key,
    l.attempt,
    l.agent_id,
    l.level,
    l.kind,
    l.message,
    l.data
FROM agent_logs AS l
LEFT JOIN subtasks AS s ON l.subtask_id = s.id
WHERE l.task_id = $1 AND ($2::uuid IS NULL OR l.subtask_id = $2::uuid) AND l.id > $3
ORDER BY l.id
LIMIT $4;

-- name: log_tail
-- The id before the newest lines. $1 task, $2 subtask or null, $3 after this id, $4 how many.
SELECT coalesce(min(tail.id) - 1, $3::bigint) AS after
FROM (
    SELECT id
    FROM agent_logs
    WHERE task_id = $1 AND ($2::uuid IS NULL OR subtask_id = $2::uuid) AND id > $3
    ORDER BY id DESC
    LIMIT $4
) AS tail;

-- name: attempts
-- $1 task.
SELECT
    subtask_id,
    attempt,
    agent_id,
    claimed_at,
    finished_at,
    outcome,
    failure_kind,
    error,
    verification
FROM attempts
WHERE task_id = $1
ORDER BY claimed_at, attempt;

-- name: subtask_now
-- What stands in the way of a request about one subtask. $1 task, $2 subtask.
SELECT
    s.status,
    s.attempt,
    s.route,
    t.status AS task_status
FROM subtasks AS s
INNER JOIN tasks AS t ON s.task_id = t.id
WHERE s.task_id = $1 AND s.id = $2;
