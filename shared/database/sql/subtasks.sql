-- Moves of subtasks: release, claim, block, retry. $1 is a transition's target, $2 its sources.

-- name: release
-- Every prerequisite completed. $3 tasks, $4 the status that satisfies an edge,
-- $5 the status a task must have, $6 seconds until the bell is rung again.
UPDATE subtasks SET
    status = $1::subtask_status,
    queued_at = now(),
    rings = 1,
    ring_again_at = now() + make_interval(secs => $6)
FROM tasks AS t
WHERE
    subtasks.task_id = any($3::uuid []) AND subtasks.status = any($2::subtask_status [])
    AND t.id = subtasks.task_id AND t.status = $5::task_status AND NOT t.cancel_requested
    AND t.paused_reason IS NULL AND NOT EXISTS (
        SELECT FROM subtask_dependencies AS d
        INNER JOIN subtasks AS p ON d.depends_on = p.id
        WHERE d.subtask_id = subtasks.id AND p.status <> $4::subtask_status
    )
RETURNING subtasks.id, subtasks.route, subtasks.band;

-- name: pick
-- What to claim next, in the ledger's order: band, then users in turn (the one whose last start
-- is longest ago first), then urgency and the longest remaining path within a user.
-- $1 routes, $2 how many, $3 the status that may be claimed. Lanes are found by skipping through
-- the index, so the cost follows the number of users, not of queued subtasks.
WITH RECURSIVE lanes AS (
    (
        SELECT
            s.route,
            s.band,
            s.user_id
        FROM subtasks AS s
        WHERE s.status = $3::subtask_status AND s.route = any($1::text [])
        ORDER BY s.route, s.band, s.user_id
        LIMIT 1
    )
    UNION ALL
    SELECT
        further.route,
        further.band,
        further.user_id
    FROM lanes, LATERAL (
        SELECT
            s.route,
            s.band,
            s.user_id
        FROM subtasks AS s
        WHERE
            s.status = $3::subtask_status AND s.route = any($1::text [])
            AND (s.route, s.band, s.user_id) > (lanes.route, lanes.band, lanes.user_id)
        ORDER BY s.route, s.band, s.user_id
        LIMIT 1
    ) AS further
),

heads AS (
    SELECT
        head.id,
        lanes.band,
        lanes.user_id,
        row_number() OVER (
            PARTITION BY lanes.band, lanes.user_id
            ORDER BY head.urgency DESC, head.remaining_seconds DESC, head.id
        ) AS turn
    FROM lanes, LATERAL (
        SELECT
            s.id,
            s.urgency,
            s.remaining_seconds
        FROM subtasks AS s
        WHERE
            s.status = $3::subtask_status AND s.route = lanes.route AND s.band = lanes.band
            AND s.user_id = lanes.user_id
        ORDER BY s.urgency DESC, s.remaining_seconds DESC, s.id
        LIMIT $2
    ) AS head
),

users AS (
    SELECT
        who.band,
        who.user_id,
        coalesce((
            SELECT s.start_number FROM subtasks AS s
            WHERE
                s.user_id = who.user_id AND s.band = who.band AND s.start_number IS NOT NULL
            ORDER BY s.start_number DESC
            LIMIT 1
        ), 0) AS last_start
    FROM (SELECT DISTINCT
        lanes.band,
        lanes.user_id
    FROM lanes) AS who
)

SELECT heads.id
FROM heads INNER JOIN users USING (band, user_id)
ORDER BY heads.band, heads.turn, users.last_start, heads.user_id
LIMIT $2;

-- name: lock_claims
-- Claims wait for each other, so that a limit on what runs is exact. Only with a limit set.
SELECT pg_advisory_xact_lock(hashtext('claims under a limit'));

-- name: count_running
-- $1 the status that counts, $2 role.
SELECT
    count(*) AS running,
    count(*) FILTER (WHERE role = $2) AS running_in_role
FROM subtasks
WHERE status = $1::subtask_status;

-- name: claim
-- $3 ids in the order wanted, $4 how many, $5 owner, $6 agent, $7 role, $8 lease seconds,
-- $9 routes that the agent serves. Commits before any side effect.
WITH taken AS (
    SELECT
        s.id,
        nextval('starts') AS start_number
    FROM unnest($3::uuid []) WITH ORDINALITY AS wanted (id, place)
    INNER JOIN subtasks AS s ON wanted.id = s.id
    INNER JOIN tasks AS t ON s.task_id = t.id
    WHERE
        s.status = any($2::subtask_status []) AND s.route = any($9::text [])
        AND NOT s.cancel_requested AND NOT t.cancel_requested AND t.paused_reason IS NULL
    ORDER BY wanted.place
    LIMIT $4 FOR UPDATE OF s SKIP LOCKED
),

