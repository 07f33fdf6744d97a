-- The tables themselves refuse an unknown edge and write the event log, so no writer can forget.
-- Statement triggers with transition tables: one pass a statement, however many rows it moves.

CREATE FUNCTION record_new_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM fresh WHERE status <> 'pending') THEN
        RAISE EXCEPTION 'a task starts as pending' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO events (type, task_id, data)
    SELECT 'task.' || status, id, jsonb_build_object('title', title, 'user_id', user_id)
    FROM fresh;
    RETURN NULL;
END $$;

CREATE FUNCTION record_task_changes() RETURNS trigger LANGUAGE plpgsql AS $$
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
    RETURN NULL;
END $$;

CREATE FUNCTION record_new_subtasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM fresh WHERE status <> 'pending') THEN
        RAISE EXCEPTION 'a subtask starts as pending' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO events (type, task_id, subtask_id, data)
    SELECT 'subtask.' || status, task_id, id, jsonb_build_object('key', key, 'title', title)
    FROM fresh ORDER BY position;
    RETURN NULL;
END $$;

CREATE FUNCTION record_subtask_changes() RETURNS trigger LANGUAGE plpgsql AS $$
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
    RETURN NULL;
END $$;

CREATE FUNCTION record_ended_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (type, task_id, subtask_id, attempt, agent_id, data)
    SELECT 'attempt.' || n.outcome, n.task_id, n.subtask_id, n.attempt, n.agent_id,
        jsonb_strip_nulls(jsonb_build_object('failure_kind', n.failure_kind, 'error', n.error))
    FROM before o JOIN after n USING (subtask_id, attempt)
    WHERE o.outcome IS NULL AND n.outcome IS NOT NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER record_new AFTER INSERT ON tasks
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION record_new_tasks();
CREATE TRIGGER record_changes AFTER UPDATE ON tasks
REFERENCING OLD TABLE AS before NEW TABLE AS after
FOR EACH STATEMENT EXECUTE FUNCTION record_task_changes();
CREATE TRIGGER record_new AFTER INSERT ON subtasks
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION record_new_subtasks();
CREATE TRIGGER record_changes AFTER UPDATE ON subtasks
REFERENCING OLD TABLE AS before NEW TABLE AS after
FOR EACH STATEMENT EXECUTE FUNCTION record_subtask_changes();
CREATE TRIGGER record_ended AFTER UPDATE ON attempts
REFERENCING OLD TABLE AS before NEW TABLE AS after
FOR EACH STATEMENT EXECUTE FUNCTION record_ended_attempts();
