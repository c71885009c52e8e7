"""`newRepo`: a new repository of a tag, one `createrepo` subtask per arch (spec: builder, 2.5 and 5.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moromi.arches import canonical
from moromi.constants import USABLE_REPOS
from moromi.errors import GenericError
from moromi_builder.repos.source import PROBE, metadata_files, repo_path
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task

NO_ARCH = frozenset({"src", "noarch"})


@dataclass
class NewRepoParams:
    """`newRepo(tag, event=None, src=None, debuginfo=None, separate_src=None, opts=None)`.

    tag is an id, a name, or a dict with one; the three booleans are the older form of opts.
    """

    tag: int | str | Mapping[str, Any]
    event: int | None = None
    src: bool | None = None
    debuginfo: bool | None = None
    separate_src: bool | None = None
    opts: dict[str, Any] | None = None


@task("newRepo", NewRepoParams, weight=0.1)
class NewRepo(Handler[NewRepoParams]):
    """Makes a repository."""

    def run(self) -> list[int]:
        """Give `[repo id, event id]`."""
        params, session = self.params, self.session
        tag_key = params.tag["id"] if isinstance(params.tag, Mapping) else params.tag
        extra = {} if params.event is None else {"event": params.event}
        tag = session.getTag(tag_key, strict=True, **extra)
        old = self._old_repo(tag) if self.settings.createrepo_update else None
        repo_id, event = session.host.repoInit(tag["id"], task_id=self.task_id, opts=self._options(), **extra)
        repo = session.repoInfo(repo_id, strict=True)
        data: dict[str, Any] = {}
        cloned = []
        children: dict[int, str] = {}
        for arch in self._arches(repo, event):
            if old is not None and self._same_input(old, repo, arch, tag):
                data[arch] = self._clone(old, arch)
                cloned.append(arch)
                continue
            arguments = [repo_id, arch, old["id"] if old else None]
            children[self.subtask("createrepo", arguments, label=arch, arch="noarch")] = arch
        if children:
            results = self.wait(list(children), all=True, failany=True)
            data.update({children[task_id]: result for task_id, result in results.items()})
        updates = {"cloned_from_repo_id": old["id"], "cloned_archs": cloned} if old and cloned else None
        session.host.repoDone(repo_id, data, **({"repo_json_updates": updates} if updates else {}))
        return [repo_id, event]

    def _options(self) -> dict[str, Any]:
        """Bring both forms of the options together."""
        params = self.params
        legacy = {
            name: value
            for name in ("src", "debuginfo", "separate_src")
            if (value := getattr(params, name)) is not None
        }
        if params.opts is None:
            return legacy
        if legacy:
            raise GenericError("opts parameter cannot be combined with legacy options")
        return params.opts

    def _arches(self, repo: dict[str, Any], event: int) -> list[str]:
        """List the arch directories that the hub made."""
        mounted = self.files.mounted_tree(repo_path(repo), PROBE)
        if mounted is not None:
            return sorted(path.parent.name for path in mounted.glob("*/pkglist"))
        config = self.session.getBuildConfig(repo["tag_id"], event=event)
        arches = {canonical(arch) for arch in (config["arches"] or "").split()} - NO_ARCH
        if self._described(repo).get("with_separate_src"):
            arches.add("src")
        return sorted(arches)

    def _described(self, repo: dict[str, Any]) -> dict[str, Any]:
        """Read the repository's own description."""
        data = self.files.read(f"{repo_path(repo)}/{PROBE}")
        return dict(json.loads(data)) if data is not None else {}

    def _old_repo(self, tag: dict[str, Any]) -> dict[str, Any] | None:
        """Find a repository whose metadata is mostly the same: ours, a hinted one, or the nearest
        parent's.
        """
        hint = (tag.get("extra") or {}).get("repo.oldrepo_hint") or []
        candidates = [tag["id"], *([hint] if isinstance(hint, str) else hint)]
        for candidate in candidates:
            found = self.session.getRepo(candidate)
            if found:
                return self._full(found)
        parents = sorted(self.session.getFullInheritance(tag["id"]), key=lambda link: link["currdepth"])
        for link in parents:
            found = self.session.getRepo(link["parent_id"])
            if found:
                return self._full(found)
        return None

    def _full(self, repo: dict[str, Any]) -> dict[str, Any] | None:
        """Look up what `getRepo` leaves out; None if the repository is not to be used."""
        full: dict[str, Any] | None = self.session.repoInfo(repo["id"])
        return full if full and full["state"] in USABLE_REPOS else None

    # -- taking over what has not changed

    def _same_input(self, old: dict[str, Any], new: dict[str, Any], arch: str, tag: dict[str, Any]) -> bool:
        """Tell whether an arch would come out as it was (only where `copy_old_repodata` allows to ask)."""
        if not self.settings.copy_old_repodata:
            return False
        flags = ("with_debuginfo", "with_src", "with_separate_src")
        before, after = self._described(old), self._described(new)
        if any(bool(before.get(flag)) != bool(after.get(flag)) for flag in flags):
            return False
        if self.session.getExternalRepoList(tag["id"], event=new["create_event"]):
            return False
        if self.session.getExternalRepoList(old["tag_id"], event=old["create_event"]):
            return False
        names = ["groups/comps.xml", f"{arch}/pkglist", f"{arch}/blocklist"]
        pairs = [[self.files.read(f"{repo_path(repo)}/{name}") for repo in (old, new)] for name in names]
        return all(first == second for first, second in pairs) and None not in (*pairs[1], *pairs[2])

    def _clone(self, old: dict[str, Any], arch: str) -> list[Any]:
        """Upload the old metadata again; gives what a createrepo task would."""
        path = f"{repo_path(old)}/{arch}/repodata"
        names = []
        for name in self._repodata_names(path):
            self.upload(self.files.fetch(f"{path}/{name}"), name)
            names.append(name)
        return [self.context.upload_path, names]

    def _repodata_names(self, path: str) -> list[str]:
        mounted = self.files.mounted_tree(path, "repomd.xml")
        if mounted is not None:
            return sorted(item.name for item in mounted.iterdir())
        return ["repomd.xml", *metadata_files(self.files.fetch(f"{path}/repomd.xml").read_bytes())]
