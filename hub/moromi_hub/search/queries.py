"""SQL of `search`: what can be found, the name that is shown, and the texts that are matched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, or_, select, true

from moromi_schema import tables as t


@dataclass(frozen=True)
class Searched:
    """One type of things. `source` is what is selected from, `texts` are matched besides the name."""

    source: FromClause
    id: ColumnElement[Any]
    name: ColumnElement[Any]
    where: ColumnElement[bool]
    texts: tuple[ColumnElement[Any], ...] = ()

    def fields(self) -> dict[str, ColumnElement[Any]]:
        """The keys of the answer."""
        return {"id": self.id, "name": self.name}

    def matching(self, terms: str, match: str) -> Select[Any]:
        """FROM and WHERE: `match` is glob, regexp, or anything else for equality."""
        texts = (self.name, *self.texts)
        conditions = [_matches(text, terms, match) for text in texts]
        return select(self.id).select_from(self.source).where(self.where, or_(*conditions))


def _matches(text: ColumnElement[Any], terms: str, match: str) -> ColumnElement[bool]:
    if match == "regexp":
        return text.regexp_match(terms, flags="i")
    if match == "glob":
        return text.ilike(_like(terms), escape="\\")
    condition: ColumnElement[bool] = text == terms
    return condition


def _like(glob: str) -> str:
    """`*` and `?` as wild cards of LIKE, everything else for itself."""
    for char in "\\%_":
        glob = glob.replace(char, f"\\{char}")
    return glob.replace("*", "%").replace("?", "_")


@cache
def types() -> Mapping[str, Searched]:
    """What can be searched, by the name of the type."""
    found = {
        name: Searched(table, table.c.id, table.c.name, true())
        for name, table in (("package", t.package), ("user", t.users), ("host", t.host))
    }
    tag, target = t.tag_config, t.build_target_config
    found["tag"] = Searched(
        t.tag.join(tag, tag.c.tag_id == t.tag.c.id), t.tag.c.id, t.tag.c.name, tag.c.active.is_(True)
    )
    found["target"] = Searched(
        t.build_target.join(target, target.c.build_target_id == t.build_target.c.id),
        t.build_target.c.id,
        t.build_target.c.name,
        target.c.active.is_(True),
    )
    nvr = t.package.c.name + "-" + t.build.c.version + "-" + t.build.c.release
    found["build"] = Searched(
        t.build.join(t.package, t.package.c.id == t.build.c.pkg_id), t.build.c.id, nvr, true()
    )
    rpm = t.rpminfo.c
    # Spelt as the index rpminfo_filename has it.
    filename = rpm.name + "-" + rpm.version + "-" + rpm.release + "." + rpm.arch + ".rpm"
    found["rpm"] = Searched(t.rpminfo, rpm.id, filename, true())
    return found | _archives()


def _archives() -> dict[str, Searched]:
    archive, maven, win = t.archiveinfo, t.maven_archives.c, t.win_archives.c
    path = case((win.relpath == "", archive.c.filename), else_=win.relpath + "/" + archive.c.filename)
    return {
        "maven": Searched(
            archive.join(t.maven_archives, maven.archive_id == archive.c.id),
            archive.c.id,
            archive.c.filename,
            true(),
            (maven.group_id + "-" + maven.artifact_id + "-" + maven.version,),
        ),
        "win": Searched(
            archive.join(t.win_archives, win.archive_id == archive.c.id),
            archive.c.id,
            path,
            true(),
            (archive.c.filename,),
        ),
    }
