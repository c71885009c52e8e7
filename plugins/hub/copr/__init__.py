"""Projects for everyone: what anyone may create, build in and share (copr.md).

The services are one module for each subject (`projects`, `chroots`, `permissions`, `packages`,
`builds`, `publishing`), over the SQL in `*_queries`; `entities` says what they are made of on
the hub. The faces on top are `api_3`, and whatever else speaks HTTP.
"""

from __future__ import annotations

from .publishing import JOB
from .settings import CONFIG
from .tables import SCHEMA

__all__ = ["CONFIG", "JOB", "SCHEMA"]
