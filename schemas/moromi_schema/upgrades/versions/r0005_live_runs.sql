CREATE INDEX IF NOT EXISTS moromi_scheduler_task_runs_live ON scheduler_task_runs (task_id) WHERE active;
