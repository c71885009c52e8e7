"""The database schema of a Moromi hub."""
