"""A hub with something of everything: what the two command lines are compared on.

Made by calls, as users and builders make them, with the sample packages of the conformance corpus. Ids and
texts follow from the order below; the compared commands name them.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from moromi.wire import xmlrpc
from support.hub import Client, HubUnderTest

SAMPLES = Path(__file__).resolve().parents[1] / "conformance" / "data"
BUILDER = "builder1.example.org"
SIGNED = ("fermenter-1.2-3.mr1.src", "fermenter-1.2-3.mr1.x86_64")
KEY = "0f1e2d3c"
POM = """<?xml version="1.0"?>
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>culture</artifactId>
  <version>1.0</version>
</project>
"""
PARTS = b'{"parts": []}\n'


class Filler:
    """The people who fill a hub."""

    def __init__(self, hub: HubUnderTest) -> None:
        self.topdir = hub.hub.settings.KojiDir
        self.admin = hub.client("kojiadmin")
        self.alice = hub.client("alice")
        self.builder = hub.client(BUILDER)

    def fill(self) -> None:
        """Everything, in an order that keeps the ids."""
        self.users()
        self.tags()
        self.groups()
        self.external_repos()
        self.hosts()
        self.imports()
        self.archives()
        self.signatures()
        self.tagging()
        self.repos()
        self.build_task()
        self.other_tasks()
        self.content_generator()
        self.mails()
        self.changes()

    def users(self) -> None:
        """More users than the corpus has, permissions, a group."""
        admin = self.admin
        admin("createUser", "dave", status=1)
        admin("grantPermission", "alice", "build-team", create=True, description="May build")
        admin("grantPermission", "alice", "tag")
        admin("grantPermission", "bob", "dist-repo")
        admin("grantPermission", "carol", "image-import")
        admin("newGroup", "packagers")
        admin("addGroupMember", "packagers", "alice")
        admin("editUser", "alice", None, [{"old": None, "new": "alice@EXAMPLE.ORG"}])

    def tags(self) -> None:
        """Tags of all kinds, inheritance with every flag, targets, package lists."""
        admin = self.admin
        extra = {
            "rpm.macro.dist": ".d40",
            "mock.package_manager": "dnf5",
            "repo.auto": True,
            "list": [1, {"a": None}],
        }
        admin("createTag", "demo-base", arches="x86_64 i686", extra=extra)
        admin("createTag", "demo-39", arches="x86_64")
        admin("createTag", "demo-40", parent="demo-base", arches="x86_64 i686")
        admin(
            "createTag", "demo-40-build", parent="demo-40", arches="x86_64 i686", extra={"mock.yum.best": 0}
        )
        for name in ("demo-ext", "demo-empty", "demo-locked", "demo-noarch", "trashcan", "demo-candidate"):
            admin("createTag", name)
        admin("editTag2", "demo-locked", locked=True, perm="admin")
        admin("editTag2", "demo-candidate", maven_support=True, maven_include_all=True, perm="build-team")
        admin("editTag2", "demo-40-build", extra={"rpm.macro.vendor": "Me"}, block_extra=["repo.auto"])
        links = [
            self.link("demo-40", 0),
            self.link("demo-ext", 5, maxdepth=1, pkg_filter="^ferment", intransitive=True),
            self.link("demo-39", 10, noconfig=True),
        ]
        admin("setInheritanceData", "demo-40-build", links, clear=True)
        admin("setInheritanceData", "demo-39", [self.link("demo-base", 0)])
        admin("createBuildTarget", "demo-40", "demo-40-build", "demo-40")
        admin("createBuildTarget", "demo-40-candidate", "demo-40-build", "demo-candidate")
        admin("createBuildTarget", "demo-locked", "demo-40-build", "demo-locked")
        admin("createBuildTarget", "demo-39", "demo-39", "demo-39")
        for tag, package, owner in (
            ("demo-base", "fermenter", "alice"),
            ("demo-40", "fermenter", "alice"),
            ("demo-40", "yeast", "bob"),
            ("demo-40", "oldpkg", "bob"),
            ("demo-40", "press-tools", "carol"),
            ("demo-40", "org.example-culture", "carol"),
            ("demo-40", "vat-image", "carol"),
            ("demo-39", "yeast", "alice"),
            ("demo-39", "fermenter", "bob"),
            ("demo-ext", "fermenter", "alice"),
        ):
            admin("packageListAdd", tag, package, owner)
        admin("packageListBlock", "demo-40", "oldpkg")
        admin("packageListSetArches", "demo-40", "press-tools", "i686")

    def link(self, parent: str, priority: int, **flags: Any) -> dict[str, Any]:
        """One inheritance link."""
        plain = {"maxdepth": None, "intransitive": False, "noconfig": False, "pkg_filter": ""}
        number = self.admin("getTagID", parent)
        return {"parent_id": number, "priority": priority, **plain, **flags}

    def groups(self) -> None:
        """Comps groups, required, inherited, blocked."""
        admin = self.admin
        admin("groupListAdd", "demo-base", "core", display_name="Core", description="The core")
        admin("groupListAdd", "demo-base", "build", description="For builds")
        admin("groupListAdd", "demo-40-build", "srpm-build", description="For sources", uservisible=False)
        admin("groupListAdd", "demo-40-build", "doomed")
        admin("groupReqListAdd", "demo-base", "build", "core")
        admin("groupReqListAdd", "demo-40-build", "srpm-build", "build")
        for tag, group, package in (
            ("demo-base", "core", "yeast"),
            ("demo-base", "build", "fermenter"),
            ("demo-base", "build", "make"),
            ("demo-40-build", "srpm-build", "make"),
            ("demo-40-build", "srpm-build", "oldpkg"),
        ):
            admin("groupPackageListAdd", tag, group, package)
        admin(
            "groupPackageListAdd",
            "demo-base",
            "core",
            "curl",
            type="optional",
            basearchonly=True,
            requires="yeast",
        )
        admin("groupPackageListBlock", "demo-40-build", "srpm-build", "oldpkg")
        admin("groupListBlock", "demo-40-build", "doomed")

    def external_repos(self) -> None:
        """Three, two of them in use."""
        admin = self.admin
        for name in ("ext-one", "ext-two", "ext-unused"):
            admin("createExternalRepo", name, f"http://repos.example.org/{name}/$arch/")
        admin("addExternalRepoToTag", "demo-40-build", "ext-one", 5, merge_mode="bare")
        admin("addExternalRepoToTag", "demo-40", "ext-two", 12, merge_mode="koji", arches="x86_64")

    def hosts(self) -> None:
        """A second pair of hosts, channels."""
        admin = self.admin
        admin("addHost", "builder3.example.org", ["x86_64", "i686"])
        admin(
            "editHost",
            "builder3.example.org",
            capacity=4.0,
            description="rack 3\nsecond row",
            comment="c" * 60,
        )
        admin("disableHost", "builder3.example.org")
        admin("addChannel", "heavy", description="big builds")
        admin("addChannel", "closed")
        admin("addHostToChannel", BUILDER, "heavy")
        admin("addHostToChannel", "builder3.example.org", "heavy")
        admin("addHostToChannel", "builder3.example.org", "closed")
        admin("disableChannel", "closed", comment="gone")
        self.builder("host.updateHost", 1.5, True)

    def upload(
        self, client: Client, name: str, directory: str = "imports/state", data: bytes | None = None
    ) -> str:
        """A sample, or other bytes, in the work directory; its path there."""
        client.upload(directory, name, (SAMPLES / name).read_bytes() if data is None else data)
        return f"{directory}/{name}"

    def imports(self) -> None:
        """Three builds of RPMs, one empty one, one on another volume."""
        for name in (
            "fermenter-1.2-3.mr1.src.rpm",
            "fermenter-1.2-3.mr1.x86_64.rpm",
            "fermenter-1.2-3.mr1.i686.rpm",
            "fermenter-data-1.2-3.mr1.noarch.rpm",
            "yeast-7-1.mr1.src.rpm",
            "yeast-7-1.mr1.noarch.rpm",
        ):
            self.upload(self.admin, name)
            self.admin("importRPM", "imports/state", name)
        self.admin("createEmptyBuild", "oldpkg", "1", "1", 3)
        (Path(self.topdir) / "vol" / "vol1").mkdir(parents=True)
        self.admin("addVolume", "vol1")

    def archives(self) -> None:
        """A Maven, a Windows and an image build."""
        admin = self.admin
        maven = {"group_id": "org.example", "artifact_id": "culture", "version": "1.0"}
        build = {"name": "org.example-culture", "version": "1.0", "release": "1", "epoch": None}
        admin("createMavenBuild", build, maven)
        for name, data in (("culture-1.0.pom", POM.encode()), ("culture-1.0.jar", None)):
            path = self.upload(admin, name, data=data)
            admin("importArchive", path, "org.example-culture-1.0-1", "maven", maven)
        admin("createWinBuild", {**build, "name": "press-tools", "version": "3"}, {"platform": "win2022"})
        info = {"relpath": "x64/fre", "platforms": ["x86_64"], "flags": ["fre"]}
        admin("importArchive", self.upload(admin, "press-tools.zip"), "press-tools-3-1", "win", info)
        admin("createImageBuild", {**build, "name": "vat-image", "version": "40"})
        path = self.upload(admin, "vat-image.tar")
        admin("importArchive", path, "vat-image-40-1", "image", {"arch": "x86_64"})

    def signatures(self) -> None:
        """Two signed copies."""
        for name in SIGNED:
            header = base64.b64encode((SAMPLES / f"{name}.sighdr").read_bytes()).decode()
            self.admin("addRPMSig", name, header)
            keys = [found["sigkey"] for found in self.admin("queryRPMSigs", self.admin("getRPM", name)["id"])]
            for key in filter(None, keys):
                self.admin("writeSignedRPM", name, key)

    def tagging(self) -> None:
        """What is tagged now, and what was."""
        admin = self.admin
        for tag, build in (
            ("demo-40", "fermenter-1.2-3.mr1"),
            ("demo-40", "yeast-7-1.mr1"),
            ("demo-39", "yeast-7-1.mr1"),
            ("demo-ext", "fermenter-1.2-3.mr1"),
            ("demo-40", "org.example-culture-1.0-1"),
            ("demo-40", "press-tools-3-1"),
        ):
            admin("tagBuildBypass", tag, build)
        admin("untagBuildBypass", "demo-39", "yeast-7-1.mr1")

    def repos(self) -> None:
        """One expired, one ready, one in the making; an open request."""
        for state in ("old", "ready", "init"):
            repo, _ = self.builder("host.repoInit", "demo-40-build")
            if state != "init":
                self.builder("host.repoDone", repo, {})
        self.builder("host.repoInit", "demo-39")

    def take(self, task_id: int) -> None:
        """Give a task to the builder, which opens it."""
        self.admin("assignTask", task_id, BUILDER)
        self.builder("host.openTask", task_id)

    def close(self, task_id: int, result: Any) -> None:
        """End a task well."""
        self.builder("host.closeTask", task_id, xmlrpc.encode_response(result).decode())

    def build_task(self) -> None:
        """A build from a source URL: its tree of tasks, buildroots, files and logs."""
        source = "git+https://git.example.org/rpms/fermenter?#4f2c9ab"
        task = self.alice("build", source, "demo-40", {"scratch": False})
        self.take(task)
        srpm = self.subtask(task, "buildSRPMFromSCM", [source, 4, {"repo_id": 2}], "srpm", "noarch")
        self.upload(self.builder, "build.log", self.place(srpm), b"srpm\n")
        path = f"{self.place(srpm)}/fermenter-1.2-4.mr1.src.rpm"
        self.close(srpm, {"srpm": path})
        request = [path, 4, "x86_64", True, {"repo_id": 2}]
        arch = self.subtask(task, "buildArch", request, "x86_64", "x86_64")
        root = self.buildroot(arch)
        self.built(task, arch, root)
        self.admin("tagBuildBypass", "demo-40", "fermenter-1.2-4.mr1")

    def subtask(self, parent: int, method: str, request: list[Any], label: str, arch: str) -> int:
        """A child of a task, at work."""
        task: int = self.builder("host.subtask", method, request, parent, label=label, arch=arch)
        self.take(task)
        return task

    def buildroot(self, task: int) -> int:
        """What a task builds in: one package of the hub's, one of an external repository."""
        root: int = self.builder("host.newBuildRoot", 2, "x86_64", task)
        yeast = {
            "name": "yeast",
            "version": "7",
            "release": "1.mr1",
            "epoch": None,
            "arch": "noarch",
            "size": 1,
            "buildtime": 1704067200,
        }
        known = self.admin("getRPM", "yeast-7-1.mr1.noarch")["payloadhash"]
        other = {**yeast, "name": "sugar", "arch": "x86_64", "payloadhash": "a" * 32, "location": "ext-one"}
        self.builder("host.setBuildRootList", root, [{**yeast, "payloadhash": known}, other], task)
        return root

    def built(self, task: int, arch: int, root: int) -> None:
        """The build that the task of an arch makes, complete, and the end of both tasks."""
        build = {
            "name": "fermenter",
            "version": "1.2",
            "release": "4.mr1",
            "epoch": 0,
            "source": "git+https://git.example.org/rpms/fermenter#4f2c9ab",
        }
        number = self.builder(
            "host.initBuild", {**build, "task_id": task, "extra": {"source": {"original_url": "x"}}}
        )
        place = self.place(arch)
        names = ["fermenter-1.2-4.mr1.src.rpm", "fermenter-1.2-4.mr1.x86_64.rpm"]
        for name in names:
            self.upload(self.builder, name, place)
        self.upload(self.builder, "build.log", place, b"all went well\n" * 5)
        self.upload(self.builder, "root.log", place, b"a chroot\n")
        self.builder("host.setBuildRootState", root, "EXPIRED", arch)
        source, binary = files = [f"{place}/{name}" for name in names]
        self.close(arch, {"rpms": [binary], "logs": [], "brootid": root})
        logs = {"x86_64": [f"{place}/build.log"]}
        self.builder("host.completeBuild", task, number, source, [binary], {binary: root}, logs)
        self.close(task, {"rpms": files})

    @staticmethod
    def place(task_id: int) -> str:
        """Where a task's files are, below the work directory."""
        return f"tasks/{task_id % 10000}/{task_id}"

    def other_tasks(self) -> None:
        """Tasks in every other state and of many methods."""
        alice, admin, builder = self.alice, self.admin, self.builder
        failed = alice(
            "build",
            "cli-build/1.abc/fermenter-1.2-5.src.rpm",
            "demo-40",
            {"scratch": True, "arch_override": "x86_64"},
        )
        self.take(failed)
        arch = builder(
            "host.subtask",
            "buildArch",
            ["work/fermenter-1.2-5.src.rpm", 4, "x86_64", True, {"repo_id": 2}],
            failed,
            label="x86_64",
            arch="x86_64",
        )
        self.take(arch)
        root = builder("host.newBuildRoot", 2, "x86_64", arch)
        builder("host.setBuildRootState", root, "BUILDING", arch)
        self.upload(builder, "build.log", self.place(arch), b"error: no\n")
        fault = xmlrpc.encode_fault(1005, "error building package (arch x86_64), mock exited with status 1")
        for task in (arch, failed):
            builder("host.failTask", task, fault.decode())
        canceled = alice("build", "git+https://git.example.org/rpms/yeast#HEAD", "demo-40", {})
        alice("cancelTask", canceled)
        running = alice(
            "build", "git+https://git.example.org/rpms/yeast#main", "demo-39", {"repo_id": 2}, priority=5
        )
        self.take(running)
        child = builder(
            "host.subtask",
            "buildSRPMFromSCM",
            ["git+https://git.example.org/rpms/yeast#main", 2, {}],
            running,
            label="srpm",
            arch="noarch",
        )
        admin("assignTask", child, BUILDER)
        build = {"name": "yeast", "version": "8", "release": "1", "epoch": None, "task_id": running}
        builder("host.initBuild", build)
        admin("newRepo", "demo-40-build")
        alice(
            "chainBuild",
            [["git+https://git.example.org/a#1"], ["b-1-1", "git+https://git.example.org/c#1"]],
            "demo-40",
        )
        self.plain_tasks()

    def plain_tasks(self) -> None:
        """Free tasks, one of each method whose parameters are shown in a way of its own."""
        admin = self.admin
        scm = "git+https://git.example.org/x#1"
        options = {"goals": ["package"], "properties": {"a": "b"}}
        for method, arguments in (
            ("tagBuild", [3, 1, False, None, True]),
            ("waitrepo", ["demo-40-build", None, ["fermenter-1.2-4.mr1"]]),
            ("maven", [scm, "demo-40", options]),
            ("buildMaven", [scm, {"id": 4, "name": "demo-40-build"}, options]),
            ("chainmaven", [{"a": {"scmurl": scm, "type": "maven"}}, "demo-40", {}]),
            (
                "wrapperRPM",
                [scm, {"name": "demo-40"}, {"name": "a", "version": "1", "release": "1", "id": 1}, None, {}],
            ),
            ("winbuild", ["vm1", scm, "demo-40", {"winspec": scm}]),
            ("vmExec", ["vm1", ["a", {"b": 1}], {}]),
            ("livecd", ["live", "1", "x86_64", "demo-40", "live.ks", {"scratch": True}]),
            ("appliance", ["app", "1", "x86_64", "demo-40", "app.ks"]),
            ("livemedia", ["media", "1", ["x86_64"], "demo-40", "media.ks", {}]),
            ("image", ["img", "1", ["x86_64"], "demo-40", "http://x/tree", {"distro": "Fedora-40"}]),
            ("createrepo", [2, "x86_64", None]),
            ("distRepo", ["demo-40", 5, ["0f1e2d3c"], {"arch": ["x86_64"]}]),
            ("createdistrepo", ["demo-40", 5, "x86_64", ["0f1e2d3c"], {}]),
            (
                "buildNotification",
                [
                    ["a@example.org"],
                    {"name": "a", "version": "1", "release": "1", "id": 1},
                    {"name": "demo-40"},
                    "http://w",
                ],
            ),
            ("tagNotification", [["a@example.org"], True, 3, 2, 1, 2, False, "why"]),
            ("dependantTask", [[1, 2], [["sleep", [5], {}]]]),
            ("restartHosts", [{"channel": "default"}]),
            ("sleep", [5]),
            ("indirectionimage", [{"name": "i", "version": "1", "release": "2"}]),
            ("nonsense", ["a", 1, {"b": None}]),
            ("build", ["too", "many", {}, 4, 5]),
        ):
            admin("makeTask", method, arguments)

    def content_generator(self) -> None:
        """An imported build, a draft, and a reserved one."""
        admin, alice = self.admin, self.alice
        admin("grantCGAccess", "alice", "kiln", create=True)
        admin("addBType", "manifest")
        alice.upload("imports/kiln", "parts.json", PARTS)
        build = {
            "name": "kilnpkg",
            "version": "1",
            "release": "1",
            "source": "git://scm.example.org/kilnpkg#abc",
            "start_time": 1700000000,
            "end_time": 1700000600.5,
            "extra": {"typeinfo": {"manifest": {"schema": 2}}, "note": "über"},
            "owner": "bob",
        }
        root = {
            "id": 1,
            "host": {"os": "fedora-40", "arch": "x86_64"},
            "content_generator": {"name": "kiln", "version": "1.4"},
            "container": {"type": "docker", "arch": "x86_64"},
            "tools": [],
            "components": [],
        }
        output = {
            "buildroot_id": 1,
            "filename": "parts.json",
            "filesize": 14,
            "checksum": hashlib.sha256(PARTS).hexdigest(),
            "checksum_type": "sha256",
            "type": "json",
            "extra": {"typeinfo": {"manifest": {"n": 1}}},
            "arch": "noarch",
        }
        data = {"metadata_version": 0, "build": build, "buildroots": [root], "output": [output]}
        alice("CGImport", data, "imports/kiln")
        admin("createEmptyBuild", "sketch", "1", "1", None, draft=True)
        alice("CGInitBuild", "kiln", {"name": "reserved", "version": "1", "release": "1", "epoch": 0})

    def mails(self) -> None:
        """Subscriptions and blocks."""
        admin, alice = self.admin, self.alice
        ids = {name: admin("getPackageID", name) for name in ("fermenter", "yeast")}
        tag = admin("getTagID", "demo-40")
        alice("createNotification", 2, ids["fermenter"], tag, True)
        alice("createNotification", 2, None, tag, False)
        admin("createNotification", 1, ids["yeast"], None, False)
        alice("createNotificationBlock", 2, ids["yeast"], None)
        admin("createNotificationBlock", 1, None, tag)

    def changes(self) -> None:
        """History of more kinds, a side tag, a moved build, what was deleted."""
        admin, alice = self.admin, self.alice
        alice("createSideTag", "demo-40-build")
        admin("createTag", "demo-gone")
        admin("deleteTag", "demo-gone")
        admin("packageListSetOwner", "demo-40", "yeast", "carol")
        admin("changeBuildVolume", "yeast-7-1.mr1", "vol1")
        admin("revokePermission", "bob", "dist-repo")
        admin("removeExternalRepoFromTag", "demo-40", "ext-two")
        admin("addExternalRepoToTag", "demo-40", "ext-two", 15)
        admin("removeHostFromChannel", "builder3.example.org", "closed")
        admin("scheduler.doRun", force=True)
        repo, _ = self.builder("host.repoInit", "demo-40-build")
        self.builder("host.repoDone", repo, {})
