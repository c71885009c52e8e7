"""API v3: what the published clients speak (copr.md, section 2)."""

from __future__ import annotations

from . import (
    builds,
    chroots,
    docs,
    general,
    more,
    packages,
    permissions,
    projects,
)
from .endpoint import BLUEPRINT

__all__ = ["BLUEPRINT", "builds", "chroots", "docs", "general", "more", "packages", "permissions", "projects"]
