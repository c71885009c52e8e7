"""Alembic's environment: revisions in `versions`, run by `moromi_schema.upgrade` and by nothing else."""
