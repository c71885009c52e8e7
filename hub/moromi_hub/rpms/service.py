"""Which rpm is meant, and rpms of external repos (spec: data-model.md sections 0.2 and 6.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moromi.constants import INTERNAL_REPO_ID
from moromi.errors import GenericError
from moromi.names import nvra, parse_NVRA
from moromi_hub.arguments import expect, fits_id
from moromi_hub.call import Call
from moromi_hub.db.lookup import find_row
from moromi_hub.rpms import list_queries, queries
from moromi_schema import tables as t

LIST_KEYS = list_queries.KEYS

Rpm = dict[str, Any]


def get_rpm(call: Call, info: Any, strict: bool = False, multi: bool = False) -> Any:
    """`getRPM`: the record of an rpm by id, digits, `N-V-R.A[.rpm][@repo]` or map.

    With `multi` a list of all that match, else the preferred one or None. Raises
    GenericError for what cannot be an rpm's name, and `No such rpm: …` with `strict`.
    """
    spec = _spec(info)
    found = queries.find(call.tx, _conditions(call, spec)) if fits_id(spec.get("id", 0)) else []
    if not found and strict:
        raise GenericError(f"No such rpm: {spec!r}")
    if multi:
        return sorted(found, key=lambda row: row["id"])
    return found[0] if found else None


def require_rpm(call: Call, info: Any) -> Rpm:
    """The preferred rpm. Raises GenericError `No such rpm: …`."""
    found: Rpm = get_rpm(call, info, strict=True)
    return found


def require_internal(call: Call, info: Any) -> Rpm:
    """An rpm that is a build's. Raises GenericError for an unknown one and for one of an external repo."""
    rpm = require_rpm(call, info)
    if rpm["external_repo_id"] != INTERNAL_REPO_ID:
        shown = info if isinstance(info, (int, str)) else nvra(rpm)
        raise GenericError(f"Not an internal rpm: {shown} (from {rpm['external_repo_name']})")
    return rpm


def _spec(info: Any) -> dict[str, Any]:
    if isinstance(info, int) and not isinstance(info, bool):
        return {"id": info}
    if isinstance(info, str):
        if info.isascii() and info.isdigit():
            return {"id": int(info)}
        return dict(parse_NVRA(info))
    if isinstance(info, Mapping):
        return dict(info)
    raise GenericError(f"Invalid type for rpminfo: {type(info)}")


def _conditions(call: Call, spec: Mapping[str, Any]) -> dict[str, Any]:
    if "id" in spec:
        return {"id": spec["id"]}
    missing = [key for key in queries.NVRA_KEYS if key not in spec]
    if missing:
        raise GenericError(f"Invalid rpminfo, no {missing[0]}: {dict(spec)!r}")
    where = {key: str(spec[key]) for key in queries.NVRA_KEYS}
    location = spec.get("location")
    return {**where, "external_repo_id": repo_id(call, location)} if location is not None else where


def repo_id(call: Call, location: Any) -> int:
    """The id of an external repo by name or id. Raises GenericError `No such entry in table …`."""
    found = find_row(call.tx, t.external_repo, location, strict=True)
    assert found is not None
    return int(found["id"])


def add_rpms(call: Call, rpms: Sequence[Mapping[str, Any]]) -> list[int]:
    """Make the entries of rpms of one build and return their ids; nothing is checked but that names are new.

    Raises GenericError `rpm already exists: …`. The unique index on names decides
    between two imports of one name; drafts may share names, but not within a build.
    """
    taken = queries.names_of_build(call.tx, rpms[0]["build_id"]) if rpms[0]["draft"] else set()
    rows = [{**rpm, "extra": _json(rpm.get("extra"))} for rpm in rpms]
    names = [_name(rpm) for rpm in rpms]
    for name, rpm in zip(names, rpms, strict=True):
        if name in taken:
            raise _exists(rpm)
        taken.add(name)
    made = queries.add_many(call.tx, rows)
    for name, rpm in zip(names, rpms, strict=True):
        if name not in made:
            raise _exists(rpm)
    return [made[name] for name in names]


def _name(rpm: Mapping[str, Any]) -> queries.Nvra:
    return tuple(rpm[key] for key in queries.NVRA_KEYS)


def _json(extra: Any) -> str | None:
    return None if extra is None else json.dumps(extra)


def _exists(rpm: Mapping[str, Any]) -> GenericError:
    return GenericError(f"rpm already exists: {nvra(rpm)}")


def arches_of(call: Call, build_id: int) -> set[str]:
    """The arches that a build has rpms for, `src` and `noarch` included."""
    return queries.arches_of(call.tx, build_id)


def refuse_drafts(call: Call, ids: Sequence[int]) -> None:
    """Raise GenericError `Draft rpm not supported` if one of the rpms is a draft's."""
    if ids and queries.any_draft(call.tx, ids):
        raise GenericError("Draft rpm not supported")


def forget_build(call: Call, build_id: int) -> None:
    """Delete the rows of a build's rpms and of where they were used; not of their signatures."""
    queries.remove_of_build(call.tx, build_id)


# many at once


def has_rpms(call: Call, build_id: int) -> bool:
    """Whether a build has rpms."""
    return queries.of_build(call.tx, build_id)


