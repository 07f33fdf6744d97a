-- name: open_task
-- $1 task, $2 SCRAM verifier of its role's password, $3 most sessions at once
SELECT quintet.open_task($1, $2, $3);

-- name: end_sessions
-- $1 task role's name, $2 one backend's pid or null for all; waits up to two seconds for each
SELECT pg_terminate_backend(pid, 2000)
FROM pg_stat_activity
WHERE usename = $1 AND ($2::integer IS NULL OR pid = $2);

-- name: drop_task
-- $1 task
SELECT quintet.drop_task($1);

-- name: create_shared
-- $1 task, $2 key, $3 value, $4 author, $5 most keys of a task; no row: it exists or no room
WITH task AS (
    INSERT INTO quintet.tasks (id) VALUES ($1) ON CONFLICT DO NOTHING
)
INSERT INTO quintet.shared_values (task_id, key, value, author)
SELECT $1, $2, coalesce($3::jsonb, 'null'), $4
WHERE (SELECT count(*) FROM quintet.shared_values WHERE task_id = $1) < $5
ON CONFLICT (task_id, key) DO NOTHING
RETURNING version;

-- name: replace_shared
-- $1 task, $2 key, $3 value, $4 author, $5 the version that the writer has seen
UPDATE quintet.shared_values
SET value = coalesce($3::jsonb, 'null'), author = $4, version = version + 1, updated_at = now()
WHERE task_id = $1 AND key = $2 AND version = $5
RETURNING version;

-- name: read_shared
-- $1 task, $2 key
SELECT key, value, version, author, updated_at
FROM quintet.shared_values
WHERE task_id = $1 AND key = $2;

-- name: list_shared
-- $1 task
SELECT key, version, author, updated_at, length(value::text) AS characters
FROM quintet.shared_values
WHERE task_id = $1
ORDER BY key;

-- name: add_embedding
-- $1 task, $2 key or null, $3 text, $4 metadata, $5 author, $6 provider, $7 vector,
-- $8 most texts of a task; a text with the same key is replaced; no row: no room
WITH task AS (
    INSERT INTO quintet.tasks (id) VALUES ($1) ON CONFLICT DO NOTHING
)
INSERT INTO quintet.embeddings (task_id, key, content, metadata, author, provider, dim, embedding)
SELECT $1, $2, $3, $4, $5, $6, cardinality($7::double precision[]), $7::double precision[]
WHERE (SELECT count(*) FROM quintet.embeddings WHERE task_id = $1) < $8
ON CONFLICT (task_id, key) DO UPDATE
SET content = excluded.content, metadata = excluded.metadata, author = excluded.author,
    provider = excluded.provider, dim = excluded.dim, embedding = excluded.embedding,
    created_at = now()
RETURNING id;

-- name: nearest_embeddings
-- $1 task, $2 provider, $3 vector, $4 how many; most alike first
SELECT id, key, content, metadata, author,
       quintet.similarity(embedding, $3::double precision[]) AS similarity
FROM quintet.embeddings
WHERE task_id = $1 AND provider = $2 AND dim = cardinality($3::double precision[])
ORDER BY similarity DESC, id
LIMIT $4;

-- name: describe_embeddings
-- $1 task, $2 provider; how the search works, and how many texts it can and cannot see
SELECT quintet.embedding_index() AS index,
       count(*) FILTER (WHERE provider = $2) AS searched,
       count(*) FILTER (WHERE provider <> $2) AS other_provider
FROM quintet.embeddings
WHERE task_id = $1;
