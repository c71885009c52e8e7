"""The coordinates of a Maven artifact, from its `.pom` file.

The file comes from a caller: it is parsed without entities and with a limit on its size.
"""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from moromi.errors import BuildError

Coordinates = dict[str, str]
KEYS = {"groupId": "group_id", "artifactId": "artifact_id", "version": "version"}
_MAX_SIZE = 8 << 20


def read_coordinates(path: Path) -> Coordinates:
    """`{group_id, artifact_id, version}` of the project; group and version may be its parent's.

    Raises BuildError for a file that is no such XML or lacks one of them.
    """
    if path.stat().st_size > _MAX_SIZE:
        raise BuildError(f"{path.name} is too large for a .pom file")
    own: Coordinates = {}
    parent: Coordinates = {}
    way: list[str] = []
    text: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        way.append(name.rpartition(":")[2])
        text.clear()

    def end(_name: str) -> None:
        key = KEYS.get(way[-1])
        if key and way[:-1] == ["project"]:
            own.setdefault(key, "".join(text).strip())
        elif key and way[:-1] == ["project", "parent"]:
            parent.setdefault(key, "".join(text).strip())
        way.pop()
        text.clear()

    def refuse(*_declaration: object) -> None:
        raise BuildError(f"{path.name} declares entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        raise BuildError(f"{path.name} is not readable XML: {error}") from error
    parent.pop("artifact_id", None)
    found = {**parent, **own}
    for key in KEYS.values():
        if not found.get(key):
            raise BuildError(f"{path.name} does not state {key}")
    return found
