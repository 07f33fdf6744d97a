-- What was looked at before a result was believed.

-- A check also says where it comes from and whether it means anything.
UPDATE subtasks SET checks = (
    SELECT jsonb_agg(jsonb_build_object('check', item.value) ORDER BY item.ordinality)
    FROM jsonb_array_elements(subtasks.checks) WITH ORDINALITY AS item
)
WHERE checks <> '[]';

-- A person's wish for this task; null leaves it to the profile.
ALTER TABLE tasks ADD COLUMN review text CHECK (review IN ('off', 'sampled', 'always'));
ALTER TABLE attempts ADD COLUMN verification jsonb;
ALTER TABLE subtask_results ADD COLUMN evidence text NOT NULL DEFAULT 'self-reported'
CHECK (evidence IN ('verified', 'reviewed', 'self-reported'));

ALTER TABLE model_calls DROP CONSTRAINT model_calls_purpose_check;
ALTER TABLE model_calls ADD CONSTRAINT model_calls_purpose_check
CHECK (purpose IN ('planner', 'agent', 'aggregator', 'reviewer'));

-- Checks of a plan that is being made, for an agent to try on workspaces without work in them.
CREATE TABLE check_probes (
    id uuid PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    checks jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX check_probes_by_task ON check_probes (task_id);
