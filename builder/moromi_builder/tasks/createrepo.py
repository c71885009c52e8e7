"""`createrepo`: the metadata of one arch of a new repository (spec: builder, sections 2.5 and 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.constants import RepoState
from moromi.errors import GenericError
from moromi.repodata import merge_mode, urls_for
from moromi_builder import plugins
from moromi_builder.repos import commands as repo_commands
from moromi_builder.repos import joined
from moromi_builder.repos.source import RepoSource, open_source
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task


@dataclass
class CreaterepoParams:
    """`createrepo(repo_id, arch, oldrepo)`; oldrepo is a repository's record, its id, or None."""

    repo_id: int
    arch: str
    oldrepo: Mapping[str, Any] | int | None


@task("createrepo", CreaterepoParams, weight=1.5)
class Createrepo(Handler[CreaterepoParams]):
    """Makes repodata."""

    def run(self) -> list[Any]:
        """Give `[upload path, file names]`."""
        repo = self.session.repoInfo(self.params.repo_id, strict=True)
        state = RepoState(repo["state"])
        if state is not RepoState.INIT:
            raise GenericError(f"Repo {repo['id']} not in INIT state (got {state.name})")
        arch, scratch = self.params.arch, self.context.workdir
        external = self.session.getExternalRepoList(repo["tag_id"], event=repo["create_event"])
        output = joined.join_arch(self.session, self.settings, self.files, repo, arch, external, scratch)
        if output is None:
            output = self._make(repo, external, scratch)
        plugins.run_callbacks(
            "postCreateRepo",
            tag=repo["tag_name"],
            repodir=str(output),
            repo_id=repo["id"],
            arch=arch,
            taskinfo=self.context.info,
            session=self.session,
        )
        return [self.context.upload_path, self._upload(output / "repodata")]

    def _make(self, repo: dict[str, Any], external: list[dict[str, Any]], scratch: Path) -> Path:
        """Make it of the packages themselves, with createrepo_c and mergerepo_c."""
        source = open_source(self.files, repo, self.params.arch, self._old_repo(), scratch / "source")
        output = self._create(source, scratch / "repo")
        if external:
            return self._merge(repo["id"], source, output, external)
        if not source.packages:
            (output / "repodata" / "EMPTY_REPO").touch()
        return output

    def _old_repo(self) -> dict[str, Any] | None:
        """Find the repository whose metadata may be used again."""
        old = self.params.oldrepo
        if not self.settings.createrepo_update or old is None:
            return None
        repo_id = old["id"] if isinstance(old, Mapping) else old
        found: dict[str, Any] | None = self.session.repoInfo(repo_id)
        return found

    def _create(self, source: RepoSource, output: Path) -> Path:
        output.mkdir(parents=True)
        if source.old is not None:
            source.old.rename(output / "repodata")
        words = repo_commands.createrepo(self.settings, source, output)
        status = self.command(words, "createrepo.log")
        if not status:
            raise GenericError(f"failed to create repo: {status.describe(' '.join(words))}")
        return output

    def _merge(self, repo_id: int, source: RepoSource, local: Path, external: list[dict[str, Any]]) -> Path:
        """Merge the external repositories in; the local one is renamed so that origins tell it apart."""
        premerge = local.with_name(f"repo_{repo_id}_premerge")
        local.rename(premerge)
        words = repo_commands.mergerepo(
            merge_mode(external),
            repo_commands.mergerepo_version(),
            self.params.arch,
            source,
            premerge,
            urls_for(external, self.params.arch),
            local,
        )
        status = self.command(words, "mergerepos.log", env={"TMPDIR": str(self.context.workdir)})
        if not status:
            raise GenericError(f"failed to merge repos: {status.describe(' '.join(words))}")
        return local

    def _upload(self, repodata: Path) -> list[str]:
        names = sorted(path.name for path in repodata.iterdir())
        for name in names:
            self.upload(repodata / name)
        return names