claimed AS (
    UPDATE subtasks SET
        status = $1::subtask_status,
        attempt = subtasks.attempt + 1,
        owner = $5,
        agent_id = $6,
        role = $7,
        lease_until = now() + make_interval(secs => $8),
        start_number = taken.start_number,
        started_at = now(),
        finished_at = NULL,
        failure_kind = NULL,
        error = NULL,
        ring_again_at = NULL
    FROM taken
    WHERE subtasks.id = taken.id
    RETURNING subtasks.id, subtasks.task_id, subtasks.attempt, subtasks.start_number
),

opened AS (
    INSERT INTO attempts (subtask_id, attempt, task_id, owner, agent_id)
    SELECT
        claimed.id,
        claimed.attempt,
        claimed.task_id,
        $5,
        $6
    FROM claimed
)

SELECT
    claimed.id,
    claimed.attempt
FROM claimed
ORDER BY claimed.start_number;

-- name: read_assignments
-- All that an attempt needs to know. $1 subtasks.
SELECT
    s.id AS subtask_id,
    s.task_id,
    s.attempt,
    s.owner,
    s.key,
    s.title,
    s.description,
    s.expected_output,
    s.required_capabilities,
    s.profile,
    s.checks,
    s.estimated_seconds,
    s.user_id,
    t.review,
    t.title AS task_title,
    t.description AS task_description,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object('name', f.name, 'size', f.size, 'sha256', f.sha256) ORDER BY f.name
        )
        FROM context_files AS f
        WHERE f.task_id = s.task_id
    ), '[]') AS context_files,
    coalesce((
        SELECT json_agg(json_build_object(
            'subtask_id', p.id, 'key', p.key, 'title', p.title, 'summary', r.summary, 'output', r.output,
            'attempt', r.attempt, 'files', coalesce((
                SELECT jsonb_agg(
                    jsonb_build_object('path', a.path, 'size', a.size, 'sha256', a.sha256)
                    ORDER BY a.path
                )
                FROM artifacts AS a
                WHERE a.subtask_id = r.subtask_id AND a.attempt = r.attempt
            ), '[]')
        ) ORDER BY p.position)
        FROM subtask_dependencies AS d
        INNER JOIN subtasks AS p ON d.depends_on = p.id
        INNER JOIN subtask_results AS r ON p.id = r.subtask_id AND r.current
        WHERE d.subtask_id = s.id
    ), '[]') AS prerequisites
FROM unnest($1::uuid []) WITH ORDINALITY AS wanted (id, place)
INNER JOIN subtasks AS s ON wanted.id = s.id
INNER JOIN tasks AS t ON s.task_id = t.id
ORDER BY wanted.place;

-- name: ring_again
-- Queued too long: perhaps nobody heard the bell. $1 the status, $2 how many.
UPDATE subtasks SET
    rings = rings + 1,
    ring_again_at = now() + make_interval(secs => least(2 ^ least(rings, 6), 60))
