-- Plans and their versions. Every transition's statement takes its target as $1, its sources as $2.

-- name: insert_plan
-- $1 task, $2 version, $3 plan, $4 hash, $5 author, $6 feedback that led to it, $7 tried checks.
INSERT INTO plan_versions (task_id, version, plan, hash, author, feedback, checks)
VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7::jsonb);

-- name: plan_versions
-- $1 task, $2 version, 0 for the one that counts, or null for all.
SELECT
    v.version,
    v.hash,
    v.author,
    v.feedback,
    v.created_at,
    v.version = t.plan_version AS current,
    v.plan,
    v.checks
FROM plan_versions AS v
INNER JOIN tasks AS t ON v.task_id = t.id
WHERE
    v.task_id = $1
    AND ($2::integer IS NULL OR v.version = CASE $2 WHEN 0 THEN t.plan_version ELSE $2 END)
ORDER BY v.version;

-- name: set_plan_version
-- Under the task's lock. $1 task, $2 version.
UPDATE tasks SET plan_version = $2 WHERE id = $1;

-- name: propose_plan
-- A person decides on it. $3 id, $4 step attempt, $5 owner, $6 version, $7 why earlier ones were
-- not taken, $8 why there is no newer one, or null.
UPDATE tasks SET
    status = $1::task_status,
    step_owner = NULL,
    step_lease_until = NULL,
    plan_version = $6,
    plan_errors = $7::jsonb,
    error = $8
WHERE
    id = $3 AND status = any($2::task_status []) AND step_attempt = $4 AND step_owner = $5
    AND NOT cancel_requested
RETURNING id;

-- name: approve_plan
-- $3 id, $4 version.
UPDATE tasks SET status = $1::task_status, error = NULL, plan_feedback = NULL
WHERE
    id = $3 AND status = any($2::task_status []) AND plan_version = $4 AND NOT cancel_requested
RETURNING id, user_id, priority;

-- name: reject_plan
-- $3 id, $4 version, $5 what should be different.
UPDATE tasks SET status = $1::task_status, error = NULL, plan_feedback = $5
WHERE
    id = $3 AND status = any($2::task_status []) AND plan_version = $4 AND NOT cancel_requested
RETURNING id;
