"""Which host runs which task, and why a task waits."""
