-- A plan in a person's hand before it runs, and a hand on what runs.

ALTER TYPE task_status ADD VALUE 'awaiting_approval' AFTER 'planning';

ALTER TABLE tasks
ADD COLUMN require_approval boolean NOT NULL DEFAULT false,
ADD COLUMN paused_reason text CHECK (paused_reason IN ('user', 'budget', 'approval')),
-- Whether a pause also takes back what runs.
ADD COLUMN pause_releases boolean NOT NULL DEFAULT false,
-- What a person wants different about the plan that was sent back.
ADD COLUMN plan_feedback text;

ALTER TABLE subtasks ADD COLUMN cancel_requested boolean NOT NULL DEFAULT false;
CREATE INDEX subtasks_to_cancel ON subtasks (task_id) WHERE cancel_requested;

ALTER TABLE plan_versions
ADD COLUMN hash text,
ADD COLUMN author text NOT NULL DEFAULT 'planner' CHECK (author IN ('planner', 'person')),
ADD COLUMN feedback text,
-- By subtask: checks that were tried on workspaces without work in them.
ADD COLUMN checks jsonb NOT NULL DEFAULT '{}';
UPDATE plan_versions SET hash = encode(sha256(convert_to(plan::text, 'UTF8')), 'hex');
ALTER TABLE plan_versions ALTER COLUMN hash SET NOT NULL;

CREATE OR REPLACE FUNCTION record_task_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT o.id, o.status AS source, n.status AS target INTO wrong
    FROM before o JOIN after n USING (id)
    WHERE o.status <> n.status AND NOT EXISTS (
        SELECT FROM transitions t
        WHERE t.entity = 'task' AND t.source = o.status::text AND t.target = n.status::text
    ) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'task % cannot go from % to %', wrong.id, wrong.source, wrong.target
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO events (type, task_id, data)
    SELECT 'task.' || n.status, n.id, jsonb_strip_nulls(jsonb_build_object(
        'from', o.status, 'failure_kind', n.failure_kind, 'error', n.error
    ))
    FROM before o JOIN after n USING (id)
    WHERE o.status <> n.status;
    -- What a person did to it.
    INSERT INTO events (type, task_id, data)
    SELECT told.type, n.id, told.data
    FROM before o JOIN after n USING (id), LATERAL (
        VALUES
        (
            o.paused_reason IS NULL AND n.paused_reason IS NOT NULL, 'task.paused',
            jsonb_build_object('reason', n.paused_reason, 'releases', n.pause_releases)
        ),
        (o.paused_reason IS NOT NULL AND n.paused_reason IS NULL, 'task.resumed', '{}'),
        (
            o.priority <> n.priority, 'task.priority',
            jsonb_build_object('from', o.priority, 'priority', n.priority)
        ),
        (n.cancel_requested AND NOT o.cancel_requested, 'task.cancelling', '{}')
    ) AS told (happened, type, data)
    WHERE told.happened;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION record_subtask_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT o.id, o.status AS source, n.status AS target INTO wrong
    FROM before o JOIN after n USING (id)
    WHERE o.status <> n.status AND NOT EXISTS (
        SELECT FROM transitions t
        WHERE t.entity = 'subtask' AND t.source = o.status::text AND t.target = n.status::text
    ) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'subtask % cannot go from % to %', wrong.id, wrong.source, wrong.target
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO events (type, task_id, subtask_id, attempt, agent_id, data)
    SELECT 'subtask.' || n.status, n.task_id, n.id, nullif(n.attempt, 0), n.agent_id,
        jsonb_strip_nulls(jsonb_build_object(
            'from', o.status, 'failure_kind', n.failure_kind, 'error', n.error
        ))
    FROM before o JOIN after n USING (id)
    WHERE o.status <> n.status;
    INSERT INTO events (type, task_id, subtask_id, attempt, agent_id)
    SELECT 'subtask.cancelling', n.task_id, n.id, nullif(n.attempt, 0), n.agent_id
    FROM before o JOIN after n USING (id)
    WHERE n.cancel_requested AND NOT o.cancel_requested;
    RETURN NULL;
END $$;

CREATE FUNCTION record_new_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (type, task_id, data)
    SELECT 'task.plan', task_id, jsonb_build_object(
        'version', version, 'hash', hash, 'author', author,
        'subtasks', jsonb_array_length(plan -> 'subtasks')
    )
    FROM fresh ORDER BY version;
    RETURN NULL;
END $$;
CREATE TRIGGER record_new AFTER INSERT ON plan_versions
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION record_new_plans();
