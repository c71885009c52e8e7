CREATE TABLE IF NOT EXISTS moromi_rpm_metadata (
    rpm_id INTEGER NOT NULL,
    sigkey TEXT NOT NULL,
    sourcerpm TEXT NOT NULL,
    fragment BYTEA NOT NULL,
    pack TEXT NOT NULL,
    pkgid BYTEA NOT NULL,
    file_time BIGINT NOT NULL,
    size BIGINT NOT NULL,
    header_start BIGINT NOT NULL,
    header_end BIGINT NOT NULL,
    CONSTRAINT moromi_rpm_metadata_pkey PRIMARY KEY (rpm_id, sigkey),
    CONSTRAINT moromi_rpm_metadata_rpm_id_fkey FOREIGN KEY (rpm_id) REFERENCES rpminfo (id) ON DELETE CASCADE
);
