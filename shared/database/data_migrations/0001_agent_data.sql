-- The agents' own data. Every task has a schema and a login role of its own; what the service
-- keeps for the tasks lives in the schema `quintet`, where no task's role has any right.

CREATE SCHEMA quintet;
CREATE SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- Connecting and temporary tables are all that a role may do by itself: one grant to everybody,
-- because a grant for each task would make the database's access list grow without end.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$$;

-- Large objects belong to no schema, advisory locks are shared by all roles, and logical messages
-- fill the log: tasks need none of them. Only a superuser can take them away.
DO $$
DECLARE
    routine regprocedure;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RETURN;
    END IF;
    FOR routine IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND (proname LIKE 'lo\_%'
               OR proname IN ('lowrite', 'loread', 'pg_logical_emit_message')
               OR proname ~ '^pg_(try_)?advisory_(xact_)?lock')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_database_owner', routine);
    END LOOP;
END
$$;

CREATE TABLE quintet.tasks (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE quintet.shared_values (
    task_id uuid NOT NULL REFERENCES quintet.tasks ON DELETE CASCADE,
    key text NOT NULL,
    value jsonb NOT NULL,
    version integer NOT NULL DEFAULT 1,
    author text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, key)
);

CREATE TABLE quintet.embeddings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES quintet.tasks ON DELETE CASCADE,
    key text,
    content text NOT NULL,
    metadata jsonb NOT NULL,
    author text NOT NULL,
    provider text NOT NULL,
    dim integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (task_id, key)
);
CREATE INDEX ON quintet.embeddings (task_id, provider, dim);

-- With pgvector the column is a vector, without it an array; `quintet.similarity` is the cosine
-- of both. `ALTER DATABASE ... SET quintet.vector = off` before this file chooses the array.
-- There is no approximate index: it would search all tasks first and then throw away what is
-- another task's, and the rows of one task are few enough to look at every one.
DO $$
DECLARE
    kind text := 'double precision[]';
BEGIN
    IF coalesce(current_setting('quintet.vector', true), 'on') <> 'off' THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS vector SCHEMA extensions;
            SELECT format('%I.vector', nspname) INTO STRICT kind
            FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
            WHERE extname = 'vector';
        EXCEPTION WHEN feature_not_supported OR undefined_file OR insufficient_privilege THEN
            RAISE NOTICE 'no vector extension, embeddings are scanned: %', SQLERRM;
        END;
    END IF;
    EXECUTE format('ALTER TABLE quintet.embeddings ADD COLUMN embedding %s NOT NULL', kind);
    IF kind = 'double precision[]' THEN
        CREATE FUNCTION quintet.similarity(stored double precision[], wanted double precision[])
        RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
            SELECT coalesce(sum(a * b) / nullif(sqrt(sum(a * a)) * sqrt(sum(b * b)), 0), 0)
            FROM unnest(stored, wanted) AS pair (a, b)
        $body$;
        CREATE FUNCTION quintet.embedding_index() RETURNS text
        LANGUAGE sql IMMUTABLE AS $body$ SELECT 'scan' $body$;
    ELSE
        EXECUTE format(
            $body$
            CREATE FUNCTION quintet.similarity(stored %1$s, wanted double precision[])
            RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
            'SELECT coalesce(nullif(1 - (stored OPERATOR(%2$s.<=>) wanted::%1$s), ''NaN''), 0)'
            $body$,
            kind, split_part(kind, '.', 1));
        CREATE FUNCTION quintet.embedding_index() RETURNS text
        LANGUAGE sql IMMUTABLE AS $body$ SELECT 'pgvector' $body$;
    END IF;
END
$$;

-- Makes the role and the schema of a task, or gives an existing role its password again. The lock
-- is on a row that no task can reach; `verifier` is a SCRAM verifier, so that no log of statements
-- ever holds a password. The schema stays the service's, so a task can neither drop it nor open
-- it to others.
CREATE FUNCTION quintet.open_task(task uuid, verifier text, connections integer)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    task_role text := 'task_' || replace(task::text, '-', '');
    setting text;
BEGIN
    INSERT INTO quintet.tasks (id) VALUES (task) ON CONFLICT DO NOTHING;
    PERFORM FROM quintet.tasks WHERE id = task FOR UPDATE;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = task_role) THEN
        EXECUTE format('CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT', task_role);
        FOREACH setting IN ARRAY ARRAY[
            format('search_path = %I, extensions', task_role),
            'statement_timeout = ''60s''',
            'lock_timeout = ''5s''',
            'idle_in_transaction_session_timeout = ''60s''',
            'client_connection_check_interval = ''2s''',
            'timezone = ''UTC'''
        ] LOOP
            EXECUTE format('ALTER ROLE %I SET %s', task_role, setting);
        END LOOP;
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('ALTER ROLE %I SET temp_file_limit = ''1GB''', task_role);
        END IF;
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN CONNECTION LIMIT %s PASSWORD %L',
                   task_role, connections, verifier);
    IF NOT pg_has_role(current_user, task_role, 'USAGE') THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', task_role);
    END IF;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', task_role);
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %1$I TO %1$I', task_role);
END
$$;

-- Ends the task's sessions and removes all that it has here; nothing happens when it has nothing.
CREATE FUNCTION quintet.drop_task(task uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    task_role text := 'task_' || replace(task::text, '-', '');
BEGIN
    DELETE FROM quintet.tasks WHERE id = task;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', task_role);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = task_role) THEN
        EXECUTE format('DROP OWNED BY %I CASCADE', task_role);
        EXECUTE format('DROP ROLE %I', task_role);
    END IF;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA quintet FROM PUBLIC;
