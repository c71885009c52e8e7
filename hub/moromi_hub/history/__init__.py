"""Events, and what changed when."""