WHERE id IN (
    SELECT id FROM subtasks
    WHERE status = $1::subtask_status AND ring_again_at <= now()
    ORDER BY ring_again_at
    LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING id, route, band;

-- name: block
-- Whatever descends from a failure cannot run. $3 tasks, $4 statuses that taint.
WITH RECURSIVE tainted AS (
    SELECT d.subtask_id AS id
    FROM subtask_dependencies AS d
    INNER JOIN subtasks AS p ON d.depends_on = p.id
    WHERE d.task_id = any($3::uuid []) AND p.status = any($4::subtask_status [])
    UNION
    SELECT d.subtask_id
    FROM tainted
    INNER JOIN subtask_dependencies AS d ON tainted.id = d.depends_on
)

UPDATE subtasks SET status = $1::subtask_status, finished_at = now(), ring_again_at = NULL
FROM tainted
WHERE subtasks.id = tainted.id AND subtasks.status = any($2::subtask_status [])
RETURNING subtasks.id, subtasks.task_id;

-- name: withdraw
-- A person cancelled it or its whole task: what does not run will not. $3 tasks.
UPDATE subtasks SET status = $1::subtask_status, finished_at = now(), ring_again_at = NULL
FROM tasks AS t
WHERE
    subtasks.task_id = any($3::uuid []) AND t.id = subtasks.task_id
    AND subtasks.status = any($2::subtask_status [])
    AND (subtasks.cancel_requested OR t.cancel_requested)
RETURNING subtasks.id;

-- name: retry
-- $3 task, $4 subtask, $5 the attempt that was seen.
UPDATE subtasks SET
    status = $1::subtask_status,
    cancel_requested = false,
    losses = 0,
    retries = retries + 1,
    finished_at = NULL,
    failure_kind = NULL,
    error = NULL
WHERE
    id = $4 AND task_id = $3 AND status = any($2::subtask_status []) AND attempt = $5
RETURNING id;

-- name: unblock
-- What no failure stands before any more. $3 task, $4 statuses that taint.
WITH RECURSIVE tainted AS (
    SELECT d.subtask_id AS id
    FROM subtask_dependencies AS d
    INNER JOIN subtasks AS p ON d.depends_on = p.id
    WHERE d.task_id = $3 AND p.status = any($4::subtask_status [])
    UNION
    SELECT d.subtask_id
    FROM tainted
    INNER JOIN subtask_dependencies AS d ON tainted.id = d.depends_on
)

UPDATE subtasks SET status = $1::subtask_status, finished_at = NULL
WHERE
    task_id = $3 AND status = any($2::subtask_status [])
    AND id NOT IN (SELECT tainted.id FROM tainted)
RETURNING id;

-- name: hold
-- A paused task's subtasks are not for the taking. $3 tasks.
UPDATE subtasks SET status = $1::subtask_status, queued_at = NULL, ring_again_at = NULL
FROM tasks AS t
WHERE
    subtasks.task_id = any($3::uuid []) AND t.id = subtasks.task_id
    AND t.paused_reason IS NOT NULL AND subtasks.status = any($2::subtask_status [])
RETURNING subtasks.id;

-- name: rerun
-- $3 task, $4 subtasks.
UPDATE subtasks SET
    status = $1::subtask_status,
    cancel_requested = false,
    losses = 0,
    retries = retries + 1,
    queued_at = NULL,
    ring_again_at = NULL,
    finished_at = NULL,
    failure_kind = NULL,
    error = NULL
WHERE task_id = $3 AND id = any($4::uuid []) AND status = any($2::subtask_status [])
RETURNING id;

-- name: edit_subtask
-- For its next attempt; the trigger tells what it was before. $1 task, $2 subtask, $3 the row.
UPDATE subtasks SET
    description = row.description,
    expected_output = row.expected_output,
    required_capabilities = row.required_capabilities,
    route = row.route,
    profile = row.profile,
    checks = row.checks,
    priority = row.priority,
    urgency = row.urgency
FROM jsonb_to_record($3::jsonb) AS row (
    description text, expected_output text, required_capabilities text [], route text,
    profile text, checks jsonb, priority smallint, urgency smallint
)
WHERE subtasks.task_id = $1 AND subtasks.id = $2;

-- name: supersede_results
-- They stay, as what earlier attempts made. $1 subtasks.
UPDATE subtask_results SET current = false
WHERE subtask_id = any($1::uuid []) AND current;

-- name: request_subtask_cancel
-- $1 task, $2 subtask, $3 statuses in which there is something to cancel.
UPDATE subtasks SET cancel_requested = true
WHERE
    task_id = $1 AND id = $2 AND status = any($3::subtask_status []) AND NOT cancel_requested
RETURNING id;

-- name: set_urgency
-- The plan's word on each subtask, shifted by the person's word on the task. $1 task, $2 priority.
UPDATE subtasks SET urgency = greatest(0, least(10, priority + $2::integer - 5))
WHERE task_id = $1;

-- name: unpublished
-- $1 tasks.
SELECT
    subtask_id,
    attempt,
    task_id
FROM subtask_results
WHERE task_id = any($1::uuid []) AND NOT published;

-- name: mark_published
-- $1 subtasks, $2 attempts.
UPDATE subtask_results SET published = true
FROM unnest($1::uuid [], $2::integer []) AS moved (subtask_id, attempt)
WHERE
    subtask_results.subtask_id = moved.subtask_id AND subtask_results.attempt = moved.attempt;

-- name: append_logs
-- $1 rows of log lines.
INSERT INTO agent_logs (task_id, subtask_id, attempt, agent_id, level, kind, message, data)
SELECT
    row.task_id,
    row.subtask_id,
    row.attempt,
    row.agent_id,
    row.level,
    row.kind,
    row.message,
    row.data
FROM jsonb_to_recordset($1::jsonb) AS row (
    task_id uuid, subtask_id uuid, attempt integer, agent_id text, level text, kind text,
    message text, data jsonb
);
