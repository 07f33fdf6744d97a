-- The ledger: every state of every task lives here and changes only by guarded statements.

CREATE TYPE task_status AS ENUM (
    'pending', 'planning', 'in_progress', 'aggregating', 'completed', 'failed', 'cancelled'
);
CREATE TYPE subtask_status AS ENUM (
    'pending', 'queued', 'running', 'blocked', 'completed', 'failed', 'cancelled'
);
CREATE TYPE attempt_outcome AS ENUM ('completed', 'failed', 'lost', 'released', 'cancelled');
CREATE TYPE failure_kind AS ENUM (
    'transport', 'config', 'business', 'timeout', 'checks', 'review', 'loop', 'budget',
    'resource', 'poison', 'plan_invalid'
);

-- The edges that a status may take, fed from the transition table of the code.
CREATE TABLE transitions (
    entity text NOT NULL CHECK (entity IN ('task', 'subtask')),
    name text NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    by_hand boolean NOT NULL,
    PRIMARY KEY (entity, source, target, name)
);

CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    user_id text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    priority smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 10),
    status task_status NOT NULL DEFAULT 'pending',
    cancel_requested boolean NOT NULL DEFAULT false,
    step_attempt integer NOT NULL DEFAULT 0,
    step_owner uuid,
    step_lease_until timestamptz,
    plan_version integer,
    plan_errors jsonb NOT NULL DEFAULT '[]',
    answer text,
    result json,  -- as given: the order of its keys is for people
    partial boolean NOT NULL DEFAULT false,
    failure_kind failure_kind,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT a_step_is_leased CHECK (
        (status IN ('planning', 'aggregating')) = (step_owner IS NOT NULL)
        AND (step_owner IS NULL) = (step_lease_until IS NULL)
    ),
    CONSTRAINT finished_has_a_time CHECK (
        (status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)
    )
);
CREATE INDEX tasks_newest ON tasks (created_at DESC, id DESC);
CREATE INDEX tasks_by_status ON tasks (status, created_at DESC, id DESC);
CREATE INDEX tasks_by_user ON tasks (user_id, created_at DESC, id DESC);

CREATE TABLE idempotency_keys (
    user_id text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE
        DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_task ON idempotency_keys (task_id);

CREATE TABLE context_files (
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    name text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    sha256 text NOT NULL,
    PRIMARY KEY (task_id, name)
);

CREATE TABLE plan_versions (
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    version integer NOT NULL CHECK (version >= 1),
    plan jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, version)
);

-- Numbers every start of a subtask, so that users take turns.
CREATE SEQUENCE starts;

