"""What a document may hold: its keys, their short forms, and errors that name the place.

    permissions:    {NAME: description}
    users:          {NAME: {principals, permissions, enabled}}
    channels:       {NAME: {description, comment, enabled}}
    hosts:          {NAME: {arches, capacity, description, comment, enabled, channels, principals}}
    external-repos: {NAME: URL}
    tags:           {NAME: {arches, locked, permission, maven, maven-include-all, extra, blocked-extra,
                            inheritance, external-repos, groups, packages}}
    targets:        {NAME: {build, dest}}

Checked documents are in full form: lists of arches, links and uses of repositories with every field, groups
and packages as maps.
"""

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import click

from moromi_cli.output import Failure

Check = Callable[[Any, str], Any]
Document = dict[str, dict[str, Any]]

LINK = {"priority": 0, "maxdepth": None, "intransitive": False, "noconfig": False, "filter": ""}
USE = {"priority": 0, "mode": "koji", "arches": None}
GROUP = {
    "display-name": "",
    "description": None,
    "default": None,
    "visible": True,
    "exported": True,
    "langonly": None,
    "biarchonly": False,
    "blocked": False,
}
GROUP_PACKAGE = {"type": "mandatory", "basearchonly": None, "requires": None, "blocked": False}
REQUIREMENT = {"type": "mandatory", "metapkg": False, "blocked": False}
PACKAGE = {"owner": None, "arches": None, "blocked": False}
STEP = 10
"""Distance of the priorities of parents and repositories that are given by name alone."""


def wrong(where: str, what: str) -> Failure:
    """An error in the document."""
    return Failure(f"{where}: {what}")


def text(value: Any, where: str) -> str:
    """A string, or a number that YAML made of one."""
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return str(value)
    raise wrong(where, f"a text is needed, not {value!r}")


def optional(value: Any, where: str) -> str | None:
    """A text, or nothing."""
    return None if value is None else text(value, where)


def flag(value: Any, where: str) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise wrong(where, f"true or false is needed, not {value!r}")


def maybe(value: Any, where: str) -> bool | None:
    """True, false or nothing."""
    return None if value is None else flag(value, where)


def amount(value: Any, where: str) -> float:
    """A number that is not below nought."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return value
    raise wrong(where, f"a number of nought or more is needed, not {value!r}")


def whole(value: Any, where: str) -> int:
    """An integer."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise wrong(where, f"a whole number is needed, not {value!r}")


def maybe_whole(value: Any, where: str) -> int | None:
    """An integer, or nothing."""
    return None if value is None else whole(value, where)


def words(value: Any, where: str) -> list[str]:
    """A list of words, or one string of them."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [text(item, where) for item in value]
    raise wrong(where, f"a list is needed, not {value!r}")


def arches(value: Any, where: str) -> list[str]:
    """Architectures."""
    for name in words(value, where):
        if name.split() != [name]:
            raise wrong(where, f"{name!r} is no architecture")
    return words(value, where)


def some_arches(value: Any, where: str) -> list[str] | None:
    """Architectures, or nothing."""
    return arches(value, where) or None if value is not None else None


def address(value: Any, where: str) -> str:
    """A URL, which the hub looks at."""
    if not text(value, where).strip():
        raise wrong(where, "an address is needed")
    return text(value, where)


def extra(value: Any, where: str) -> Any:
    """What a call can carry. YAML has more: dates, for one."""
    if isinstance(value, Mapping):
        return {text(key, where): extra(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [extra(item, f"{where}[{place}]") for place, item in enumerate(value)]
    fits = isinstance(value, str | bool | None) or (isinstance(value, int) and abs(value) < 2**63)
    if fits or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise wrong(where, f"a text, number, list or map is needed, not {value!r} (quotes make a text of it)")


def mapping(value: Any, where: str) -> dict[str, Any]:
    """A map; nothing is an empty one."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {text(key, where): item for key, item in value.items()}
    raise wrong(where, f"a map is needed, not {value!r}")


def fields(checks: Mapping[str, Check]) -> Check:
    """A map with some of these keys."""

    def check(value: Any, where: str) -> dict[str, Any]:
        found = mapping(value, where)
        for key in found:
            if key not in checks:
                close = get_close_matches(key, checks, n=1, cutoff=0.7)
                meant = f"is it {close[0]}?" if close else f"there are {', '.join(checks)}"
                raise wrong(f"{where}.{key}", f"no such key; {meant}")
        return {key: checks[key](item, f"{where}.{key}") for key, item in found.items()}

    return check


def full(checks: Mapping[str, Check], defaults: Mapping[str, Any]) -> Check:
    """A map with these keys; those that are absent have their defaults."""
    check = fields(checks)
    return lambda value, where: {**defaults, **check(value, where)}


def by_name(check: Check) -> Check:
    """A map of named things, or a list of names."""

    def checked(value: Any, where: str) -> dict[str, Any]:
        named = dict.fromkeys(words(value, where)) if isinstance(value, list | str) else mapping(value, where)
        return {name: check(item, f"{where}.{name}") for name, item in named.items()}

    return checked


def ordered(name_key: str, checks: Mapping[str, Check], defaults: Mapping[str, Any]) -> Check:
    """A list of maps; one may be the name alone, its place gives the priority then."""
    one = full({name_key: text, **checks}, defaults)

    def check(value: Any, where: str) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise wrong(where, f"a list is needed, not {value!r}")
        found: list[dict[str, Any]] = []
        for place, item in enumerate(value):
            given = {name_key: item, "priority": place * STEP} if isinstance(item, str) else item
            entry = one(given, f"{where}[{place}]")
            if name_key not in entry:
                raise wrong(f"{where}[{place}]", f"no {name_key}")
            if entry[name_key] in (other[name_key] for other in found):
                raise wrong(f"{where}[{place}]", f"{entry[name_key]} is there twice")
            found.append(entry)
        return sorted(found, key=lambda entry: (int(entry["priority"]), str(entry[name_key])))

    return check


