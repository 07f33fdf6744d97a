"""The page of one task: what it shows, and what can be asked of it."""
