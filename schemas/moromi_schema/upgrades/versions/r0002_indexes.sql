-- Indexes of ours (moromi_schema.additions) on Koji's tables. Frozen: a later change is a later revision.

CREATE INDEX IF NOT EXISTS moromi_events_by_time ON events (time);
CREATE INDEX IF NOT EXISTS moromi_group_config_live ON group_config (tag_id) WHERE active;
CREATE INDEX IF NOT EXISTS moromi_group_package_listing_live ON group_package_listing (tag_id) WHERE active;
CREATE INDEX IF NOT EXISTS moromi_group_req_listing_live ON group_req_listing (tag_id) WHERE active;
CREATE INDEX IF NOT EXISTS moromi_host_by_user ON host (user_id);
CREATE INDEX IF NOT EXISTS moromi_tag_package_owners_live ON tag_package_owners (tag_id, package_id) WHERE active;
CREATE INDEX IF NOT EXISTS moromi_tag_packages_created ON tag_packages (tag_id, create_event);
CREATE INDEX IF NOT EXISTS moromi_tag_packages_revoked ON tag_packages (tag_id, revoke_event);
CREATE INDEX IF NOT EXISTS moromi_task_by_completion ON task (completion_time);
CREATE INDEX IF NOT EXISTS moromi_task_by_owner ON task (owner, id);
CREATE INDEX IF NOT EXISTS moromi_task_free ON task (priority, create_time, id) WHERE state = 0;
CREATE INDEX IF NOT EXISTS moromi_task_held ON task (host_id, state) WHERE state IN (1, 4);
CREATE INDEX IF NOT EXISTS moromi_build_by_owner ON build (owner, completion_time);
CREATE INDEX IF NOT EXISTS moromi_build_by_task ON build (task_id);
CREATE INDEX IF NOT EXISTS moromi_repo_by_tag ON repo (tag_id, create_event);
CREATE INDEX IF NOT EXISTS moromi_repo_live ON repo (state) WHERE state <> 3;
CREATE INDEX IF NOT EXISTS moromi_scheduler_log_by_host ON scheduler_log_messages (host_id);
CREATE INDEX IF NOT EXISTS moromi_scheduler_log_by_task ON scheduler_log_messages (task_id);
CREATE INDEX IF NOT EXISTS moromi_scheduler_task_refusals_by_host ON scheduler_task_refusals (host_id);
CREATE INDEX IF NOT EXISTS moromi_repo_queue_live ON repo_queue (tag_id) WHERE active;
CREATE INDEX IF NOT EXISTS moromi_rpminfo_by_buildroot ON rpminfo (buildroot_id) WHERE buildroot_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS moromi_standard_buildroot_by_repo ON standard_buildroot (repo_id);
CREATE INDEX IF NOT EXISTS moromi_standard_buildroot_by_task ON standard_buildroot (task_id);
CREATE INDEX IF NOT EXISTS moromi_standard_buildroot_live ON standard_buildroot (host_id) WHERE state <> 3;
CREATE INDEX IF NOT EXISTS moromi_tag_listing_created ON tag_listing (tag_id, create_event);
CREATE INDEX IF NOT EXISTS moromi_tag_listing_live ON tag_listing (tag_id, build_id) WHERE active;
CREATE INDEX IF NOT EXISTS moromi_tag_listing_revoked ON tag_listing (tag_id, revoke_event);
