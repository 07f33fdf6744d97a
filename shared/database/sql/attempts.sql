-- How attempts are kept alive and how they end. $1 is a transition's target, $2 its sources.

-- name: open_attempts
-- What this owner holds, for a claim whose acknowledgement was lost. $1 owner.
SELECT
    subtask_id AS id,
    attempt
FROM attempts
WHERE owner = $1 AND outcome IS NULL;

-- name: renew
-- Every attempt of a process at once. $1 subtasks, $2 attempts, $3 owner, $4 lease seconds,
-- $5 the status of a held subtask. A missing id is fenced.
UPDATE subtasks SET lease_until = now() + make_interval(secs => $4)
FROM unnest($1::uuid [], $2::integer []) AS held (id, attempt), tasks AS t
WHERE
    subtasks.id = held.id AND subtasks.attempt = held.attempt AND t.id = subtasks.task_id
    AND subtasks.owner = $3 AND subtasks.status = $5::subtask_status
RETURNING
    subtasks.id,
    subtasks.cancel_requested OR t.cancel_requested AS cancelled,
    t.paused_reason IS NOT NULL AND t.pause_releases AS released;

-- name: complete
-- $3 owner, $4 outcome, $5 settlements as
-- [{id, attempt, summary, output, claims, files, calls, evidence, verification}].
WITH settled AS (
    SELECT *
    FROM json_to_recordset($5::json) AS row (
        id uuid, attempt integer, summary text, output json, claims jsonb, files jsonb,
        calls jsonb, simulated boolean, evidence text, verification jsonb
    )
),

ended AS (
    UPDATE subtasks SET
        status = $1::subtask_status,
        owner = NULL,
        lease_until = NULL,
        finished_at = now()
    FROM settled
    WHERE
        subtasks.id = settled.id AND subtasks.attempt = settled.attempt
        AND subtasks.owner = $3 AND subtasks.status = any($2::subtask_status [])
    RETURNING subtasks.id, subtasks.task_id, subtasks.attempt
),

closed AS (
    UPDATE attempts SET
        outcome = $4::attempt_outcome,
        finished_at = now(),
        verification = settled.verification
    FROM ended INNER JOIN settled USING (id, attempt)
    WHERE
        attempts.subtask_id = ended.id AND attempts.attempt = ended.attempt
        AND attempts.outcome IS NULL
),

recorded AS (
    INSERT INTO subtask_results (
        subtask_id, attempt, task_id, summary, output, claims, evidence, published
    )
    SELECT
        ended.id,
        ended.attempt,
        ended.task_id,
        settled.summary,
        settled.output,
        settled.claims,
        settled.evidence,
        jsonb_array_length(settled.files) = 0
    FROM ended INNER JOIN settled USING (id, attempt)
),

listed AS (
    INSERT INTO artifacts (subtask_id, attempt, task_id, path, size, sha256)
    SELECT
        ended.id,
        ended.attempt,
        ended.task_id,
        file.path,
        file.size,
        file.sha256
    FROM ended INNER JOIN settled USING (id, attempt),
        jsonb_to_recordset(settled.files) AS file (path text, size bigint, sha256 text)
),

paid AS (
    INSERT INTO model_calls (
        task_id, subtask_id, attempt, purpose, simulated, model, input_tokens, output_tokens,
        cache_read_tokens, cache_write_tokens, cost_usd
    )
    SELECT
        ended.task_id,
        ended.id,
        ended.attempt,
        coalesce(call.purpose, 'agent'),
        settled.simulated,
        call.model,
        call.input_tokens,
        call.output_tokens,
        call.cache_read_tokens,
        call.cache_write_tokens,
        call.cost_usd
    FROM ended INNER JOIN settled USING (id, attempt),
        jsonb_to_recordset(settled.calls) AS call (
            model text, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint,
            cache_write_tokens bigint, cost_usd numeric, purpose text
        )
)

SELECT
    id,
    task_id
FROM ended;

-- name: fail
-- $3 owner, $4 outcome, $5 settlements as [{id, attempt, kind, error, verification}].
WITH settled AS (
    SELECT *
    FROM jsonb_to_recordset($5::jsonb) AS row (
        id uuid, attempt integer, kind failure_kind, error text, verification jsonb
    )
),

