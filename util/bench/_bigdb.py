"""A made-up database of the size of a large distribution's, for benchmarks.

At scale 1: 25,000 packages, 150,000 builds, 3 million rpms, 300,000 finished tasks. The tag `f43-build`
shows 24,000 builds through three tags, `deep0` the same packages spread over a chain of 21 tags (20 links).
Everything is made by a few statements in the database itself: rows sent from here would take an hour.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, NullPool, bindparam, create_engine, text

from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_schema import upgrade

PACKAGES = 25_000
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "8GB",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "512MB",
    "max_parallel_maintenance_workers": "2",
}
_MARK = "complete"
_LARGE = ["build", "rpminfo", "tag_listing", "tag_packages", "task"]

# :p is the number of packages; events are multiples of it, so that history has one shape at every scale.
_STATEMENTS = (
    """INSERT INTO users(id, name, status, usertype)
       SELECT g, 'user' || g, 0, 0 FROM generate_series(1, 3000) g""",
    """INSERT INTO events(id, time) SELECT g, now() - interval '3 years' + g * interval '60 seconds'
       FROM generate_series(1, :p * 24) g ON CONFLICT DO NOTHING""",
    """INSERT INTO package(id, name) SELECT g, 'pkg' || g FROM generate_series(1, :p) g""",
    """INSERT INTO tag(id, name) VALUES (1, 'f43'), (2, 'f43-build'), (3, 'f43-override')""",
    """INSERT INTO tag(id, name) SELECT 10 + g, 'deep' || g FROM generate_series(0, 20) g""",
    """INSERT INTO tag_config(tag_id, arches, create_event, creator_id)
       SELECT id, 'x86_64 aarch64 ppc64le s390x i686', 1, 1 FROM tag""",
    """INSERT INTO tag_inheritance(tag_id, parent_id, priority, create_event, creator_id)
       VALUES (2, 3, 0, 1, 1), (3, 1, 0, 1, 1)""",
    """INSERT INTO tag_inheritance(tag_id, parent_id, priority, create_event, creator_id)
       SELECT 10 + g, 11 + g, 0, 1, 1 FROM generate_series(0, 19) g""",
    """INSERT INTO build(id, volume_id, pkg_id, version, release, create_event, start_time, completion_time,
                         state, owner)
       SELECT g, 0, (g - 1) % :p + 1, '1.' || g / :p, '1.fc43', g % (:p * 23) + 1,
              now() - (:p * 6 - g + 2) * interval '10 minutes', now() - (:p * 6 - g) * interval '10 minutes',
              1, g % 3000 + 1
       FROM generate_series(1, :p * 6) g""",
    """INSERT INTO rpminfo(id, build_id, name, version, release, arch, draft, external_repo_id, payloadhash,
                           size, buildtime)
       SELECT (b.id - 1) * 20 + k, b.id,
              'pkg' || b.pkg_id || CASE WHEN k = 1 THEN '' WHEN k <= 6 THEN '-devel' WHEN k <= 11 THEN '-libs'
                  WHEN k <= 16 THEN '-debuginfo' WHEN k = 17 THEN '-doc' ELSE '-sub' || k END,
              b.version, b.release,
              CASE WHEN k = 1 THEN 'src' WHEN k >= 17 THEN 'noarch'
                  ELSE (ARRAY['x86_64', 'aarch64', 'ppc64le', 's390x', 'i686'])[(k - 2) % 5 + 1] END,
              false, 0, md5((b.id * 20 + k)::text), 123456 + k, 1700000000
       FROM build b, generate_series(1, 20) k""",
    """INSERT INTO tag_packages(package_id, tag_id, blocked, create_event, creator_id)
       SELECT g, 1, g > :p * 24 / 25, 1, 1 FROM generate_series(1, :p) g""",
    """INSERT INTO tag_package_owners(package_id, tag_id, owner, create_event, creator_id)
       SELECT g, 1, 1, 1, 1 FROM generate_series(1, :p) g""",
    """INSERT INTO tag_listing(build_id, tag_id, create_event, creator_id)
       SELECT id, 1, create_event, 1 FROM build WHERE id > :p * 5""",
    """INSERT INTO tag_listing(build_id, tag_id, create_event, revoke_event, creator_id, revoker_id, active)
       SELECT id, 1, create_event, :p * 24 - 5, 1, 1, NULL FROM build WHERE id <= :p * 5""",
    """INSERT INTO tag_packages(package_id, tag_id, create_event, creator_id)
       SELECT g, 10 + g % 21, 1, 1 FROM generate_series(1, :p * 24 / 25) g""",
    """INSERT INTO tag_listing(build_id, tag_id, create_event, creator_id)
       SELECT id, 10 + pkg_id % 21, create_event, 1 FROM build
       WHERE id > :p * 5 AND pkg_id <= :p * 24 / 25""",
    """INSERT INTO task(id, state, create_time, start_time, completion_time, channel_id, owner, method,
                        request, result, arch, priority, label)
       SELECT g, 2, now() - (:p * 12 - g + 3) * interval '1 minute',
              now() - (:p * 12 - g + 2) * interval '1 minute',
              now() - (:p * 12 - g) * interval '1 minute', 1, g % 3000 + 1, 'build',
              '<?xml version=''1.0''?><methodCall><methodName>build</methodName>'
                  || '<params><param><value><string>git://x/pkg' || g || '#' || md5(g::text)
                  || '</string></value></param></params></methodCall>',
              '<?xml version=''1.0''?><methodResponse><params><param><value><int>' || g
                  || '</int></value></param></params></methodResponse>',
              'noarch', 20, NULL
       FROM generate_series(1, :p * 12) g""",
    """SELECT setval('users_id_seq', 3000), setval('events_id_seq', :p * 24), setval('package_id_seq', :p),
              setval('tag_id_seq', 100), setval('build_id_seq', :p * 6), setval('rpminfo_id_seq', :p * 120),
              setval('task_id_seq', :p * 12)""",
)


@contextmanager
def big_database(scale: float, keep: Path | None) -> Iterator[str]:
    """The DSN of a database of that scale on a server of its own.

    With `keep`, a directory that root's server account may pass, the database stays there and is used
    again; it is brought to the newest revision of the schema either way.
    """
    place = Path(tempfile.mkdtemp(prefix="moromi-bigdb-")) if keep is None else keep / f"scale-{scale:g}"
    place.mkdir(mode=0o711, parents=True, exist_ok=True)
    place.chmod(0o711)
    try:
        with EmbeddedPostgres(place, settings=SETTINGS) as server:
            mark = place / _MARK
            engine = create_engine(server.dsn, poolclass=NullPool)
            upgrade.upgrade(engine)
            if not mark.exists():
                started = time.perf_counter()
                with engine.begin() as connection:
                    fill(connection, round(PACKAGES * scale))
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.execute(text("VACUUM ANALYZE"))
                print(f"database made in {time.perf_counter() - started:.0f} s", flush=True)
                mark.touch()
            yield server.dsn
    finally:
        if keep is None:
            shutil.rmtree(place)


def fill(connection: Connection, packages: int) -> None:
    """Put everything into a fresh database."""
    with _without_checks(connection):
        for statement in _STATEMENTS:
            connection.execute(text(statement), {"p": packages} if ":p" in statement else {})


@contextmanager
def _without_checks(connection: Connection) -> Iterator[None]:
    """Indexes and foreign keys of the large tables are dropped, and made again at the end.

    To check three million rows one by one, and to keep their indexes meanwhile, takes minutes.
    """
    tables = {"tables": _LARGE}
    keys = connection.execute(_FOREIGN_KEYS, tables).all()
    indexes = connection.execute(_INDEXES, tables).all()
    for row in [*keys, *indexes]:
        connection.exec_driver_sql(row.gone)
    yield
    for row in [*indexes, *keys]:
        connection.exec_driver_sql(row.made)


_FOREIGN_KEYS = text(
    """SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS gone,
              format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
                  pg_get_constraintdef(oid)) AS made
       FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text IN :tables"""
).bindparams(bindparam("tables", expanding=True))
_INDEXES = text(
    """SELECT format('DROP INDEX %s', indexrelid::regclass) AS gone, pg_get_indexdef(indexrelid) AS made
       FROM pg_index i
       WHERE indrelid::regclass::text IN :tables
         AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)"""
).bindparams(bindparam("tables", expanding=True))