def package(value: Any, where: str) -> dict[str, Any]:
    """An entry of a package list, or its owner alone."""
    given = {"owner": value} if isinstance(value, str) else value
    check = full({"owner": optional, "arches": some_arches, "blocked": flag}, PACKAGE)
    found: dict[str, Any] = check(given, where)
    return found


def group(value: Any, where: str) -> dict[str, Any]:
    """A group; a list is its packages."""
    given = {"packages": value} if isinstance(value, list) else value
    checks: dict[str, Check] = {
        "display-name": text,
        "description": optional,
        "langonly": optional,
        "packages": by_name(full(GROUP_PACKAGE_CHECKS, GROUP_PACKAGE)),
        "requires": by_name(full(REQUIREMENT_CHECKS, REQUIREMENT)),
    }
    checks |= dict.fromkeys(("default", "visible", "exported", "biarchonly"), maybe)
    checks["blocked"] = flag
    found = {"packages": {}, "requires": {}, **GROUP, **fields(checks)(given, where)}
    found["display-name"] = found["display-name"] or where.rsplit(".", 1)[1]
    return found


GROUP_PACKAGE_CHECKS: dict[str, Check] = {
    "type": text,
    "basearchonly": maybe,
    "requires": optional,
    "blocked": flag,
}
REQUIREMENT_CHECKS: dict[str, Check] = {"type": text, "metapkg": flag, "blocked": flag}
LINK_CHECKS: dict[str, Check] = {
    "priority": whole,
    "maxdepth": maybe_whole,
    "intransitive": flag,
    "noconfig": flag,
    "filter": text,
}
TAG = fields(
    {
        "arches": arches,
        "locked": flag,
        "permission": optional,
        "maven": flag,
        "maven-include-all": flag,
        "extra": lambda value, where: extra(mapping(value, where), where),
        "blocked-extra": words,
        "inheritance": ordered("parent", LINK_CHECKS, LINK),
        "external-repos": ordered("name", {"priority": whole, "mode": text, "arches": some_arches}, USE),
        "groups": by_name(group),
        "packages": by_name(package),
    }
)
HOST = fields(
    {
        "arches": arches,
        "capacity": amount,
        "description": optional,
        "comment": optional,
        "enabled": flag,
        "channels": words,
        "principals": words,
    }
)
SECTIONS: dict[str, Check] = {
    "permissions": by_name(optional),
    "users": by_name(fields({"principals": words, "permissions": words, "enabled": flag})),
    "channels": by_name(fields({"description": optional, "comment": optional, "enabled": flag})),
    "hosts": by_name(HOST),
    "external-repos": by_name(address),
    "tags": by_name(TAG),
    "targets": by_name(fields({"build": text, "dest": text})),
}


def check(data: Any, name: str) -> Document:
    """The document in its full form. Failure, which names the place, for one that makes no sense."""
    found: Document = fields(SECTIONS)(data, name)
    for target, tags in found.get("targets", {}).items():
        for key in ("build", "dest"):
            if key not in tags:
                raise wrong(f"{name}.targets.{target}", f"no {key}")
    for tag, about in found.get("tags", {}).items():
        if tag in (link["parent"] for link in about.get("inheritance", ())):
            raise wrong(f"{name}.tags.{tag}.inheritance", "a tag cannot inherit from itself")
    return found


def load(path: str) -> Document:
    """Read a YAML (or JSON) file; `-` is the standard input.

    Failure for one that cannot be read, makes no sense or is empty: that is rather what a command left that
    broke off than the wish for nothing.
    """
    import yaml

    from moromi_cli.declare.strict import StrictLoader

    try:
        with click.open_file(path, encoding="utf-8") as source:
            found = yaml.load(source, StrictLoader)
    except (OSError, UnicodeDecodeError) as err:
        raise Failure(f"cannot read {path}: {err}") from err
    except yaml.YAMLError as err:
        raise Failure(f"{path} is not YAML: {' '.join(str(err).split())}") from err
    if found is None:
        raise Failure(f"{path} is empty")
    return check(found, path)


def shorten(found: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is as it would be anyway."""
    return {key: value for key, value in found.items() if key not in defaults or value != defaults[key]}


def short(document: Document) -> Document:
    """The document as a person would write it."""
    tags = {name: _short_tag(tag) for name, tag in document.get("tags", {}).items()}
    return {**document, "tags": tags} if tags else document


def _short_tag(tag: dict[str, Any]) -> dict[str, Any]:
    made = dict(tag)
    for key, defaults in (("inheritance", LINK), ("external-repos", USE)):
        if key in made:
            made[key] = [shorten(entry, {**defaults, "priority": ...}) for entry in made[key]]
    if "groups" in made:
        made["groups"] = {name: _short_group(name, entry) for name, entry in made["groups"].items()}
    if "packages" in made:
        made["packages"] = {name: _short_package(entry) for name, entry in made["packages"].items()}
    return made


def _short_group(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    made = shorten(entry, {**GROUP, "display-name": name, "packages": {}, "requires": {}})
    for key, defaults in (("packages", GROUP_PACKAGE), ("requires", REQUIREMENT)):
        if key in made:
            inner = {item: shorten(about, defaults) for item, about in made[key].items()}
            made[key] = inner if any(inner.values()) else list(inner)
    return made


def _short_package(entry: dict[str, Any]) -> Any:
    made = shorten(entry, {**PACKAGE, "owner": ...})
    return made["owner"] if list(made) == ["owner"] else made
