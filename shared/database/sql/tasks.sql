-- Steps of a task. Every transition's statement takes its target as $1 and its sources as $2.

-- name: remember_key
-- $1 user, $2 key, $3 fingerprint, $4 task. No row: the key is taken and younger than a day.
INSERT INTO idempotency_keys AS known (user_id, key, fingerprint, task_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, key) DO UPDATE
SET fingerprint = excluded.fingerprint, task_id = excluded.task_id, created_at = now()
WHERE known.created_at < now() - interval '24 hours'
RETURNING task_id;

-- name: recall_key
-- $1 user, $2 key.
SELECT fingerprint, task_id FROM idempotency_keys WHERE user_id = $1 AND key = $2;

-- name: insert_task
-- $1 id, $2 user, $3 title, $4 description, $5 priority, $6 files as [{name, size, sha256}],
-- $7 how it is to be reviewed, or null, $8 whether its plan waits for approval.
WITH fresh AS (
    INSERT INTO tasks (id, user_id, title, description, priority, review, require_approval)
    VALUES ($1, $2, $3, $4, $5, $7, $8)
    RETURNING id
)

INSERT INTO context_files (task_id, name, size, sha256)
SELECT
    fresh.id,
    file.name,
    file.size,
    file.sha256
FROM fresh, jsonb_to_recordset($6::jsonb) AS file (name text, size bigint, sha256 text);

-- name: plan_tasks
-- $3 owner, $4 lease seconds, $5 how many.
UPDATE tasks SET
    status = $1::task_status,
    step_owner = $3,
    step_attempt = step_attempt + 1,
    step_lease_until = now() + make_interval(secs => $4),
    started_at = coalesce(started_at, now())
WHERE id IN (
    SELECT id FROM tasks
    WHERE
        status = any($2::task_status []) AND NOT cancel_requested AND paused_reason IS NULL
    ORDER BY priority DESC, created_at
    LIMIT $5 FOR UPDATE SKIP LOCKED
)
RETURNING id, status, step_attempt;

-- name: take_over_steps
-- A step whose orchestrator fell silent. $1 statuses of steps, $2 owner, $3 lease seconds, $4 limit,
-- $5 ids that this orchestrator is at work on: an outage let their leases lapse, and they go on,
-- $6 grace seconds: who takes over must itself have been connected that long.
UPDATE tasks SET
    step_owner = $2,
    step_attempt = step_attempt + 1,
    step_lease_until = now() + make_interval(secs => $3)
WHERE id IN (
    SELECT id FROM tasks
    WHERE
        status = any($1::task_status []) AND step_lease_until < now() AND id <> all($5::uuid [])
        AND now() > (
            SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
        ) + make_interval(secs => $6)
    ORDER BY step_lease_until
    LIMIT $4 FOR UPDATE SKIP LOCKED
)
RETURNING id, status, step_attempt;

-- name: renew_steps
-- $1 ids, $2 step attempts, $3 owner, $4 lease seconds. A missing step is fenced.
UPDATE tasks SET step_lease_until = now() + make_interval(secs => $4)
FROM unnest($1::uuid [], $2::integer []) AS held (id, step_attempt)
WHERE
    tasks.id = held.id AND tasks.step_attempt = held.step_attempt AND tasks.step_owner = $3
RETURNING tasks.id, tasks.status, tasks.step_attempt;

-- name: read_step
-- What the planner and the aggregator read of a task. $1 id.
SELECT
    t.id,
    t.user_id,
    t.title,
    t.description,
    t.priority,
    t.require_approval,
    t.plan_version,
    t.plan_feedback,
    v.plan,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object('name', f.name, 'size', f.size, 'sha256', f.sha256) ORDER BY f.name
        )
        FROM context_files AS f
        WHERE f.task_id = t.id
    ), '[]') AS context_files
FROM tasks AS t
LEFT JOIN plan_versions AS v ON t.id = v.task_id AND t.plan_version = v.version
WHERE t.id = $1;

-- name: start_task
-- The plan is accepted. $3 id, $4 step attempt, $5 owner, $6 version, $7 why earlier ones were not.
UPDATE tasks SET
    status = $1::task_status,
    step_owner = NULL,
    step_lease_until = NULL,
    plan_version = $6,
    plan_errors = $7::jsonb,
    plan_feedback = NULL
