"""What a repository's directory says about itself (`repo.json`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from moromi_hub.call import Call


def read_json(directory: Path) -> dict[str, Any]:
    """The facts of `repo.json`; none if there is no such file or it cannot be read."""
    try:
        found = json.loads((directory / "repo.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def belongs(directory: Path, tag_id: int) -> bool:
    """Whether a directory is a repository of a tag, or says nothing of the matter."""
    return bool(read_json(directory).get("tag_id", tag_id) == tag_id)


def other_volume(call: Call, link: Path, repo_id: int, tag: str) -> Path | None:
    """Where a dist repository's link leads, if that is its place on the volume that it names."""
    volume = read_json(link).get("volume")
    if not isinstance(volume, str) or not volume:
        return None
    expected = Path(call.paths.distrepo(repo_id, tag, volume))
    return expected if link.resolve() == expected.resolve() else None
