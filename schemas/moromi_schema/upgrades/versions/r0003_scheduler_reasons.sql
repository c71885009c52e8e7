CREATE TABLE IF NOT EXISTS moromi_scheduler_reasons (
    id SERIAL NOT NULL,
    task_id INTEGER,
    host_id INTEGER,
    msg TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT moromi_scheduler_reasons_pkey PRIMARY KEY (id),
    CONSTRAINT moromi_scheduler_reasons_one CHECK ((task_id IS NULL) <> (host_id IS NULL)),
    CONSTRAINT moromi_scheduler_reasons_task_id_key UNIQUE (task_id),
    CONSTRAINT moromi_scheduler_reasons_host_id_key UNIQUE (host_id),
    CONSTRAINT moromi_scheduler_reasons_task_id_fkey FOREIGN KEY (task_id) REFERENCES task (id) ON DELETE CASCADE,
    CONSTRAINT moromi_scheduler_reasons_host_id_fkey FOREIGN KEY (host_id) REFERENCES host (id) ON DELETE CASCADE
);
