-- The 68 tables of a Koji database at level 1.37. Frozen: a later change is a later revision.

CREATE TABLE archivetypes (
    id SERIAL NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    extensions TEXT NOT NULL,
    compression_type TEXT,
    CONSTRAINT archivetypes_pkey PRIMARY KEY (id),
    CONSTRAINT archivetypes_name_key UNIQUE (name)
);

CREATE TABLE btype (
    id SERIAL NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT btype_pkey PRIMARY KEY (id),
    CONSTRAINT btype_name_key UNIQUE (name)
);

CREATE TABLE build_target (
    id SERIAL NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT build_target_pkey PRIMARY KEY (id),
    CONSTRAINT build_target_name_key UNIQUE (name)
);

CREATE TABLE channels (
    id SERIAL NOT NULL,
    name VARCHAR(128) NOT NULL,
    description TEXT,
    enabled BOOLEAN DEFAULT true NOT NULL,
    comment TEXT,
    CONSTRAINT channels_pkey PRIMARY KEY (id),
    CONSTRAINT channels_name_key UNIQUE (name)
);

CREATE TABLE content_generator (
    id SERIAL NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT content_generator_pkey PRIMARY KEY (id),
    CONSTRAINT content_generator_name_key UNIQUE (name)
);

CREATE TABLE events (
    id SERIAL NOT NULL,
    time TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (id)
);

CREATE FUNCTION get_event() RETURNS INTEGER AS $$
    INSERT INTO events (time) VALUES (clock_timestamp()) RETURNING id
$$ LANGUAGE SQL;

CREATE FUNCTION get_event_time(INTEGER) RETURNS TIMESTAMPTZ AS $$
    SELECT time FROM events WHERE id = $1
$$ LANGUAGE SQL;

CREATE TABLE external_repo (
    id SERIAL NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT external_repo_pkey PRIMARY KEY (id),
    CONSTRAINT external_repo_name_key UNIQUE (name)
);

CREATE TABLE groups (
    id SERIAL NOT NULL,
    name VARCHAR(50) NOT NULL,
    CONSTRAINT groups_pkey PRIMARY KEY (id),
    CONSTRAINT groups_name_key UNIQUE (name)
);

CREATE TABLE locks (
    name TEXT NOT NULL,
    CONSTRAINT locks_pkey PRIMARY KEY (name)
);

CREATE TABLE package (
    id SERIAL NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT package_pkey PRIMARY KEY (id),
    CONSTRAINT package_name_key UNIQUE (name)
);

CREATE TABLE permissions (
    id SERIAL NOT NULL,
    name VARCHAR(50) NOT NULL,
    description TEXT,
    CONSTRAINT permissions_pkey PRIMARY KEY (id),
    CONSTRAINT permissions_name_key UNIQUE (name)
);

CREATE TABLE proton_queue (
    id SERIAL NOT NULL,
    created_ts TIMESTAMP WITH TIME ZONE DEFAULT now(),
    address TEXT NOT NULL,
    props JSON NOT NULL,
    body JSON NOT NULL,
    CONSTRAINT proton_queue_pkey PRIMARY KEY (id)
);

CREATE TABLE scheduler_sys_data (
    name TEXT NOT NULL,
    data JSONB,
    CONSTRAINT scheduler_sys_data_pkey PRIMARY KEY (name)
);

CREATE TABLE tag (
    id SERIAL NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT tag_pkey PRIMARY KEY (id),
    CONSTRAINT tag_name_key UNIQUE (name)
);

CREATE TABLE users (
    id SERIAL NOT NULL,
    name VARCHAR(255) NOT NULL,
    password VARCHAR(255),
    status INTEGER NOT NULL,
    usertype INTEGER NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_name_key UNIQUE (name)
);

CREATE TABLE volume (
    id SERIAL NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT volume_pkey PRIMARY KEY (id),
    CONSTRAINT volume_name_key UNIQUE (name)
);

CREATE TABLE build_notifications (
    id SERIAL NOT NULL,
    user_id INTEGER NOT NULL,
    package_id INTEGER,
    tag_id INTEGER,
    success_only BOOLEAN DEFAULT false NOT NULL,
    email TEXT NOT NULL,
    CONSTRAINT build_notifications_pkey PRIMARY KEY (id),
    CONSTRAINT build_notifications_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
    CONSTRAINT build_notifications_package_id_fkey FOREIGN KEY(package_id) REFERENCES package (id),
    CONSTRAINT build_notifications_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id)
);

CREATE TABLE build_notifications_block (
    id SERIAL NOT NULL,
    user_id INTEGER NOT NULL,
    package_id INTEGER,
    tag_id INTEGER,
    CONSTRAINT build_notifications_block_pkey PRIMARY KEY (id),
    CONSTRAINT build_notifications_block_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
    CONSTRAINT build_notifications_block_package_id_fkey FOREIGN KEY(package_id) REFERENCES package (id),
    CONSTRAINT build_notifications_block_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id)
);

