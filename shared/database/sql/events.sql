-- Events: read in order, written only here where no table's trigger does it, and forgotten.

-- name: events_after
-- $1 and $2 the cursor's xact and id, $3 task or null, $4 how many.
SELECT
    xact,
    id,
    type,
    at,
    task_id,
    subtask_id,
    attempt,
    agent_id,
    data
FROM events
WHERE
    ($3::uuid IS NULL OR task_id = $3::uuid)
    AND (xact, id) > ($1::xid8, $2::bigint)
    AND xact < (SELECT events_settled())
ORDER BY xact, id
LIMIT $4;

-- name: events_settled
-- Where the events end that can be read now.
SELECT events_settled() AS xact;

-- name: standing
-- What became of what follows a cursor. $1 and $2 its xact and id.
SELECT
    (xact, id) > ($1::xid8, $2::bigint) AS pruned,
    $1::xid8 > pg_snapshot_xmax(pg_current_snapshot()) AS elsewhere
FROM events_pruned;

-- name: told_to_the_end
-- $1 task, $2 and $3 the cursor's xact and id, $4 terminal statuses.
SELECT
    t.status = any($4::task_status [])
    AND NOT EXISTS (
        SELECT FROM events AS e
        WHERE e.task_id = t.id AND (e.xact, e.id) > ($2::xid8, $3::bigint)
    ) AS done
FROM tasks AS t
WHERE t.id = $1;

-- name: agents_seen
-- What was last told of each agent.
SELECT
    agent_id,
    state
FROM agents_seen;

-- name: tell_of_agents
-- One event for each agent whose state is news. $1 agents, $2 their states.
WITH moved AS (
    INSERT INTO agents_seen AS known (agent_id, state)
    SELECT
        seen.agent_id,
        seen.state
    FROM unnest($1::text [], $2::text []) AS seen (agent_id, state)
    ORDER BY seen.agent_id
    ON CONFLICT (agent_id) DO UPDATE SET state = excluded.state, changed_at = now()
    WHERE known.state <> excluded.state
    RETURNING known.agent_id, known.state
)

INSERT INTO events (type, agent_id)
SELECT
    'agent.' || moved.state,
    moved.agent_id
FROM moved
RETURNING agent_id;

-- name: prune_events
-- Forget, from the first one on, up to $2 events that are older than $1 days.
WITH first_ones AS (
    SELECT
        e.xact,
        e.id,
        e.at >= now() - make_interval(days => $1::integer) AS kept
    FROM events AS e
    ORDER BY e.xact, e.id
    LIMIT $2
),

first_kept AS (
    SELECT
        f.xact,
        f.id
    FROM first_ones AS f
    WHERE f.kept
    ORDER BY f.xact, f.id
    LIMIT 1
),

old AS (
    SELECT
        f.xact,
        f.id
    FROM first_ones AS f
    WHERE NOT EXISTS (SELECT FROM first_kept AS k WHERE (k.xact, k.id) <= (f.xact, f.id))
),

gone AS (
    DELETE FROM events USING old
    WHERE events.id = old.id
),

marked AS (
    UPDATE events_pruned SET xact = last.xact, id = last.id
    FROM (
        SELECT
            old.xact,
            old.id
        FROM old
        ORDER BY old.xact DESC, old.id DESC
        LIMIT 1
    ) AS last
    WHERE (events_pruned.xact, events_pruned.id) < (last.xact, last.id)
)

SELECT count(*) AS pruned
FROM old;

-- name: adopt_events
-- Events of a backup carry the transaction numbers of another server, perhaps higher than any of
-- this one. They then go before everything else, in the order of their ids. $1 how many at most.
WITH strange AS (
    SELECT max(e.id) AS last
    FROM events AS e
    WHERE e.xact >= pg_snapshot_xmax(pg_current_snapshot())
),

forgotten AS (
    UPDATE events_pruned SET xact = '0'
    FROM strange
    WHERE strange.last IS NOT NULL AND events_pruned.xact > '0'
)

UPDATE events SET xact = '0'
WHERE id IN (
    SELECT e.id
    FROM events AS e, strange
    WHERE e.id <= strange.last AND e.xact > '0'
    ORDER BY e.id
    LIMIT $1
)
RETURNING id;
