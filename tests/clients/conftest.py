"""A hub over real HTTP, without a builder: what clients say to it and hear from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from samplesite import content
from samplesite.site import Site
from support.commands import Command, command_of
from support.database import server_directory
from support.served import Served, served_hub


@pytest.fixture(scope="session")
def bare_site() -> Iterator[Site]:
    """Hub, worker and push service with an administrator; no tags, and nobody builds."""
    with server_directory() as place:
        options = {"RepoAuto": "no", "EnableMaven": "yes", "EnableWin": "yes"}
        site = Site(place / "site", options, preferred_port=0)
        site.state.mkdir(mode=0o711)
        site.configure()
        try:
            site.start_hub()
            content.add_accounts(site)
            yield site
        finally:
            site.stop()


@pytest.fixture(scope="session")
def moromi(bare_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Our command, as administrator."""
    return command_of(bare_site, "moromi", tmp_path_factory.mktemp("moromi"))


@pytest.fixture(scope="session")
def koji(bare_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The unmodified command of the published client, as administrator."""
    return command_of(bare_site, "koji", tmp_path_factory.mktemp("koji"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub with the users of the conformance corpus, also behind nginx with client certificates."""
    with served_hub(tmp_path_factory.mktemp("served")) as hub:
        yield hub