CREATE TABLE build_target_config (
    build_target_id INTEGER NOT NULL,
    build_tag INTEGER NOT NULL,
    dest_tag INTEGER NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT build_target_config_pkey PRIMARY KEY (create_event, build_target_id),
    CONSTRAINT build_target_config_build_target_id_active_key UNIQUE (build_target_id, active),
    CONSTRAINT build_target_config_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT build_target_config_build_target_id_fkey FOREIGN KEY(build_target_id) REFERENCES build_target (id),
    CONSTRAINT build_target_config_build_tag_fkey FOREIGN KEY(build_tag) REFERENCES tag (id),
    CONSTRAINT build_target_config_dest_tag_fkey FOREIGN KEY(dest_tag) REFERENCES tag (id),
    CONSTRAINT build_target_config_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT build_target_config_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT build_target_config_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT build_target_config_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE buildroot (
    id SERIAL NOT NULL,
    br_type INTEGER NOT NULL,
    cg_id INTEGER,
    cg_version TEXT,
    container_type TEXT,
    container_arch TEXT,
    host_os TEXT,
    host_arch TEXT,
    extra TEXT,
    CONSTRAINT buildroot_pkey PRIMARY KEY (id),
    CONSTRAINT cg_sane CHECK ((cg_id IS NULL) = (cg_version IS NULL)),
    CONSTRAINT container_sane CHECK ((container_type IS NULL) = (container_arch IS NULL)),
    CONSTRAINT buildroot_cg_id_fkey FOREIGN KEY(cg_id) REFERENCES content_generator (id)
);

CREATE TABLE cg_users (
    cg_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT cg_users_pkey PRIMARY KEY (create_event, cg_id, user_id),
    CONSTRAINT cg_users_cg_id_user_id_active_key UNIQUE (cg_id, user_id, active),
    CONSTRAINT cg_users_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT cg_users_cg_id_fkey FOREIGN KEY(cg_id) REFERENCES content_generator (id),
    CONSTRAINT cg_users_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
    CONSTRAINT cg_users_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT cg_users_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT cg_users_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT cg_users_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE event_labels (
    event_id INTEGER NOT NULL,
    label VARCHAR(255) NOT NULL,
    CONSTRAINT event_labels_label_key UNIQUE (label),
    CONSTRAINT event_labels_event_id_fkey FOREIGN KEY(event_id) REFERENCES events (id)
);

CREATE TABLE external_repo_config (
    external_repo_id INTEGER NOT NULL,
    url TEXT NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT external_repo_config_pkey PRIMARY KEY (create_event, external_repo_id),
    CONSTRAINT external_repo_config_external_repo_id_active_key UNIQUE (external_repo_id, active),
    CONSTRAINT external_repo_config_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT external_repo_config_external_repo_id_fkey FOREIGN KEY(external_repo_id) REFERENCES external_repo (id),
    CONSTRAINT external_repo_config_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT external_repo_config_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT external_repo_config_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT external_repo_config_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE external_repo_data (
    external_repo_id INTEGER NOT NULL,
    data JSONB,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT external_repo_data_pkey PRIMARY KEY (create_event, external_repo_id),
    CONSTRAINT external_repo_data_external_repo_id_active_key UNIQUE (external_repo_id, active),
    CONSTRAINT external_repo_data_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT external_repo_data_external_repo_id_fkey FOREIGN KEY(external_repo_id) REFERENCES external_repo (id),
    CONSTRAINT external_repo_data_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT external_repo_data_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT external_repo_data_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT external_repo_data_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE group_config (
    group_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    blocked BOOLEAN DEFAULT false NOT NULL,
    exported BOOLEAN DEFAULT true,
    display_name TEXT NOT NULL,
    is_default BOOLEAN,
    uservisible BOOLEAN,
    description TEXT,
    langonly TEXT,
    biarchonly BOOLEAN,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT group_config_pkey PRIMARY KEY (create_event, group_id, tag_id),
    CONSTRAINT group_config_group_id_tag_id_active_key UNIQUE (group_id, tag_id, active),
    CONSTRAINT group_config_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT group_config_group_id_fkey FOREIGN KEY(group_id) REFERENCES groups (id),
    CONSTRAINT group_config_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT group_config_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT group_config_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT group_config_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT group_config_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE group_package_listing (
    group_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    package TEXT NOT NULL,
    blocked BOOLEAN DEFAULT false NOT NULL,
    type VARCHAR(25) NOT NULL,
    basearchonly BOOLEAN,
    requires TEXT,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT group_package_listing_pkey PRIMARY KEY (create_event, group_id, tag_id, package),
    CONSTRAINT group_package_listing_group_id_tag_id_package_active_key UNIQUE (group_id, tag_id, package, active),
    CONSTRAINT group_package_listing_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT group_package_listing_group_id_fkey FOREIGN KEY(group_id) REFERENCES groups (id),
    CONSTRAINT group_package_listing_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT group_package_listing_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT group_package_listing_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT group_package_listing_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT group_package_listing_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE group_req_listing (
    group_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    req_id INTEGER NOT NULL,
    blocked BOOLEAN DEFAULT false NOT NULL,
    type VARCHAR(25),
    is_metapkg BOOLEAN DEFAULT false NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT group_req_listing_pkey PRIMARY KEY (create_event, group_id, tag_id, req_id),
    CONSTRAINT group_req_listing_group_id_tag_id_req_id_active_key UNIQUE (group_id, tag_id, req_id, active),
    CONSTRAINT group_req_listing_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT group_req_listing_group_id_fkey FOREIGN KEY(group_id) REFERENCES groups (id),
    CONSTRAINT group_req_listing_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT group_req_listing_req_id_fkey FOREIGN KEY(req_id) REFERENCES groups (id),
    CONSTRAINT group_req_listing_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT group_req_listing_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT group_req_listing_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT group_req_listing_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE host (
    id SERIAL NOT NULL,
    user_id INTEGER NOT NULL,
    name VARCHAR(128) NOT NULL,
    update_time TIMESTAMP WITH TIME ZONE,
    task_load DOUBLE PRECISION DEFAULT 0.0 NOT NULL,
    ready BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT host_pkey PRIMARY KEY (id),
    CONSTRAINT host_name_key UNIQUE (name),
    CONSTRAINT host_task_load_check CHECK (task_load >= 0),
    CONSTRAINT host_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
);

CREATE TABLE sessions (
    id SERIAL NOT NULL,
    user_id INTEGER NOT NULL,
    expired BOOLEAN DEFAULT false NOT NULL,
    master INTEGER,
    key VARCHAR(255),
    authtype INTEGER,
    hostip VARCHAR(255),
    callnum INTEGER,
    start_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    update_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    exclusive BOOLEAN,
    closed BOOLEAN DEFAULT false NOT NULL,
    renew_time TIMESTAMP WITH TIME ZONE,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_user_id_exclusive_key UNIQUE (user_id, exclusive),
    CONSTRAINT sessions_exclusive_check CHECK (exclusive),
    CONSTRAINT no_exclusive_subsessions CHECK (master IS NULL OR exclusive IS NULL),
    CONSTRAINT no_closed_exclusive CHECK (NOT closed OR exclusive IS NULL),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
    CONSTRAINT sessions_master_fkey FOREIGN KEY(master) REFERENCES sessions (id)
);

CREATE INDEX sessions_active_and_recent ON sessions (expired, master, update_time) WHERE expired = FALSE AND master IS NULL;

CREATE INDEX sessions_expired ON sessions (expired);

CREATE INDEX sessions_master ON sessions (master);

CREATE TABLE tag_config (
    tag_id INTEGER NOT NULL,
    arches TEXT,
    perm_id INTEGER,
    locked BOOLEAN DEFAULT false NOT NULL,
    maven_support BOOLEAN DEFAULT false NOT NULL,
    maven_include_all BOOLEAN DEFAULT false NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT tag_config_pkey PRIMARY KEY (create_event, tag_id),
    CONSTRAINT tag_config_tag_id_active_key UNIQUE (tag_id, active),
    CONSTRAINT tag_config_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT tag_config_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT tag_config_perm_id_fkey FOREIGN KEY(perm_id) REFERENCES permissions (id),
    CONSTRAINT tag_config_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT tag_config_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT tag_config_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT tag_config_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE tag_external_repos (
    tag_id INTEGER NOT NULL,
    external_repo_id INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    merge_mode TEXT DEFAULT 'koji' NOT NULL,
    arches TEXT,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT tag_external_repos_pkey PRIMARY KEY (create_event, tag_id, priority),
    CONSTRAINT tag_external_repos_tag_id_priority_active_key UNIQUE (tag_id, priority, active),
    CONSTRAINT tag_external_repos_tag_id_external_repo_id_active_key UNIQUE (tag_id, external_repo_id, active),
    CONSTRAINT tag_external_repos_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT tag_external_repos_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT tag_external_repos_external_repo_id_fkey FOREIGN KEY(external_repo_id) REFERENCES external_repo (id),
    CONSTRAINT tag_external_repos_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT tag_external_repos_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT tag_external_repos_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT tag_external_repos_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE tag_extra (
    tag_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT tag_extra_pkey PRIMARY KEY (create_event, tag_id, key),
    CONSTRAINT tag_extra_tag_id_key_active_key UNIQUE (tag_id, key, active),
    CONSTRAINT tag_extra_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT tag_extra_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT tag_extra_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT tag_extra_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT tag_extra_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT tag_extra_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE tag_inheritance (
    tag_id INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    maxdepth INTEGER,
    intransitive BOOLEAN DEFAULT false NOT NULL,
    noconfig BOOLEAN DEFAULT false NOT NULL,
    pkg_filter TEXT,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT tag_inheritance_pkey PRIMARY KEY (create_event, tag_id, priority),
    CONSTRAINT tag_inheritance_tag_id_priority_active_key UNIQUE (tag_id, priority, active),
    CONSTRAINT tag_inheritance_tag_id_parent_id_active_key UNIQUE (tag_id, parent_id, active),
    CONSTRAINT tag_inheritance_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT tag_inheritance_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT tag_inheritance_parent_id_fkey FOREIGN KEY(parent_id) REFERENCES tag (id),
    CONSTRAINT tag_inheritance_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT tag_inheritance_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT tag_inheritance_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT tag_inheritance_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE INDEX tag_inheritance_by_parent ON tag_inheritance (parent_id);

CREATE TABLE tag_package_owners (
    package_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT tag_package_owners_pkey PRIMARY KEY (create_event, package_id, tag_id),
    CONSTRAINT tag_package_owners_package_id_tag_id_active_key UNIQUE (package_id, tag_id, active),
    CONSTRAINT tag_package_owners_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT tag_package_owners_package_id_fkey FOREIGN KEY(package_id) REFERENCES package (id),
    CONSTRAINT tag_package_owners_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT tag_package_owners_owner_fkey FOREIGN KEY(owner) REFERENCES users (id),
    CONSTRAINT tag_package_owners_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT tag_package_owners_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT tag_package_owners_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT tag_package_owners_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE tag_packages (
    package_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    blocked BOOLEAN DEFAULT false NOT NULL,
    extra_arches TEXT,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT tag_packages_pkey PRIMARY KEY (create_event, package_id, tag_id),
    CONSTRAINT tag_packages_package_id_tag_id_active_key UNIQUE (package_id, tag_id, active),
    CONSTRAINT tag_packages_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT tag_packages_package_id_fkey FOREIGN KEY(package_id) REFERENCES package (id),
    CONSTRAINT tag_packages_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT tag_packages_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT tag_packages_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT tag_packages_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT tag_packages_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE INDEX tag_packages_active_tag_id ON tag_packages (active, tag_id);

CREATE INDEX tag_packages_create_event ON tag_packages (create_event);

CREATE INDEX tag_packages_revoke_event ON tag_packages (revoke_event);

CREATE TABLE tag_updates (
    id SERIAL NOT NULL,
    tag_id INTEGER NOT NULL,
    update_event INTEGER DEFAULT get_event() NOT NULL,
    updater_id INTEGER NOT NULL,
    update_type INTEGER NOT NULL,
    CONSTRAINT tag_updates_pkey PRIMARY KEY (id),
    CONSTRAINT tag_updates_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT tag_updates_update_event_fkey FOREIGN KEY(update_event) REFERENCES events (id),
    CONSTRAINT tag_updates_updater_id_fkey FOREIGN KEY(updater_id) REFERENCES users (id)
);

CREATE INDEX tag_updates_by_event ON tag_updates (update_event);

CREATE INDEX tag_updates_by_tag ON tag_updates (tag_id);

CREATE TABLE user_groups (
    user_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT user_groups_pkey PRIMARY KEY (create_event, user_id, group_id),
    CONSTRAINT user_groups_user_id_group_id_active_key UNIQUE (user_id, group_id, active),
    CONSTRAINT user_groups_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT user_groups_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
    CONSTRAINT user_groups_group_id_fkey FOREIGN KEY(group_id) REFERENCES users (id),
    CONSTRAINT user_groups_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT user_groups_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT user_groups_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT user_groups_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE user_krb_principals (
    user_id INTEGER NOT NULL,
    krb_principal VARCHAR(255) NOT NULL,
    CONSTRAINT user_krb_principals_pkey PRIMARY KEY (user_id, krb_principal),
    CONSTRAINT user_krb_principals_krb_principal_key UNIQUE (krb_principal),
    CONSTRAINT user_krb_principals_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
);

CREATE TABLE user_perms (
    user_id INTEGER NOT NULL,
    perm_id INTEGER NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT user_perms_pkey PRIMARY KEY (create_event, user_id, perm_id),
    CONSTRAINT user_perms_user_id_perm_id_active_key UNIQUE (user_id, perm_id, active),
    CONSTRAINT user_perms_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT user_perms_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
    CONSTRAINT user_perms_perm_id_fkey FOREIGN KEY(perm_id) REFERENCES permissions (id),
    CONSTRAINT user_perms_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT user_perms_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT user_perms_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT user_perms_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE buildroot_tools_info (
    buildroot_id INTEGER NOT NULL,
    tool TEXT NOT NULL,
    version TEXT NOT NULL,
    CONSTRAINT buildroot_tools_info_pkey PRIMARY KEY (buildroot_id, tool),
    CONSTRAINT buildroot_tools_info_buildroot_id_fkey FOREIGN KEY(buildroot_id) REFERENCES buildroot (id)
);

CREATE TABLE host_channels (
    host_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT host_channels_pkey PRIMARY KEY (create_event, host_id, channel_id),
    CONSTRAINT host_channels_host_id_channel_id_active_key UNIQUE (host_id, channel_id, active),
    CONSTRAINT host_channels_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT host_channels_host_id_fkey FOREIGN KEY(host_id) REFERENCES host (id),
    CONSTRAINT host_channels_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES channels (id),
    CONSTRAINT host_channels_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT host_channels_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT host_channels_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT host_channels_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE TABLE host_config (
    host_id INTEGER NOT NULL,
    arches TEXT,
    capacity DOUBLE PRECISION DEFAULT 2.0 NOT NULL,
    description TEXT,
    comment TEXT,
    enabled BOOLEAN DEFAULT true NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT host_config_pkey PRIMARY KEY (create_event, host_id),
    CONSTRAINT host_config_host_id_active_key UNIQUE (host_id, active),
    CONSTRAINT host_config_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT host_config_capacity_check CHECK (capacity > 1),
    CONSTRAINT host_config_host_id_fkey FOREIGN KEY(host_id) REFERENCES host (id),
    CONSTRAINT host_config_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT host_config_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT host_config_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT host_config_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE INDEX host_config_by_active_and_enabled ON host_config (active, enabled);

CREATE TABLE scheduler_host_data (
    host_id INTEGER NOT NULL,
    data JSONB,
    CONSTRAINT scheduler_host_data_pkey PRIMARY KEY (host_id),
    CONSTRAINT scheduler_host_data_host_id_fkey FOREIGN KEY(host_id) REFERENCES host (id)
);

CREATE TABLE task (
    id SERIAL NOT NULL,
    state INTEGER,
    create_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    start_time TIMESTAMP WITH TIME ZONE,
    completion_time TIMESTAMP WITH TIME ZONE,
    channel_id INTEGER NOT NULL,
    host_id INTEGER,
    parent INTEGER,
    label VARCHAR(255),
    waiting BOOLEAN,
    awaited BOOLEAN,
    owner INTEGER NOT NULL,
    method TEXT,
    request TEXT,
    result TEXT,
    eta INTEGER,
    arch VARCHAR(16) NOT NULL,
    priority INTEGER,
    weight DOUBLE PRECISION DEFAULT 1.0 NOT NULL,
    CONSTRAINT task_pkey PRIMARY KEY (id),
    CONSTRAINT task_parent_label_key UNIQUE (parent, label),
    CONSTRAINT parent_label_sane CHECK (parent IS NOT NULL OR label IS NULL),
    CONSTRAINT task_weight_check CHECK (weight >= 0),
    CONSTRAINT task_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES channels (id),
    CONSTRAINT task_host_id_fkey FOREIGN KEY(host_id) REFERENCES host (id),
    CONSTRAINT task_parent_fkey FOREIGN KEY(parent) REFERENCES task (id),
    CONSTRAINT task_owner_fkey FOREIGN KEY(owner) REFERENCES users (id)
);

CREATE INDEX task_by_host ON task (host_id);

CREATE INDEX task_by_no_parent_state_method ON task (parent, state, method) WHERE parent IS NULL;

CREATE INDEX task_by_state ON task (state);

CREATE TABLE build (
    id SERIAL NOT NULL,
    volume_id INTEGER NOT NULL,
    pkg_id INTEGER NOT NULL,
    version TEXT NOT NULL,
    release TEXT NOT NULL,
    epoch INTEGER,
    draft BOOLEAN DEFAULT false NOT NULL,
    source TEXT,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    start_time TIMESTAMP WITH TIME ZONE,
    completion_time TIMESTAMP WITH TIME ZONE,
    promotion_time TIMESTAMP WITH TIME ZONE,
    state INTEGER NOT NULL,
    task_id INTEGER,
    owner INTEGER NOT NULL,
    promoter INTEGER,
    cg_id INTEGER,
    extra TEXT,
    CONSTRAINT build_pkey PRIMARY KEY (id),
    CONSTRAINT build_pkg_ver_rel UNIQUE (pkg_id, version, release),
    CONSTRAINT draft_for_rpminfo UNIQUE (id, draft),
    CONSTRAINT completion_sane CHECK ((state = 0 AND completion_time IS NULL) OR (state <> 0 AND completion_time IS NOT NULL)),
    CONSTRAINT promotion_sane CHECK (NOT draft OR (promotion_time IS NULL AND promoter IS NULL)),
    CONSTRAINT draft_release_sane CHECK (NOT draft OR release ~ (',draft_' || id || '$')),
    CONSTRAINT build_volume_id_fkey FOREIGN KEY(volume_id) REFERENCES volume (id),
    CONSTRAINT build_pkg_id_fkey FOREIGN KEY(pkg_id) REFERENCES package (id) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT build_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT build_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id),
    CONSTRAINT build_owner_fkey FOREIGN KEY(owner) REFERENCES users (id),
    CONSTRAINT build_promoter_fkey FOREIGN KEY(promoter) REFERENCES users (id),
    CONSTRAINT build_cg_id_fkey FOREIGN KEY(cg_id) REFERENCES content_generator (id)
);

CREATE INDEX build_by_pkg_id ON build (pkg_id);

CREATE INDEX build_completion ON build (completion_time);

CREATE TABLE repo (
    id SERIAL NOT NULL,
    creation_time TIMESTAMP WITH TIME ZONE DEFAULT now(),
    create_event INTEGER DEFAULT get_event() NOT NULL,
    state_time TIMESTAMP WITH TIME ZONE DEFAULT now(),
    begin_event INTEGER,
    end_event INTEGER,
    tag_id INTEGER NOT NULL,
    state INTEGER,
    dist BOOLEAN DEFAULT false,
    opts JSONB,
    custom_opts JSONB,
    task_id INTEGER,
    CONSTRAINT repo_pkey PRIMARY KEY (id),
    CONSTRAINT repo_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT repo_begin_event_fkey FOREIGN KEY(begin_event) REFERENCES events (id),
    CONSTRAINT repo_end_event_fkey FOREIGN KEY(end_event) REFERENCES events (id),
    CONSTRAINT repo_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT repo_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id)
);

CREATE TABLE scheduler_log_messages (
    id SERIAL NOT NULL,
    task_id INTEGER,
    host_id INTEGER,
    msg_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    msg TEXT NOT NULL,
    CONSTRAINT scheduler_log_messages_pkey PRIMARY KEY (id),
    CONSTRAINT scheduler_log_messages_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id),
    CONSTRAINT scheduler_log_messages_host_id_fkey FOREIGN KEY(host_id) REFERENCES host (id)
);

CREATE TABLE scheduler_task_refusals (
    id SERIAL NOT NULL,
    task_id INTEGER NOT NULL,
    host_id INTEGER NOT NULL,
    by_host BOOLEAN NOT NULL,
    soft BOOLEAN DEFAULT false NOT NULL,
    msg TEXT,
    time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT scheduler_task_refusals_pkey PRIMARY KEY (id),
    CONSTRAINT scheduler_task_refusals_task_id_host_id_key UNIQUE (task_id, host_id),
    CONSTRAINT scheduler_task_refusals_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id),
    CONSTRAINT scheduler_task_refusals_host_id_fkey FOREIGN KEY(host_id) REFERENCES host (id)
);

CREATE TABLE scheduler_task_runs (
    id SERIAL NOT NULL,
    task_id INTEGER NOT NULL,
    host_id INTEGER NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    create_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT scheduler_task_runs_pkey PRIMARY KEY (id),
    CONSTRAINT scheduler_task_runs_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id),
    CONSTRAINT scheduler_task_runs_host_id_fkey FOREIGN KEY(host_id) REFERENCES host (id)
);

CREATE INDEX scheduler_task_runs_create_time ON scheduler_task_runs (create_time);

CREATE INDEX scheduler_task_runs_host ON scheduler_task_runs (host_id);

CREATE INDEX scheduler_task_runs_task ON scheduler_task_runs (task_id);

CREATE TABLE archiveinfo (
    id SERIAL NOT NULL,
    type_id INTEGER NOT NULL,
    btype_id INTEGER,
    build_id INTEGER NOT NULL,
    buildroot_id INTEGER,
    filename TEXT NOT NULL,
    size BIGINT NOT NULL,
    checksum TEXT NOT NULL,
    checksum_type INTEGER NOT NULL,
    metadata_only BOOLEAN DEFAULT false NOT NULL,
    extra TEXT,
    CONSTRAINT archiveinfo_pkey PRIMARY KEY (id),
    CONSTRAINT archiveinfo_type_id_fkey FOREIGN KEY(type_id) REFERENCES archivetypes (id),
    CONSTRAINT archiveinfo_btype_id_fkey FOREIGN KEY(btype_id) REFERENCES btype (id),
    CONSTRAINT archiveinfo_build_id_fkey FOREIGN KEY(build_id) REFERENCES build (id),
    CONSTRAINT archiveinfo_buildroot_id_fkey FOREIGN KEY(buildroot_id) REFERENCES buildroot (id)
);

CREATE INDEX archiveinfo_build_idx ON archiveinfo (build_id);

CREATE INDEX archiveinfo_buildroot_idx ON archiveinfo (buildroot_id);

CREATE INDEX archiveinfo_filename_idx ON archiveinfo (filename);

CREATE INDEX archiveinfo_type_idx ON archiveinfo (type_id);

CREATE TABLE build_reservations (
    build_id INTEGER NOT NULL,
    token VARCHAR(64),
    created TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT build_reservations_pkey PRIMARY KEY (build_id),
    CONSTRAINT build_reservations_build_id_fkey FOREIGN KEY(build_id) REFERENCES build (id)
);

CREATE INDEX build_reservations_created ON build_reservations (created);

CREATE TABLE build_types (
    build_id INTEGER NOT NULL,
    btype_id INTEGER NOT NULL,
    CONSTRAINT build_types_pkey PRIMARY KEY (build_id, btype_id),
    CONSTRAINT build_types_build_id_fkey FOREIGN KEY(build_id) REFERENCES build (id),
    CONSTRAINT build_types_btype_id_fkey FOREIGN KEY(btype_id) REFERENCES btype (id)
);

CREATE TABLE image_builds (
    build_id INTEGER NOT NULL,
    CONSTRAINT image_builds_pkey PRIMARY KEY (build_id),
    CONSTRAINT image_builds_build_id_fkey FOREIGN KEY(build_id) REFERENCES build (id)
);

CREATE TABLE maven_builds (
    build_id INTEGER NOT NULL,
    group_id TEXT NOT NULL,
    artifact_id TEXT NOT NULL,
    version TEXT NOT NULL,
    CONSTRAINT maven_builds_pkey PRIMARY KEY (build_id),
    CONSTRAINT maven_builds_build_id_fkey FOREIGN KEY(build_id) REFERENCES build (id)
);

CREATE TABLE repo_queue (
    id SERIAL NOT NULL,
    create_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    owner INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    at_event INTEGER,
    min_event INTEGER,
    opts JSONB NOT NULL,
    update_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    task_id INTEGER,
    tries INTEGER DEFAULT 0 NOT NULL,
    repo_id INTEGER,
    CONSTRAINT repo_queue_pkey PRIMARY KEY (id),
    CONSTRAINT only_one_event CHECK (at_event IS NULL OR min_event IS NULL),
    CONSTRAINT active_sane CHECK (NOT active OR repo_id IS NULL),
    CONSTRAINT repo_queue_owner_fkey FOREIGN KEY(owner) REFERENCES users (id),
    CONSTRAINT repo_queue_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT repo_queue_at_event_fkey FOREIGN KEY(at_event) REFERENCES events (id),
    CONSTRAINT repo_queue_min_event_fkey FOREIGN KEY(min_event) REFERENCES events (id),
    CONSTRAINT repo_queue_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id),
    CONSTRAINT repo_queue_repo_id_fkey FOREIGN KEY(repo_id) REFERENCES repo (id)
);

CREATE TABLE rpminfo (
    id SERIAL NOT NULL,
    build_id INTEGER,
    buildroot_id INTEGER,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    release TEXT NOT NULL,
    epoch INTEGER,
    arch VARCHAR(16) NOT NULL,
    draft BOOLEAN,
    external_repo_id INTEGER NOT NULL,
    payloadhash TEXT NOT NULL,
    size BIGINT NOT NULL,
    buildtime BIGINT NOT NULL,
    metadata_only BOOLEAN DEFAULT false NOT NULL,
    extra TEXT,
    CONSTRAINT rpminfo_pkey PRIMARY KEY (id),
    CONSTRAINT rpminfo_build_id_draft_fkey FOREIGN KEY(build_id, draft) REFERENCES build (id, draft) ON UPDATE CASCADE,
    CONSTRAINT build_id_draft_external_repo_id_sane CHECK ((draft IS NULL AND build_id IS NULL AND external_repo_id <> 0) OR (draft IS NOT NULL AND build_id IS NOT NULL AND external_repo_id = 0)),
    CONSTRAINT rpminfo_buildroot_id_fkey FOREIGN KEY(buildroot_id) REFERENCES buildroot (id),
    CONSTRAINT rpminfo_external_repo_id_fkey FOREIGN KEY(external_repo_id) REFERENCES external_repo (id)
);

CREATE INDEX rpminfo_build ON rpminfo (build_id);

CREATE INDEX rpminfo_filename ON rpminfo ((name || '-' || version || '-' || release || '.' || arch || '.rpm')) INCLUDE (id);

CREATE INDEX rpminfo_nvra ON rpminfo (name, version, release, arch, external_repo_id);

CREATE UNIQUE INDEX rpminfo_unique_nvra_not_draft ON rpminfo (name, version, release, arch, external_repo_id) WHERE draft IS NOT TRUE;

CREATE TABLE standard_buildroot (
    buildroot_id INTEGER NOT NULL,
    host_id INTEGER NOT NULL,
    repo_id INTEGER NOT NULL,
    task_id INTEGER NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    retire_event INTEGER,
    state INTEGER,
    CONSTRAINT standard_buildroot_pkey PRIMARY KEY (buildroot_id),
    CONSTRAINT standard_buildroot_buildroot_id_fkey FOREIGN KEY(buildroot_id) REFERENCES buildroot (id),
    CONSTRAINT standard_buildroot_host_id_fkey FOREIGN KEY(host_id) REFERENCES host (id),
    CONSTRAINT standard_buildroot_repo_id_fkey FOREIGN KEY(repo_id) REFERENCES repo (id),
    CONSTRAINT standard_buildroot_task_id_fkey FOREIGN KEY(task_id) REFERENCES task (id),
    CONSTRAINT standard_buildroot_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id)
);

CREATE TABLE tag_listing (
    build_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    create_event INTEGER DEFAULT get_event() NOT NULL,
    revoke_event INTEGER,
    creator_id INTEGER NOT NULL,
    revoker_id INTEGER,
    active BOOLEAN DEFAULT true,
    CONSTRAINT tag_listing_pkey PRIMARY KEY (create_event, build_id, tag_id),
    CONSTRAINT tag_listing_build_id_tag_id_active_key UNIQUE (build_id, tag_id, active),
    CONSTRAINT tag_listing_active_check CHECK (active),
    CONSTRAINT active_revoke_sane CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT tag_listing_build_id_fkey FOREIGN KEY(build_id) REFERENCES build (id),
    CONSTRAINT tag_listing_tag_id_fkey FOREIGN KEY(tag_id) REFERENCES tag (id),
    CONSTRAINT tag_listing_create_event_fkey FOREIGN KEY(create_event) REFERENCES events (id),
    CONSTRAINT tag_listing_revoke_event_fkey FOREIGN KEY(revoke_event) REFERENCES events (id),
    CONSTRAINT tag_listing_creator_id_fkey FOREIGN KEY(creator_id) REFERENCES users (id),
    CONSTRAINT tag_listing_revoker_id_fkey FOREIGN KEY(revoker_id) REFERENCES users (id)
);

CREATE INDEX tag_listing_tag_id_key ON tag_listing (tag_id);

CREATE TABLE win_builds (
    build_id INTEGER NOT NULL,
    platform TEXT NOT NULL,
    CONSTRAINT win_builds_pkey PRIMARY KEY (build_id),
    CONSTRAINT win_builds_build_id_fkey FOREIGN KEY(build_id) REFERENCES build (id)
);

CREATE TABLE archive_components (
    archive_id INTEGER NOT NULL,
    component_id INTEGER NOT NULL,
    CONSTRAINT archive_components_archive_id_component_id_key UNIQUE (archive_id, component_id),
    CONSTRAINT archive_components_archive_id_fkey FOREIGN KEY(archive_id) REFERENCES archiveinfo (id),
    CONSTRAINT archive_components_component_id_fkey FOREIGN KEY(component_id) REFERENCES archiveinfo (id)
);

CREATE INDEX archive_components_idx ON archive_components (component_id);

CREATE TABLE archive_rpm_components (
    archive_id INTEGER NOT NULL,
    rpm_id INTEGER NOT NULL,
    CONSTRAINT archive_rpm_components_archive_id_rpm_id_key UNIQUE (archive_id, rpm_id),
    CONSTRAINT archive_rpm_components_archive_id_fkey FOREIGN KEY(archive_id) REFERENCES archiveinfo (id),
    CONSTRAINT archive_rpm_components_rpm_id_fkey FOREIGN KEY(rpm_id) REFERENCES rpminfo (id)
);

CREATE INDEX rpm_components_idx ON archive_rpm_components (rpm_id);

CREATE TABLE buildroot_archives (
    buildroot_id INTEGER NOT NULL,
    archive_id INTEGER NOT NULL,
    project_dep BOOLEAN NOT NULL,
    CONSTRAINT buildroot_archives_pkey PRIMARY KEY (buildroot_id, archive_id),
    CONSTRAINT buildroot_archives_buildroot_id_fkey FOREIGN KEY(buildroot_id) REFERENCES buildroot (id),
    CONSTRAINT buildroot_archives_archive_id_fkey FOREIGN KEY(archive_id) REFERENCES archiveinfo (id)
);

CREATE INDEX buildroot_archives_archive_idx ON buildroot_archives (archive_id);

CREATE TABLE buildroot_listing (
    buildroot_id INTEGER NOT NULL,
    rpm_id INTEGER NOT NULL,
    is_update BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT buildroot_listing_buildroot_id_rpm_id_key UNIQUE (buildroot_id, rpm_id),
    CONSTRAINT buildroot_listing_buildroot_id_fkey FOREIGN KEY(buildroot_id) REFERENCES buildroot (id),
    CONSTRAINT buildroot_listing_rpm_id_fkey FOREIGN KEY(rpm_id) REFERENCES rpminfo (id)
);

CREATE INDEX buildroot_listing_rpms ON buildroot_listing (rpm_id);

CREATE TABLE image_archives (
    archive_id INTEGER NOT NULL,
    arch VARCHAR(16) NOT NULL,
    CONSTRAINT image_archives_pkey PRIMARY KEY (archive_id),
    CONSTRAINT image_archives_archive_id_fkey FOREIGN KEY(archive_id) REFERENCES archiveinfo (id)
);

CREATE TABLE maven_archives (
    archive_id INTEGER NOT NULL,
    group_id TEXT NOT NULL,
    artifact_id TEXT NOT NULL,
    version TEXT NOT NULL,
    CONSTRAINT maven_archives_pkey PRIMARY KEY (archive_id),
    CONSTRAINT maven_archives_archive_id_fkey FOREIGN KEY(archive_id) REFERENCES archiveinfo (id)
);

CREATE TABLE rpm_checksum (
    rpm_id INTEGER NOT NULL,
    sigkey TEXT NOT NULL,
    checksum TEXT NOT NULL,
    checksum_type SMALLINT NOT NULL,
    CONSTRAINT rpm_checksum_pkey PRIMARY KEY (rpm_id, sigkey, checksum_type),
    CONSTRAINT rpm_checksum_checksum_key UNIQUE (checksum),
    CONSTRAINT rpm_checksum_rpm_id_fkey FOREIGN KEY(rpm_id) REFERENCES rpminfo (id)
);

CREATE INDEX rpm_checksum_rpm_id ON rpm_checksum (rpm_id);

CREATE TABLE rpmsigs (
    rpm_id INTEGER NOT NULL,
    sigkey TEXT NOT NULL,
    sighash TEXT NOT NULL,
    CONSTRAINT rpmsigs_no_resign UNIQUE (rpm_id, sigkey),
    CONSTRAINT rpmsigs_rpm_id_fkey FOREIGN KEY(rpm_id) REFERENCES rpminfo (id)
);

CREATE TABLE win_archives (
    archive_id INTEGER NOT NULL,
    relpath TEXT NOT NULL,
    platforms TEXT NOT NULL,
    flags TEXT,
    CONSTRAINT win_archives_pkey PRIMARY KEY (archive_id),
    CONSTRAINT win_archives_archive_id_fkey FOREIGN KEY(archive_id) REFERENCES archiveinfo (id)
);

GRANT SELECT ON build, package, task, tag, tag_listing, tag_config, tag_inheritance, tag_packages, rpminfo TO PUBLIC;