CREATE TABLE subtasks (
    id uuid PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    key text NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    position integer NOT NULL,
    user_id text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    expected_output text NOT NULL,
    required_capabilities text [] NOT NULL CHECK (cardinality(required_capabilities) > 0),
    route text NOT NULL,
    profile text,
    checks jsonb NOT NULL DEFAULT '[]',
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 10),
    urgency smallint NOT NULL CHECK (urgency BETWEEN 0 AND 10),
    band smallint NOT NULL GENERATED ALWAYS AS (
        CASE WHEN urgency >= 7 THEN 0 WHEN urgency >= 4 THEN 1 ELSE 2 END
    ) STORED,
    estimated_seconds integer NOT NULL CHECK (estimated_seconds > 0),
    remaining_seconds integer NOT NULL CHECK (remaining_seconds > 0),
    status subtask_status NOT NULL DEFAULT 'pending',
    attempt integer NOT NULL DEFAULT 0,
    owner uuid,
    lease_until timestamptz,
    agent_id text,
    role text,
    start_number bigint,
    losses integer NOT NULL DEFAULT 0,
    retries integer NOT NULL DEFAULT 0,
    rings integer NOT NULL DEFAULT 0,
    ring_again_at timestamptz,
    failure_kind failure_kind,
    error text,
    queued_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (task_id, key),
    CONSTRAINT running_has_a_lease CHECK (
        (status = 'running') = (owner IS NOT NULL)
        AND (owner IS NULL) = (lease_until IS NULL)
    ),
    CONSTRAINT finished_has_a_time CHECK (
        (status IN ('blocked', 'completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)
    )
) WITH (fillfactor = 70);
CREATE INDEX subtasks_in_order ON subtasks (task_id, position);
CREATE INDEX subtasks_to_pick ON subtasks
(route, band, user_id, urgency DESC, remaining_seconds DESC, id) WHERE status = 'queued';
CREATE INDEX subtasks_to_ring ON subtasks (ring_again_at) WHERE status = 'queued';
CREATE INDEX subtasks_leased ON subtasks (lease_until) WHERE status = 'running';
CREATE INDEX subtasks_last_start ON subtasks (user_id, band, start_number)
WHERE start_number IS NOT NULL;

CREATE TABLE subtask_dependencies (
    subtask_id uuid NOT NULL REFERENCES subtasks (id) ON DELETE CASCADE,
    depends_on uuid NOT NULL REFERENCES subtasks (id) ON DELETE CASCADE,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    PRIMARY KEY (subtask_id, depends_on),
    CONSTRAINT nothing_waits_for_itself CHECK (subtask_id <> depends_on)
);
CREATE INDEX subtask_dependents ON subtask_dependencies (depends_on);
CREATE INDEX subtask_dependencies_by_task ON subtask_dependencies (task_id);

CREATE TABLE attempts (
    subtask_id uuid NOT NULL REFERENCES subtasks (id) ON DELETE CASCADE,
    attempt integer NOT NULL CHECK (attempt >= 1),
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    owner uuid NOT NULL,
    agent_id text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    outcome attempt_outcome,
    failure_kind failure_kind,
    error text,
    PRIMARY KEY (subtask_id, attempt),
    CONSTRAINT finished_has_a_time CHECK ((outcome IS NULL) = (finished_at IS NULL))
);
CREATE UNIQUE INDEX one_open_attempt ON attempts (subtask_id) WHERE outcome IS NULL;
CREATE INDEX attempts_by_task ON attempts (task_id);

CREATE TABLE subtask_results (
    subtask_id uuid NOT NULL,
    attempt integer NOT NULL,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    current boolean NOT NULL DEFAULT true,
    summary text NOT NULL,
    output json NOT NULL,  -- as given: the order of its keys is for people
    claims jsonb NOT NULL DEFAULT '[]',
    published boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subtask_id, attempt),
    FOREIGN KEY (subtask_id, attempt) REFERENCES attempts (subtask_id, attempt) ON DELETE CASCADE
);
CREATE UNIQUE INDEX one_current_result ON subtask_results (subtask_id) WHERE current;
CREATE INDEX subtask_results_by_task ON subtask_results (task_id);
CREATE INDEX subtask_results_to_publish ON subtask_results (task_id) WHERE NOT published;

CREATE TABLE artifacts (
    subtask_id uuid NOT NULL,
    attempt integer NOT NULL,
    path text NOT NULL,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    size bigint NOT NULL CHECK (size >= 0),
    sha256 text NOT NULL,
    PRIMARY KEY (subtask_id, attempt, path),
    FOREIGN KEY (subtask_id, attempt) REFERENCES attempts (subtask_id, attempt) ON DELETE CASCADE
);
CREATE INDEX artifacts_by_task ON artifacts (task_id);

CREATE TABLE model_calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    subtask_id uuid REFERENCES subtasks (id) ON DELETE CASCADE,
    attempt integer,
    purpose text NOT NULL CHECK (purpose IN ('planner', 'agent', 'aggregator')),
    model text NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    cost_usd numeric(14, 6) NOT NULL,
    simulated boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX model_calls_by_task ON model_calls (task_id);
CREATE INDEX model_calls_by_subtask ON model_calls (subtask_id);

CREATE TABLE agent_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    subtask_id uuid REFERENCES subtasks (id) ON DELETE CASCADE,
    attempt integer,
    agent_id text,
    level text NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    kind text NOT NULL,
    message text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agent_logs_by_task ON agent_logs (task_id, id);
CREATE INDEX agent_logs_by_subtask ON agent_logs (subtask_id, id);

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    subtask_id uuid,
    attempt integer,
    agent_id text,
    data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX events_by_task ON events (task_id, id);
