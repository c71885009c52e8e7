"""Engines, the sample distribution and roots for the tests of chroots and of the builder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.chroots import Engine, Root, engines, sample_distribution, source_package

MakeRoot = Callable[..., Root]


@pytest.fixture(scope="session", params=engines(), ids=lambda engine: str(engine.name))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine of this machine in turn. Engines need root."""
    if os.geteuid():
        pytest.skip("chroots need root")
    found = request.param
    assert isinstance(found, Engine)
    return found


@pytest.fixture
def native(engine: Engine) -> Engine:
    """Our own engine, for what mock has in another way."""
    if not engine.native:
        pytest.skip("a property of our own engine")
    return engine


@pytest.fixture(scope="session")
def distribution() -> Path:
    """The sample distribution's repository."""
    return sample_distribution()


@pytest.fixture(scope="session")
def root_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that roots of the session share."""
    return tmp_path_factory.mktemp("chroot-cache")


@pytest.fixture(scope="session")
def srpm(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A maker of the sample source packages, by name."""
    out = tmp_path_factory.mktemp("srpms")
    return lambda name: source_package(name, out)


@pytest.fixture
def make_root(engine: Engine, tmp_path: Path, root_cache: Path, distribution: Path) -> Iterator[MakeRoot]:
    """A maker of roots over the sample distribution, which are removed afterwards."""
    made: list[Root] = []

    def make(name: str = "r1", cache: Path = root_cache, url: str = f"file://{distribution}") -> Root:
        made.append(Root(engine, tmp_path, cache, [url], name))
        return made[-1]

    yield make
    for root in made:
        assert root.run("--scrub=all").returncode == 0


@pytest.fixture
def root(make_root: MakeRoot) -> Root:
    """One root, not yet made."""
    return make_root()