WHERE
    id = $3 AND status = any($2::task_status []) AND step_attempt = $4 AND step_owner = $5
    AND NOT cancel_requested
RETURNING id;

-- name: insert_subtasks
-- $1 task, $2 user, $3 rows of subtasks.
INSERT INTO subtasks (
    id, task_id, user_id, key, position, title, description, expected_output,
    required_capabilities, route, profile, checks, priority, urgency, estimated_seconds,
    remaining_seconds
)
SELECT
    row.id,
    $1,
    $2,
    row.key,
    row.position,
    row.title,
    row.description,
    row.expected_output,
    row.required_capabilities,
    row.route,
    row.profile,
    row.checks,
    row.priority,
    row.urgency,
    row.estimated_seconds,
    row.remaining_seconds
FROM jsonb_to_recordset($3::jsonb) AS row (
    id uuid, key text, position integer, title text, description text, expected_output text,
    required_capabilities text [], route text, profile text, checks jsonb, priority smallint,
    urgency smallint, estimated_seconds integer, remaining_seconds integer
);

-- name: insert_dependencies
-- $1 task, $2 subtasks, $3 what each depends on.
INSERT INTO subtask_dependencies (subtask_id, depends_on, task_id)
SELECT
    edge.subtask_id,
    edge.depends_on,
    $1
FROM unnest($2::uuid [], $3::uuid []) AS edge (subtask_id, depends_on);

-- name: fail_task
-- $3 id, $4 step attempt, $5 owner, $6 kind, $7 error, $8 plan errors, $9 answer, $10 result,
-- $11 partial.
UPDATE tasks SET
    status = $1::task_status,
    step_owner = NULL,
    step_lease_until = NULL,
    finished_at = now(),
    failure_kind = $6::failure_kind,
    error = $7,
    plan_errors = $8::jsonb,
    answer = $9,
    result = $10::json,
    partial = $11
WHERE
    id = $3 AND status = any($2::task_status []) AND step_attempt = $4 AND step_owner = $5
RETURNING id;

-- name: lock_tasks
-- Serialises what happens to a task; in order, so that two lockers never deadlock. NO KEY: agents
-- that claim and settle its subtasks, and so refer to its key, need not wait. $1 ids.
SELECT
    id,
    status,
    cancel_requested,
    paused_reason,
    pause_releases,
    plan_version,
    priority,
    EXISTS (
        SELECT FROM subtasks AS s WHERE s.task_id = tasks.id AND s.cancel_requested
    ) AS parts_cancelled
FROM tasks
WHERE id = any($1::uuid []) ORDER BY id FOR NO KEY UPDATE;

-- name: aggregate_tasks
-- Nothing of the task is open any more. $3 ids, $4 owner, $5 lease seconds, $6 terminal statuses.
UPDATE tasks SET
    status = $1::task_status,
    step_owner = $4,
    step_attempt = step_attempt + 1,
    step_lease_until = now() + make_interval(secs => $5)
WHERE
    id = any($3::uuid []) AND status = any($2::task_status []) AND NOT cancel_requested
    AND paused_reason IS NULL
    AND NOT EXISTS (
        SELECT FROM subtasks AS s
        WHERE s.task_id = tasks.id AND s.status <> all($6::subtask_status [])
    )
RETURNING id, status, step_attempt;

-- name: complete_task
-- $3 id, $4 step attempt, $5 owner, $6 answer, $7 result.
UPDATE tasks SET
    status = $1::task_status,
    step_owner = NULL,
    step_lease_until = NULL,
    finished_at = now(),
    failure_kind = NULL,
    error = NULL,
    answer = $6,
    result = $7::json,
    partial = false
WHERE
    id = $3 AND status = any($2::task_status []) AND step_attempt = $4 AND step_owner = $5
RETURNING id;

-- name: request_cancel
-- $1 id, $2 statuses that can still be cancelled.
UPDATE tasks SET cancel_requested = true
WHERE id = $1 AND status = any($2::task_status [])
RETURNING id;

-- name: cancel_tasks
-- Once nothing of them runs. $3 ids, $4 statuses that count as running.
UPDATE tasks SET
    status = $1::task_status,
    step_owner = NULL,
    step_lease_until = NULL,
    finished_at = now()
