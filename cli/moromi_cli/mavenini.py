"""INI files that describe Maven builds and the RPMs around them (command-line spec, "maven-chain").

A section is a package. `type` is `maven` (the default) or `wrapper`; `scmurl` must be there; keys with
several values are split at blanks, `properties` and `envs` hold one `name=value` a line. Mistakes are
ValueErrors.
"""

from collections.abc import Iterable, Mapping
from configparser import ConfigParser, SectionProxy
from typing import Any

TEXTS = ("patches", "specfile")
LISTS = ("goals", "profiles", "packages", "jvm_options", "maven_options", "buildrequires")
PAIRS = ("properties", "envs")


def read(paths: Iterable[str]) -> ConfigParser:
    """All files as one."""
    paths = list(paths)
    parser = ConfigParser()
    parser.read(paths, encoding="utf-8")
    if not parser.sections():
        raise ValueError(f"No sections found in: {', '.join(paths)}")
    return parser


def one_section(paths: Iterable[str], section: str | None, kind: str) -> dict[str, Any]:
    """The parameters of one section, which is the only one if none is named, and which must be of a kind."""
    paths = list(paths)
    parser = read(paths)
    names = ", ".join(paths)
    if section is None:
        if len(parser.sections()) > 1:
            raise ValueError(f"Multiple sections in: {names}, you must specify the section")
        section = parser.sections()[0]
    elif not parser.has_section(section):
        raise ValueError(f"Section {section} does not exist in: {names}")
    found = parameters(parser[section])
    if found.get("type", "maven") != kind:
        raise ValueError(f"Section {section} does not contain a {kind} config")
    return found


def parameters(section: SectionProxy) -> dict[str, Any]:
    """What a section says."""
    kind = section.get("type", "maven")
    if kind not in ("maven", "wrapper"):
        raise ValueError(f"Unsupported build type: {kind}")
    if not section.get("scmurl"):
        raise ValueError(f"required parameter: scmurl is not in section {section.name}")
    found: dict[str, Any] = {"scmurl": section["scmurl"]}
    if kind == "wrapper":
        needed = section.get("buildrequires", "").split()
        if len(needed) != 1:
            raise ValueError("A wrapper-rpm must depend on exactly one package")
        return {**found, "type": kind, "buildrequires": needed}
    found |= {key: section[key] for key in TEXTS if section.get(key)}
    found |= {key: section[key].split() for key in LISTS if section.get(key)}
    found |= {key: pairs(section[key].splitlines()) for key in PAIRS if section.get(key)}
    return found


def pairs(lines: Iterable[str]) -> dict[str, str | None]:
    """`name=value` each; a name alone has None."""
    found: dict[str, str | None] = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if name:
            found[name] = value if equals else None
    return found


def chain(paths: Iterable[str], scratch: bool) -> dict[str, dict[str, Any]]:
    """All sections; there must be an order in which they can be built. Wrappers make builds, unless for
    scratch.
    """
    parser = read(paths)
    builds = {name: parameters(parser[name]) for name in parser.sections()}
    for build in builds.values():
        if build.get("type") == "wrapper" and not scratch:
            build["create_build"] = True
    check_order({name: set(build.get("buildrequires", ())) for name, build in builds.items()})
    return builds


def check_order(needs: Mapping[str, set[str]]) -> None:
    """ValueError if a package needs itself in the end, or one that is not there."""
    done: set[str] = set()
    while len(done) < len(needs):
        ready = {name for name, needed in needs.items() if name not in done and needed <= done}
        if not ready:
            raise ValueError("No possible build order, missing/circular dependencies")
        done |= ready
