"""Reading comps files: groups of packages as installers know them."""

from dataclasses import dataclass
from typing import Any

TYPES = {"mandatory", "default", "optional", "conditional"}


@dataclass
class Group:
    """A group: its id, what `groupListAdd` takes, and its packages: names, and what `groupPackageListAdd`
    takes.
    """

    id: str
    settings: dict[str, Any]
    packages: list[tuple[str, dict[str, Any]]]


def read_comps(path: str) -> list[Group]:
    """The groups of a file. OSError or ElementTree.ParseError when it cannot be read."""
    from xml.etree import ElementTree

    return [read_group(element) for element in ElementTree.parse(path).getroot().findall("group")]


def read_group(element: Any) -> Group:
    """One group."""
    settings = {
        "display_name": text(element, "name"),
        "is_default": flag(element, "default"),
        "uservisible": flag(element, "uservisible"),
        "description": text(element, "description"),
        "langonly": text(element, "langonly"),
        "biarchonly": flag(element, "biarchonly"),
    }
    return Group(text(element, "id") or "", settings, [package(each) for each in element.iter("packagereq")])


def package(element: Any) -> tuple[str, dict[str, Any]]:
    """One package of a group."""
    kind = element.get("type", "mandatory")
    facts: dict[str, Any] = {
        "type": kind if kind in TYPES else "mandatory",
        "basearchonly": element.get("basearchonly") == "true",
    }
    if element.get("requires"):
        facts["requires"] = element.get("requires")
    return (element.text or "").strip(), facts


def text(element: Any, name: str) -> str | None:
    """The text of a part; None if there is none."""
    found = element.findtext(name)
    return found.strip() if found else None


def flag(element: Any, name: str) -> bool:
    """Whether a part says so."""
    return text(element, name) == "true"