ended AS (
    UPDATE subtasks SET
        status = $1::subtask_status,
        owner = NULL,
        lease_until = NULL,
        finished_at = now(),
        failure_kind = settled.kind,
        error = settled.error
    FROM settled
    WHERE
        subtasks.id = settled.id AND subtasks.attempt = settled.attempt
        AND subtasks.owner = $3 AND subtasks.status = any($2::subtask_status [])
    RETURNING subtasks.id, subtasks.task_id, subtasks.attempt
),

closed AS (
    UPDATE attempts SET
        outcome = $4::attempt_outcome,
        finished_at = now(),
        failure_kind = settled.kind,
        error = settled.error,
        verification = settled.verification
    FROM ended INNER JOIN settled USING (id, attempt)
    WHERE
        attempts.subtask_id = ended.id AND attempts.attempt = ended.attempt
        AND attempts.outcome IS NULL
)

SELECT
    id,
    task_id
FROM ended;

-- name: give_back
-- An agent that shuts down returns its work, uncounted. $3 owner, $4 outcome, $5 subtasks,
-- $6 attempts, $7 how each was verified, or null.
WITH held AS (
    SELECT *
    FROM unnest($5::uuid [], $6::integer [], $7::jsonb []) AS row (id, attempt, verification)
),

ended AS (
    UPDATE subtasks SET
        status = $1::subtask_status,
        owner = NULL,
        lease_until = NULL,
        queued_at = now(),
        ring_again_at = now()
    FROM held
    WHERE
        subtasks.id = held.id AND subtasks.attempt = held.attempt
        AND subtasks.owner = $3 AND subtasks.status = any($2::subtask_status [])
    RETURNING subtasks.id, subtasks.task_id, subtasks.attempt
),

closed AS (
    UPDATE attempts SET
        outcome = $4::attempt_outcome,
        finished_at = now(),
        verification = held.verification
    FROM ended INNER JOIN held USING (id, attempt)
    WHERE
        attempts.subtask_id = ended.id AND attempts.attempt = ended.attempt
        AND attempts.outcome IS NULL
)

SELECT
    id,
    task_id
FROM ended;

-- name: stop
-- A cancelled attempt has ended. $3 owner, $4 outcome, $5 subtasks, $6 attempts, $7 how each was
-- verified, or null.
WITH held AS (
    SELECT *
    FROM unnest($5::uuid [], $6::integer [], $7::jsonb []) AS row (id, attempt, verification)
),

ended AS (
    UPDATE subtasks SET
        status = $1::subtask_status,
        owner = NULL,
        lease_until = NULL,
        finished_at = now()
    FROM held
    WHERE
        subtasks.id = held.id AND subtasks.attempt = held.attempt
        AND subtasks.owner = $3 AND subtasks.status = any($2::subtask_status [])
    RETURNING subtasks.id, subtasks.task_id, subtasks.attempt
),

closed AS (
    UPDATE attempts SET
        outcome = $4::attempt_outcome,
        finished_at = now(),
        verification = held.verification
    FROM ended INNER JOIN held USING (id, attempt)
    WHERE
        attempts.subtask_id = ended.id AND attempts.attempt = ended.attempt
        AND attempts.outcome IS NULL
)

SELECT
    id,
    task_id
FROM ended;

-- name: record_usage
-- What an attempt spent that did not complete. $1 task, $2 subtask, $3 attempt, $4 simulated,
-- $5 usage rows.
INSERT INTO model_calls (
    task_id, subtask_id, attempt, purpose, simulated, model, input_tokens, output_tokens,
    cache_read_tokens, cache_write_tokens, cost_usd
)
SELECT
    $1,
    $2,
    $3,
    coalesce(call.purpose, 'agent'),
    $4,
    call.model,
    call.input_tokens,
    call.output_tokens,
    call.cache_read_tokens,
    call.cache_write_tokens,
    call.cost_usd
FROM jsonb_to_recordset($5::jsonb) AS call (
    model text, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint,
    cache_write_tokens bigint, cost_usd numeric, purpose text
);