WHERE
    id = any($3::uuid []) AND status = any($2::task_status []) AND cancel_requested
    AND NOT EXISTS (
        SELECT FROM subtasks AS s
        WHERE s.task_id = tasks.id AND s.status = any($4::subtask_status [])
    )
RETURNING id;

-- name: reopen_task
-- The answer of before stays until there is a better one. $3 id.
UPDATE tasks SET
    status = $1::task_status,
    finished_at = NULL,
    failure_kind = NULL,
    error = NULL,
    partial = false
WHERE id = $3 AND status = any($2::task_status []) AND plan_version IS NOT NULL
RETURNING id;

-- name: tasks_to_advance
-- Tasks that a lost bell may have left behind. $1 task status, $2 waiting, $3 completed,
-- $4 statuses that taint, $5 terminal, $6 how many, $7 queued.
SELECT t.id
FROM tasks AS t
WHERE
    t.status = $1::task_status
    AND (
        t.cancel_requested
        OR (
            t.paused_reason IS NULL AND NOT EXISTS (
                SELECT FROM subtasks AS s
                WHERE s.task_id = t.id AND s.status <> all($5::subtask_status [])
            )
        )
        OR (
            t.paused_reason IS NULL AND EXISTS (
                SELECT FROM subtasks AS s
                WHERE
                    s.task_id = t.id AND s.status = $2::subtask_status
                    AND NOT EXISTS (
                        SELECT FROM subtask_dependencies AS d
                        INNER JOIN subtasks AS p ON d.depends_on = p.id
                        WHERE d.subtask_id = s.id AND p.status <> $3::subtask_status
                    )
            )
        )
        OR (
            t.paused_reason IS NOT NULL AND EXISTS (
                SELECT FROM subtasks AS s
                WHERE s.task_id = t.id AND s.status = $7::subtask_status
            )
        )
        OR EXISTS (
            SELECT FROM subtasks AS s
            WHERE
                s.task_id = t.id AND s.cancel_requested
                AND s.status = any(ARRAY[$2, $7]::subtask_status [])
        )
        OR EXISTS (
            SELECT FROM subtasks AS s
            INNER JOIN subtask_dependencies AS d ON s.id = d.subtask_id
            INNER JOIN subtasks AS p ON d.depends_on = p.id
            WHERE
                s.task_id = t.id AND s.status = $2::subtask_status
                AND p.status = any($4::subtask_status [])
        )
    )
ORDER BY t.created_at
LIMIT $6;

-- name: record_model_calls
-- $1 task, $2 purpose, $3 simulated, $4 usage rows, each with the id it is written under: what was
-- written already, and only not acknowledged, is not counted again.
INSERT INTO model_calls (
    task_id, purpose, simulated, call_id, model, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, cost_usd
)
SELECT
    $1,
    $2,
    $3,
    call.call_id,
    call.model,
    call.input_tokens,
    call.output_tokens,
    call.cache_read_tokens,
    call.cache_write_tokens,
    call.cost_usd
FROM jsonb_to_recordset($4::jsonb) AS call (
    call_id uuid, model text, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint,
    cache_write_tokens bigint, cost_usd numeric
)
ON CONFLICT (call_id) WHERE call_id IS NOT NULL DO NOTHING;

-- name: pause_task
-- $1 id, $2 reason, $3 whether running attempts are given back, $4 statuses that can be paused.
UPDATE tasks SET paused_reason = $2, pause_releases = $3
WHERE
    id = $1 AND status = any($4::task_status []) AND NOT cancel_requested
    AND (paused_reason IS NULL OR (paused_reason = $2 AND $3 AND NOT pause_releases))
RETURNING id;

-- name: resume_task
-- $1 id, $2 terminal statuses.
UPDATE tasks SET paused_reason = NULL, pause_releases = false
WHERE id = $1 AND status <> all($2::task_status []) AND paused_reason IS NOT NULL
RETURNING id;

-- name: set_priority
-- $1 id, $2 priority.
UPDATE tasks SET priority = $2 WHERE id = $1;

-- name: insert_probe
-- $1 id, $2 task, $3 checks.
INSERT INTO check_probes (id, task_id, checks) VALUES ($1, $2, $3::jsonb);

-- name: read_probe
-- $1 id.
SELECT
    task_id,
    checks
FROM check_probes
WHERE id = $1;

-- name: delete_probe
-- $1 id.
DELETE FROM check_probes WHERE id = $1;
