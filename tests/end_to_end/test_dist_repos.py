"""Dist repositories, made by a builder for the unmodified `koji dist-repo`, and used by dnf.

One builder has the hub's tree mounted and reads it in place, another has only HTTP; both must make the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import createrepo_c
import pytest

from moromi.client import ClientSession
from moromi.constants import RepoState
from samplesite import content
from samplesite.services import wait_for
from samplesite.site import BUILDER, Site
from support.commands import Command, Done, command_of
from support.repodata import contents
from support.signing import Signer
from support.sites import Builds

DATA = Path(__file__).parents[1] / "data"
YEAST = "yeast-7-1.mr1"
SIGNED = "vat-hoops-1-1.x86_64.rpm"
VAT = "vat-1-1"
TAG = "bottles"
FAR = "far.localhost"
PARTS = ("vat-black-devel", "vat-devel", "vat-hoops", "vat-libs", "vat")
COMPS = """<comps><group><id>brewing</id><name>brewing</name><packagelist>
<packagereq type="mandatory">vat</packagereq></packagelist></group></comps>
"""


@dataclass
class Bottling:
    """A tag with packages of two arches, one of them signed, and the unmodified `koji`."""

    site: Site
    session: ClientSession
    koji: Command
    signer: Signer
    place: Path

    def make(self, *words: Any) -> dict[str, Any]:
        """Make a dist repository, which must become ready; its record."""
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = self.session.getRepo(TAG, dist=True)
        assert found["state"] == RepoState.READY
        return found

    def run(self, *words: Any) -> Done:
        """Ask for a dist repository and watch its task."""
        return self.koji.run("dist-repo", "--wait", *words)

    def task(self, method: str = "distRepo") -> int:
        """The latest task of a method."""
        return max(int(task["id"]) for task in self.session.listTasks({"method": method}, {}))

    def failure_log(self, name: str) -> str:
        """A log of the latest task that has made an arch."""
        data = self.session.downloadTaskOutput(self.task("createdistrepo"), name)
        assert isinstance(data, bytes)
        return data.decode()

    def signed_copy(self) -> Path:
        """The hub's signed copy of the signed package."""
        return self.site.tree / f"packages/vat/1/1/data/signed/{self.signer.key}/x86_64" / SIGNED

    def lonely(self) -> list[Path]:
        """A package for one arch only, without any files."""
        spec = self.place / "lonely.spec"
        about = "Name: lonely\nVersion: 1\nRelease: 1\nSummary: Alone\nLicense: MIT\n"
        spec.write_text(f"{about}%description\nAlone.\n%files\n")
        return rpmbuild(spec, "x86_64", "-ba", self.place / "lonely")

    def directory(self, repo: dict[str, Any], arch: str = "x86_64") -> Path:
        """Where an arch of a repository is."""
        return self.site.tree / "repos-dist" / TAG / str(repo["id"]) / arch

    def packages(self, repo: dict[str, Any], arch: str = "x86_64", below: str = "") -> list[str]:
        """What dnf finds in a repository over HTTP, as `name.arch`."""
        url = f"{self.site.url}/kojifiles/repos-dist/{TAG}/{repo['id']}/{arch}/{below}"
        arches = ["--forcearch=i686"] if arch == "i386" else []
        words = ["repoquery", "--qf", "%{name}.%{arch}", *arches]
        return sorted(self.dnf(url, *words).stdout.split())

    def dnf(self, url: str, *words: str, options: tuple[str, ...] = ()) -> Done:
        """Run dnf with a repository and nothing else of this machine."""
        home = Path(tempfile.mkdtemp(dir=self.place))
        (home / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n%_install_langs all\n")
        lines = ["[main]", "reposdir=/dev/null", "[bottles]", "name=bottles", f"baseurl={url}", *options]
        (home / "dnf.conf").write_text("\n".join(lines) + "\n")
        argv = ["dnf", "-q", "-y", "--noplugins", "-c", str(home / "dnf.conf"), "--installroot"]
        argv += [str(home / "root"), "--releasever=1", f"--setopt=cachedir={home}/cache", *words]
        env = {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def bottling(site: Site, builds: Builds, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bottling]:
    place = tmp_path_factory.mktemp("bottling")
    koji = command_of(site, "koji", place / "koji")
    session = builds.session
    session.createTag(TAG, arches="x86_64 i686")
    for package in ("vat", "yeast"):
        session.packageListAdd(TAG, package, owner="admin")
    rpmbuild(DATA / "specs" / "vat.spec", "x86_64", "-ba", place / "vat")
    vat = rpmbuild(DATA / "specs" / "vat.spec", "i686", "-bb", place / "vat")
    koji("import", *vat, *(DATA / "rpms").glob("yeast*.rpm"))
    with tempfile.TemporaryDirectory(prefix="moromi-gpg-") as keys:
        signer = Signer.create(Path(keys) / "keys")
        (hoops,) = place.rglob(SIGNED)
        koji("import-sig", signer.sign(hoops, place / "signed"))
        session.massTag(TAG, [VAT, YEAST])
        yield Bottling(site, session, koji, signer, place)
        signer.close()


def rpmbuild(spec: Path, arch: str, what: str, place: Path) -> list[Path]:
    """Build packages for an arch, whatever this machine is; their files."""
    libdir = "/usr/lib64" if arch == "x86_64" else "/usr/lib"
    define = {"_topdir": place, "_libdir": libdir, "dist": "%{nil}", "debug_package": "%{nil}"}
    words = [word for key, value in define.items() for word in ("--define", f"{key} {value}")]
    subprocess.run(["rpmbuild", what, "--target", arch, *words, str(spec)], check=True, capture_output=True)
    return sorted(place.rglob("*.rpm"))


@pytest.fixture(params=["mounted", "over HTTP"])
def way(request: pytest.FixtureRequest, site: Site, bottling: Bottling) -> Iterator[str]:
    """Builders with and without a mount of the hub's tree."""
    if request.param == "mounted":
        yield "mounted"
        return
    session = bottling.session
    if session.getUser(FAR) is None:
        content.add_builder(site, FAR, "password")
        site.configure_builder("far", {"user": FAR, "password": "password", "topdir": "/nonexistent"})
    far = site.builder("far")
    far.start()
    session.disableHost(BUILDER)
    try:
        assert wait_for(lambda: session.getHost(FAR)["ready"], 60)
        yield "over HTTP"
    finally:
        session.enableHost(BUILDER)
        far.stop()
        assert wait_for(lambda: session.getHost(BUILDER)["ready"], 60)


def test_unsigned_packages_are_refused(bottling: Bottling) -> None:
    key = bottling.signer.key
    done = bottling.run(TAG, key, "-a", "x86_64")
    assert done.returncode == 1, done.stdout
    lines = bottling.failure_log("missing_signatures.log").splitlines()
    assert lines[0] == f"requested keys: {key}"
    assert "vat-libs-1-1.x86_64: []" in lines and not [line for line in lines if "hoops" in line]
    with pytest.raises(Exception, match=r"Unsigned packages found\. See missing_signatures\.log"):
        bottling.session.getTaskResult(bottling.task("createdistrepo"))


def test_missing_files_are_named(bottling: Bottling) -> None:
    bottling.signed_copy().unlink()
    done = bottling.run(TAG, bottling.signer.key, "-a", "x86_64", "--skip-missing-signatures")
    assert done.returncode == 1, done.stdout
    path = str(bottling.signed_copy().relative_to(bottling.site.tree))
    assert bottling.failure_log("missing_files.log") == f"{path}\n"


def test_signed_packages(bottling: Bottling, way: str) -> None:
    """Signed copies are written on the way; dnf installs what it can verify by that key."""
    bottling.signed_copy().unlink(missing_ok=True)
    key = bottling.signer.key
    repo = bottling.make(
        TAG, "ffffffff", key.upper(), "-a", "x86_64", "--skip-missing-signatures", "--write-signed-rpms"
    )
    assert bottling.packages(repo) == ["vat-hoops.x86_64"]
    result = bottling.session.getTaskResult(bottling.task())
    assert result == f"Dist repository #{repo['id']} successfully generated"
    directory = bottling.directory(repo)
    package = directory / "Packages" / "v" / SIGNED
    assert package.samefile(bottling.signed_copy())
    public = bottling.place / f"key-{way[:4]}.asc"
    bottling.signer.trusts(package)
    public.write_text((bottling.signer.home / "key.asc").read_text())
    url = f"{bottling.site.url}/kojifiles/repos-dist/{TAG}/latest/x86_64"
    options = ("gpgcheck=1", f"gpgkey=file://{public}")
    bottling.dnf(url, "install", "vat-hoops", options=options)
    entry = json.loads((directory / "kojipkgs").read_text())[package.name]
    assert entry["sigkey"] == key and entry["_pkgpath"].endswith(f"/signed/{key}/x86_64/{SIGNED}")


def test_all_packages_and_metadata(bottling: Bottling, way: str) -> None:
    """Debug information apart, groups, sources, and what has no signature as it was built."""
    comps = bottling.place / "comps.xml"
    comps.write_text(COMPS)
    options = ["--split-debuginfo", "--with-src", "--comps", comps, "--allow-missing-signatures"]
    repo = bottling.make(TAG, bottling.signer.key, "-a", "x86_64", "-a", "i686", *options)
    assert bottling.packages(repo) == [*(f"{name}.x86_64" for name in PARTS), "yeast.noarch"]
    assert bottling.packages(repo, "i386") == [*(f"{name}.i686" for name in PARTS), "yeast.noarch"]
    assert bottling.packages(repo, below="debug") == ["vat-debuginfo.x86_64"]
    assert bottling.packages(repo, "src") == ["vat.src", "yeast.src"]
    url = f"{bottling.site.url}/kojifiles/repos-dist/{TAG}/{repo['id']}/x86_64"
    assert "brewing" in bottling.dnf(url, "group", "list", "--hidden").stdout
    outputs = bottling.session.listTaskOutput(bottling.task("createdistrepo"))
    assert {"kojipkgs", "repo_manifest", "pkglist"} <= set(outputs)
    assert "createrepo.log" not in outputs, "no package has been opened"
    for place in ("", "debug"):
        made = bottling.directory(repo) / place
        assert contents(made) == contents(described(made, bottling.place / f"reference-{way[:4]}{place}"))
    assert contents(bottling.directory(repo, "src")), "sources as well"


def described(repository: Path, place: Path) -> Path:
    """What createrepo_c writes of the packages that a repository lists."""
    words = ["createrepo_c", "--quiet", "-i", repository / "pkglist", "-o", place, repository]
    place.mkdir()
    subprocess.run([str(word) for word in words], check=True, capture_output=True)
    return place


def test_a_build_repository(bottling: Bottling, way: str) -> None:
    """The same builders make those of tags when they are asked to; over HTTP no package is downloaded.

    What the hub has kept of a package is damaged, and made again on the way.
    """
    packs = list((bottling.site.tree / "packages" / "yeast").rglob("*.fragments"))
    for pack in packs:
        pack.write_bytes(b"damaged")
    for chunk in bottling.site.state.rglob("repodata/chunks/*/*"):
        chunk.unlink()
    task_id = int(bottling.session.newRepo(TAG))
    assert wait_for(lambda: bottling.session.taskFinished(task_id), 60)
    repo_id, _event = bottling.session.getTaskResult(task_id)
    found = contents(bottling.site.tree / "repos" / TAG / str(repo_id) / "x86_64")
    assert len(found) == len(PARTS) + len(["yeast"])
    assert any(pack.read_bytes() != b"damaged" for pack in packs)
    far = bottling.site.builder_place("far") / "work"
    assert not list(far.rglob("*.rpm"))


def test_an_empty_arch(bottling: Bottling) -> None:
    repo = bottling.make(TAG, "--allow-missing-signatures", "-a", "s390x", "--non-latest", "--noinherit")
    assert bottling.packages(repo, "s390x") == ["yeast.noarch"]
    bottling.session.createTag("empty", arches="s390x")
    done = bottling.koji.run("dist-repo", "--wait", "--allow-missing-signatures", "empty")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (bottling.site.tree / "repos-dist/empty/latest/s390x/repodata/EMPTY_REPO").exists()


def test_multilib(bottling: Bottling, way: str) -> None:
    """Libraries, development files and what they need come from the 32-bit repository."""
    config = bottling.place / "multilib.conf"
    config.write_text("[runtime]\nwhite = nothing\n[devel]\nblack = vat-black-devel\n  other\n")
    words = [TAG, "--allow-missing-signatures", "-a", "x86_64", "-a", "i686", "--multilib", config]
    repo = bottling.make(*words)
    partners = {f"vat-{part}.i686" for part in ("devel", "libs", "hoops")}
    assert {name for name in bottling.packages(repo) if name.endswith(".i686")} == partners
    records = json.loads((bottling.directory(repo) / "kojipkgs").read_text())
    assert {name for name, record in records.items() if record.get("_multilib")} == {
        f"{each.removesuffix('.i686')}-1-1.i686.rpm" for each in partners
    }
    assert records["vat-1-1.x86_64.rpm"]["_pkgpath"].endswith("/packages/vat/1/1/x86_64/vat-1-1.x86_64.rpm")
    assert "multilib.conf" in bottling.session.listTaskOutput(bottling.task("createdistrepo"))


def test_multilib_without_a_partner(bottling: Bottling) -> None:
    """A package that only the 64-bit arch has."""
    config = bottling.place / "white.conf"
    config.write_text("[devel]\nwhite = lonely\n")
    bottling.koji("import", *bottling.lonely())
    bottling.session.createTag("half", arches="x86_64 i686")
    bottling.session.packageListAdd("half", "lonely", owner="admin")
    bottling.session.massTag("half", ["lonely-1-1"])
    done = bottling.run("half", "--allow-missing-signatures", "--multilib", config)
    assert done.returncode == 1, done.stdout
    assert bottling.failure_log("missing_multilib.log") == "lonely-1-1.i686.rpm\n"


def test_deltas(bottling: Bottling) -> None:
    """An earlier dist repository gives the packages to make deltas against; another kind does not."""
    first = bottling.make(TAG, "--allow-missing-signatures", "-a", "x86_64")
    repo = bottling.make(TAG, "--allow-missing-signatures", "-a", "x86_64", "--delta-rpms", first["id"])
    log = bottling.failure_log("createrepo.log")
    assert "--deltas --oldpackagedirs" in log and f"/{first['id']}/x86_64/Packages/v" in log
    assert "yeast.noarch" in bottling.packages(repo)
    build_repo = bottling.session.getRepo(content.BUILD)
    task_id = bottling.session.distRepo(TAG, [], arch=["x86_64"], delta=[build_repo["id"]])
    assert wait_for(lambda: bottling.session.taskFinished(task_id), 60)
    with pytest.raises(Exception, match="Base repo for deltas must also be a dist repo"):
        bottling.session.getTaskResult(task_id)


def test_zchunk(bottling: Bottling) -> None:
    repo = bottling.make(TAG, "--allow-missing-signatures", "-a", "x86_64", "--zck")
    kinds = {"primary", "filelists", "other"}
    repomd = createrepo_c.Repomd(str(bottling.directory(repo) / "repodata" / "repomd.xml"))
    assert kinds | {f"{kind}_zck" for kind in kinds} <= {record.type for record in repomd.records}
    assert {*(f"{name}.x86_64" for name in PARTS), "yeast.noarch"} <= set(bottling.packages(repo))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"zck_dict_dir": "/nowhere"}, "--zck-dict-dir makes no sense without --zck"),
        ({"zck": True, "zck_dict_dir": "/nowhere"}, "zchunk dir path doesn't exist: /nowhere"),
        ({"zck": True, "zck_dict_dir": "/etc/passwd"}, "zchunk dir path is file: /etc/passwd"),
        ({"multilib": "cli-dist-repo/none.conf"}, "Missing multilib configuration"),
    ],
)
def test_options_that_cannot_be(bottling: Bottling, options: dict[str, Any], text: str) -> None:
    arch = ["x86_64", "i686"] if "multilib" in options else ["x86_64"]
    task_id = bottling.session.distRepo(TAG, [], arch=arch, allow_missing_signatures=True, **options)
    assert wait_for(lambda: bottling.session.taskFinished(task_id), 60)
    with pytest.raises(Exception, match=text):
        bottling.session.getTaskResult(task_id)
