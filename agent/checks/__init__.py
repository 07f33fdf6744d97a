"""Machine checks: what a plan or a profile demands of a result, judged outside the agent."""
