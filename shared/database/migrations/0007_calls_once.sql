-- A call of the planner or the aggregator is written once, however often its acknowledgement is
-- lost. Calls of an attempt are written under its fence and have no id.

ALTER TABLE model_calls ADD COLUMN call_id uuid;
CREATE UNIQUE INDEX model_calls_once ON model_calls (call_id) WHERE call_id IS NOT NULL;
