-- What the ledger holds, counted. Nothing here changes anything. What follows all tasks ever
-- submitted reads an index alone; the rest follows open work.

-- name: clock
SELECT extract(epoch FROM now())::float8 AS seconds;

-- name: tasks_by_status
SELECT
    status,
    count(*) AS n
FROM tasks
GROUP BY status;

-- name: subtasks_by_status
-- $1 statuses of tasks that have not ended.
SELECT
    s.status,
    count(*) AS n
FROM tasks AS t INNER JOIN subtasks AS s ON t.id = s.task_id
WHERE t.status = any($1::task_status [])
GROUP BY s.status;

-- name: lanes
-- $1 the status of what may be claimed, $2 of what is being worked.
SELECT
    open.route,
    open.band,
    sum(open.queued)::bigint AS queued,
    sum(open.running)::bigint AS running,
    extract(epoch FROM now() - min(open.first_queued))::float8 AS oldest_seconds
FROM (
    SELECT
        route,
        band,
        count(*) AS queued,
        0 AS running,
        min(queued_at) AS first_queued
    FROM subtasks
    WHERE status = $1::subtask_status
    GROUP BY route, band
    UNION ALL
    SELECT
        route,
        band,
        0 AS queued,
        count(*) AS running,
        null AS first_queued
    FROM subtasks
    WHERE status = $2::subtask_status
    GROUP BY route, band
) AS open
GROUP BY open.route, open.band
ORDER BY open.band, open.route;

-- name: leases
-- $1 the status of a leased subtask, $2 those of a leased task.
SELECT
    'attempt' AS kind,
    count(*) AS held,
    count(*) FILTER (WHERE lease_until < now()) AS expired
FROM subtasks
WHERE status = $1::subtask_status
UNION ALL
SELECT
    'step' AS kind,
    count(*) AS held,
    count(*) FILTER (WHERE step_lease_until < now()) AS expired
FROM tasks
WHERE status = any($2::task_status []);

-- name: ended_tasks
-- From submission to the end. $1 ids; one that was opened again is left out.
SELECT
    id,
    status,
    extract(epoch FROM finished_at - created_at)::float8 AS seconds
FROM tasks
WHERE id = any($1::uuid []) AND finished_at IS NOT NULL;

-- name: changed_tasks
-- Whatever changes writes an event, so these are the tasks that changed last. $1 how many at most,
-- $2 how many events to look through for them.
SELECT latest.task_id
FROM (
    SELECT
        e.id,
        e.task_id
    FROM events AS e
    ORDER BY e.id DESC
    LIMIT $2
) AS latest
WHERE latest.task_id IS NOT NULL
GROUP BY latest.task_id
ORDER BY max(latest.id) DESC
LIMIT $1;
