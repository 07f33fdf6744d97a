-- What a person changes of a part, and why a planner had to plan again, told like everything else.

-- An event is for following along: what is long is cut, and `log_id` says where the whole is.
CREATE OR REPLACE FUNCTION record_logs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (type, task_id, subtask_id, attempt, agent_id, data)
    SELECT
        CASE
            WHEN kind IN (
                'tool.called', 'tool.returned', 'tool.denied', 'check.result',
                'correction.attempt', 'review.verdict', 'subtask.edited', 'plan.rejected'
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

-- What an attempt was told before stays in the log, where its event and its readers find it.
CREATE FUNCTION record_subtask_edits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed record;
BEGIN
    SELECT
        jsonb_object_agg(o.field, o.value) AS before,
        jsonb_object_agg(o.field, n.value) AS after,
        string_agg(replace(o.field, '_', ' '), ', ' ORDER BY o.field) AS fields
    INTO changed
    FROM
        jsonb_each(jsonb_build_object(
            'description', old.description, 'expected_output', old.expected_output,
            'required_capabilities', old.required_capabilities, 'profile', old.profile,
            'checks', old.checks, 'priority', old.priority
        )) AS o (field, value)
    INNER JOIN jsonb_each(jsonb_build_object(
            'description', new.description, 'expected_output', new.expected_output,
            'required_capabilities', new.required_capabilities, 'profile', new.profile,
            'checks', new.checks, 'priority', new.priority
        )) AS n (field, value) USING (field)
    WHERE o.value <> n.value;
    IF changed.fields IS NOT NULL THEN
        INSERT INTO agent_logs (task_id, subtask_id, attempt, level, kind, message, data)
        VALUES (
            new.task_id, new.id, nullif(new.attempt, 0), 'info', 'subtask.edited',
            'a person changed its ' || changed.fields,
            jsonb_build_object('before', changed.before, 'after', changed.after)
        );
    END IF;
    RETURN NULL;
END $$;
-- Only a statement that names one of these columns pays for it: claims and leases do not.
CREATE TRIGGER record_edits
AFTER UPDATE OF description, expected_output, required_capabilities, profile, checks, priority
ON subtasks FOR EACH ROW EXECUTE FUNCTION record_subtask_edits();

CREATE OR REPLACE FUNCTION record_new_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (type, task_id, data)
    SELECT 'task.plan', task_id, jsonb_strip_nulls(jsonb_build_object(
        'version', version, 'hash', hash, 'author', author, 'feedback', feedback,
        'subtasks', jsonb_array_length(plan -> 'subtasks')
    ))
    FROM fresh ORDER BY version;
    RETURN NULL;
END $$;
