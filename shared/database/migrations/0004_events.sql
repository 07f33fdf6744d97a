-- Events in an order that a reader can follow without missing one, and more that is worth telling.

-- Numbers are given before the commit, so a row may appear below one that was already read. The
-- order to read in is therefore (xact, id), as far as no transaction is open any more.
ALTER TABLE events
ADD COLUMN xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
ALTER COLUMN task_id DROP NOT NULL;  -- an agent's coming and going is no task's
DROP INDEX events_by_task;
CREATE INDEX events_of_task ON events (task_id, xact, id);
CREATE INDEX events_in_order ON events (xact, id);

-- Below this no event will appear any more: the oldest transaction of this database that is open.
-- Those of other databases write no event of ours; whose it is that cannot be told counts as ours.
-- STABLE matters: the answer must be of the same snapshot as the rows that are read with it.
CREATE FUNCTION events_settled() RETURNS xid8 LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (
            SELECT unfinished.xact
            FROM pg_snapshot_xip(pg_current_snapshot()) AS unfinished (xact)
            WHERE NOT EXISTS (
                SELECT FROM pg_locks AS l
                INNER JOIN pg_stat_activity AS a ON l.pid = a.pid
                INNER JOIN pg_database AS here ON here.datname = current_database()
                WHERE
                    l.locktype = 'transactionid' AND l.granted
                    AND l.transactionid = unfinished.xact::xid
                    AND a.datid <> here.oid
            )
            ORDER BY unfinished.xact
            LIMIT 1
        ),
        pg_snapshot_xmax(pg_current_snapshot())
    )
$$;

-- The last event that retention took away.
CREATE TABLE events_pruned (
    xact xid8 NOT NULL,
    id bigint NOT NULL
);
INSERT INTO events_pruned (xact, id) VALUES ('0', 0);

-- What was last told of each agent, so that however many look, each change is told once.
CREATE TABLE agents_seen (
    agent_id text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('appeared', 'silent', 'left')),
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- An event is for following along: what is long is cut, and `log_id` says where the whole is.
CREATE FUNCTION record_logs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (type, task_id, subtask_id, attempt, agent_id, data)
    SELECT
        CASE
            WHEN kind IN (
                'tool.called', 'tool.returned', 'tool.denied', 'check.result',
                'correction.attempt', 'review.verdict'
            ) THEN kind ELSE 'log'
        END,
        task_id, subtask_id, attempt, agent_id,
        jsonb_build_object(
            'log_id', id,
            'level', level,
            'kind', kind,
            'message', left(message, 4096),
            'data', CASE WHEN pg_column_size(data) <= 4096 THEN data ELSE '{}' END,
            'cut', length(message) > 4096 OR pg_column_size(data) > 4096
        )
    FROM fresh ORDER BY id;
    RETURN NULL;
END $$;

CREATE FUNCTION record_costs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (type, task_id, subtask_id, attempt, agent_id, data)
    SELECT
        'cost', f.task_id, f.subtask_id, f.attempt, a.agent_id,
        jsonb_build_object(
            'purpose', f.purpose,
            'model', f.model,
            'input_tokens', f.input_tokens,
            'output_tokens', f.output_tokens,
            'cache_read_tokens', f.cache_read_tokens,
            'cache_write_tokens', f.cache_write_tokens,
            'cost_usd', f.cost_usd::text,
            'simulated', f.simulated
        )
    FROM fresh AS f
    LEFT JOIN attempts AS a ON a.subtask_id = f.subtask_id AND a.attempt = f.attempt
    ORDER BY f.id;
    RETURN NULL;
END $$;

CREATE TRIGGER record_new AFTER INSERT ON agent_logs
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION record_logs();
CREATE TRIGGER record_new AFTER INSERT ON model_calls
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION record_costs();