-- name: attempt_outcomes
-- For a settlement whose acknowledgement was lost. $1 subtasks, $2 attempts, $3 owner.
SELECT
    a.subtask_id AS id,
    a.task_id,
    a.outcome
FROM attempts AS a
INNER JOIN unnest($1::uuid [], $2::integer []) AS held (id, attempt)
    ON a.subtask_id = held.id AND a.attempt = held.attempt
WHERE a.owner = $3;

-- name: rescue
-- The lease ran out and losses remain. $3 losses allowed, $4 outcome, $5 grace seconds: the
-- rescuer itself must have been connected that long. Select and update are one statement.
WITH dead AS (
    SELECT
        s.id,
        s.attempt
    FROM subtasks AS s
    INNER JOIN tasks AS t ON s.task_id = t.id
    WHERE
        s.status = any($2::subtask_status []) AND s.lease_until < now()
        AND s.losses + 1 < $3 AND NOT (t.cancel_requested OR s.cancel_requested)
        AND now() > (
            SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
        ) + make_interval(secs => $5)
    ORDER BY s.lease_until
    LIMIT 200 FOR UPDATE OF s SKIP LOCKED
),

closed AS (
    UPDATE attempts SET outcome = $4::attempt_outcome, finished_at = now()
    FROM dead
    WHERE
        attempts.subtask_id = dead.id AND attempts.attempt = dead.attempt
        AND attempts.outcome IS NULL
)

UPDATE subtasks SET
    status = $1::subtask_status,
    owner = NULL,
    lease_until = NULL,
    losses = losses + 1,
    queued_at = now(),
    rings = 0,
    ring_again_at = now()
FROM dead
WHERE subtasks.id = dead.id
RETURNING subtasks.id, subtasks.task_id;

-- name: poison
-- The lease ran out once too often. $3 losses allowed, $4 outcome, $5 grace seconds, $6 kind,
-- $7 error.
WITH dead AS (
    SELECT
        s.id,
        s.attempt
    FROM subtasks AS s
    INNER JOIN tasks AS t ON s.task_id = t.id
    WHERE
        s.status = any($2::subtask_status []) AND s.lease_until < now()
        AND s.losses + 1 >= $3 AND NOT (t.cancel_requested OR s.cancel_requested)
        AND now() > (
            SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
        ) + make_interval(secs => $5)
    ORDER BY s.lease_until
    LIMIT 200 FOR UPDATE OF s SKIP LOCKED
),

closed AS (
    UPDATE attempts SET outcome = $4::attempt_outcome, finished_at = now()
    FROM dead
    WHERE
        attempts.subtask_id = dead.id AND attempts.attempt = dead.attempt
        AND attempts.outcome IS NULL
)

UPDATE subtasks SET
    status = $1::subtask_status,
    owner = NULL,
    lease_until = NULL,
    losses = losses + 1,
    finished_at = now(),
    failure_kind = $6::failure_kind,
    error = $7
FROM dead
WHERE subtasks.id = dead.id
RETURNING subtasks.id, subtasks.task_id;

-- name: abandon
-- The lease ran out on something a person had cancelled. $3 outcome, $4 grace seconds.
WITH dead AS (
    SELECT
        s.id,
        s.attempt
    FROM subtasks AS s
    INNER JOIN tasks AS t ON s.task_id = t.id
    WHERE
        s.status = any($2::subtask_status []) AND s.lease_until < now()
        AND (t.cancel_requested OR s.cancel_requested)
        AND now() > (
            SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
        ) + make_interval(secs => $4)
    ORDER BY s.lease_until
    LIMIT 200 FOR UPDATE OF s SKIP LOCKED
),

closed AS (
    UPDATE attempts SET outcome = $3::attempt_outcome, finished_at = now()
    FROM dead
    WHERE
        attempts.subtask_id = dead.id AND attempts.attempt = dead.attempt
        AND attempts.outcome IS NULL
)

UPDATE subtasks SET
    status = $1::subtask_status,
    owner = NULL,
    lease_until = NULL,
    finished_at = now()
FROM dead
WHERE subtasks.id = dead.id
RETURNING subtasks.id, subtasks.task_id;
