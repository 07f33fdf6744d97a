-- What the figures about the system and the history of agents are read by.

CREATE INDEX tasks_ended ON tasks (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX attempts_ended ON attempts (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX attempts_by_agent ON attempts (agent_id, claimed_at DESC);
-- Rows are only ever added, in the order of their time.
CREATE INDEX model_calls_by_time ON model_calls USING brin (at);