def list_of_builds(
    call: Call, build_ids: Sequence[int], sources: bool, debuginfo: bool, write: Callable[[bytes], object]
) -> None:
    """Give `write` a line for each rpm of builds, in the order of these: `LIST_KEYS` with tabs between.

    They are as in JSON (but for the quotes of texts) and as COPY writes them (backslashes doubled).
    """
    call.tx.copy(list_queries.of_builds(build_ids, sources, debuginfo), write)


def resolve(call: Call, specs: Sequence[Any]) -> list[int]:
    """The ids of the rpms of a buildroot's listing, in its order.

    Each spec is a map with `id`, or a name, version, release and arch; one with
    `location` is an external rpm and is added if it is new. The number of
    statements does not depend on the number of specs. Raises GenericError
    `No such rpm: …` and as `add_external`.
    """
    wanted = [_spec(spec) for spec in specs]
    if not wanted:
        return []
    known = [spec for spec in wanted if "id" in spec]
    existing = queries.existing_ids(call.tx, [spec["id"] for spec in known]) if known else set()
    for spec in known:
        if spec["id"] not in existing:
            raise GenericError(f"No such rpm: {spec!r}")
    named = [spec for spec in wanted if "id" not in spec]
    _place(call, named)
    found = queries.find_many(call.tx, named) if named else {}
    found = _with_new(call, named, found)
    ids = iter(found[position]["id"] for position in range(len(named)))
    return [spec["id"] if "id" in spec else next(ids) for spec in wanted]


def match_internal(call: Call, specs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
    """`{id, payloadhash}` of the rpm of a build for each name, version, release and arch; None on a miss."""
    wanted = [{**spec, "external_repo_id": INTERNAL_REPO_ID} for spec in specs]
    found = queries.find_many(call.tx, wanted) if wanted else {}
    return [found.get(position) for position in range(len(wanted))]


def _place(call: Call, specs: Sequence[dict[str, Any]]) -> None:
    """Check what is given, and turn `location` (id or name of an external repo) into `external_repo_id`."""
    names, ids = set(), set()
    for spec in specs:
        missing = [key for key in queries.NVRA_KEYS if key not in spec]
        if missing:
            raise GenericError(f"{missing[0]} field missing: {spec!r}")
        location = spec.get("location")
        if location is not None:
            _check_external(spec)
        if isinstance(location, str):
            names.add(location)
        elif location is not None:
            ids.add(expect(location, int))
    by_name = queries.external_repo_ids(call.tx, sorted(names)) if names else {}
    known = queries.existing_repo_ids(call.tx, sorted(ids)) if ids else set()
    for spec in specs:
        location = spec.get("location")
        if location is None:
            continue
        if location not in (by_name if isinstance(location, str) else known):
            raise GenericError(f"No such entry in table external_repo: {location}")
        spec["external_repo_id"] = by_name[location] if isinstance(location, str) else location


def _with_new(
    call: Call, specs: Sequence[dict[str, Any]], found: dict[int, dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Add the external rpms that are new; `found` completed."""
    new = []
    for position, spec in enumerate(specs):
        external = spec.get("external_repo_id") not in (None, INTERNAL_REPO_ID)
        if position not in found:
            if not external:
                raise GenericError(f"No such rpm: {spec!r}")
            new.append(spec)
        elif external:
            _check_hash(spec, found[position])
    if not new:
        return found
    # In one order for everybody, so that two builders with the same news never wait for each other.
    rows = sorted(map(_external_row, new), key=lambda row: (row["external_repo_id"], nvra(row)))
    queries.add_external(call.tx, rows)
    return found | {
        position: row for position, row in queries.find_many(call.tx, specs).items() if position not in found
    }


_EXTERNAL_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "version": (str,),
    "release": (str,),
    "epoch": (int, type(None)),
    "arch": (str,),
    "payloadhash": (str,),
    "size": (int,),
    "buildtime": (int,),
}


def _check_external(spec: Mapping[str, Any]) -> None:
    for key, kinds in _EXTERNAL_TYPES.items():
        if key not in spec:
            raise GenericError(f"{key} field missing: {dict(spec)!r}")
        if not isinstance(spec[key], kinds) or isinstance(spec[key], bool):
            raise GenericError(f"Invalid value for {key}: {spec[key]!r}")


def _check_hash(spec: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    if spec["payloadhash"] != row["payloadhash"]:
        label = f"{nvra(spec)}@{spec['location']}"
        raise GenericError(
            f"hash changed for external rpm: {label} ({row['payloadhash']} -> {spec['payloadhash']})"
        )


def _external_row(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: spec[key] for key in (*queries.EXTERNAL_KEYS, "external_repo_id")}


def add_external(call: Call, rpm: Mapping[str, Any], repo: Any, strict: bool = True) -> int:
    """Make the entry of an external rpm and return its id.

    Raises GenericError for missing or wrong fields, for an unknown repo, with
    `strict` for one that is there already, and always if that has another hash.
    """
    _check_external(rpm)
    found_repo = find_row(call.tx, t.external_repo, repo, strict=True)
    assert found_repo is not None
    spec = {**rpm, "external_repo_id": found_repo["id"], "location": found_repo["name"]}
    found = queries.find_many(call.tx, [spec])
    if found:
        if strict:
            raise GenericError(f"external rpm already exists: {nvra(spec)}@{found_repo['name']}")
        _check_hash(spec, found[0])
    return int(_with_new(call, [spec], found)[0]["id"])
