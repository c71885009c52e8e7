"""The historic JSON API: coprs and their packages (copr.md, sections 1.1 to 1.5)."""

from __future__ import annotations

from . import coprs, packages
from .endpoint import BLUEPRINT

__all__ = ["BLUEPRINT", "coprs", "packages"]
