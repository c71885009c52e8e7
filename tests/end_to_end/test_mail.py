"""Mail about builds and tags: the hub decides who gets some, a builder writes it, a real server takes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from moromi.constants import TaskState
from moromi.errors import GenericError
from samplesite import content
from samplesite.site import ADMIN, BUILDER, Site
from support.commands import Command, command_of
from support.mail import Mailbox, mailbox, text_of
from support.sites import Builds, Package, builds_on, running_site

DOMAIN = "brewery.example"
CHANGELOG = "%changelog\n* Mon Jan 06 2025 Ada <ada@brewery.example> - 1-1\n- Grüße & more\n"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def site(can_build: None, box: Mailbox) -> Iterator[Site]:
    """A site that sends mail."""
    hub = {"DisableNotifications": "no", "NotifyOnSuccess": "yes", "EmailDomain": DOMAIN}
    account = {"smtp_user": "post", "smtp_pass": "secret"}
    builder = {"smtphost": box.address, "from_addr": "Site <site@x.example>", **account}
    with running_site(
        ["good", "bad", "slow"], hub, {**builder, "from_addr": "Site <site@x.example>"}
    ) as made:
        with made.session() as session:
            session.createUser("ada")
            session.createNotification(session.getUser("ada")["id"], None, None, True)
            session.updateNotification(1, None, None, False)
        yield made


@pytest.fixture(scope="module")
def builds(site: Site) -> Iterator[Builds]:
    with builds_on(site) as made:
        yield made


@pytest.fixture(scope="module")
def koji(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return command_of(site, "koji", tmp_path_factory.mktemp("koji"))


@pytest.fixture(scope="module")
def good(builds: Builds) -> int:
    """A build that went well; its task."""
    package = Package("good", files=f"/usr/share/%{{name}}\n{CHANGELOG}")
    return builds.run(package)


def test_a_build_that_went_well(good: int, builds: Builds, box: Mailbox, site: Site) -> None:
    build = builds.build_of(good)
    recipients, mail = box.about("Package: good-")
    assert set(recipients) == {f"ada@{DOMAIN}", f"{ADMIN}@{DOMAIN}"}
    assert mail["Subject"] == f"Package: {build['nvr']} Tag: sample Status: complete Built by: {ADMIN}"
    assert (mail["From"], mail["X-Koji-Tag"], mail["X-Koji-Status"]) == (
        "Site <site@x.example>",
        "sample",
        "complete",
    )
    assert (mail["X-Koji-Package"], mail["X-Koji-Builder"], mail["X-Koji-Draft"]) == ("good", ADMIN, "False")
    text = text_of(mail)
    assert f"\nChangelog:\n* Mon Jan 06 2025 Ada <ada@{DOMAIN}> - 1-1\n- Grüße & more\n" in text
    assert f"\nSRPMS:\n  {build['nvr']}.src.rpm\n" in text and "Failed tasks" not in text
    child = builds.child(good, "buildArch")
    top = f"{site.url}/kojifiles/packages/good/1/1.mini1"
    lines = text.splitlines()
    at = lines.index(f"Task {child['id']} on {BUILDER}")
    assert lines[at + 1 : at + 3] == [f"Task Type: buildArch ({build['nvr']}.src.rpm, noarch)", "logs:"]
    assert {f"  {top}/data/logs/noarch/build.log", f"  {top}/noarch/{build['nvr']}.noarch.rpm"} <= set(lines)
    assert lines[-2] == f"Task Info: {site.url}/taskinfo?taskID={good}"
    assert box.logins[0] == ("post", "secret")
    assert all(line.endswith(b"\r\n") for line in box.raw[0].splitlines(keepends=True))
    (task,) = builds.session.listTasks({"method": "buildNotification", "decode": True}, {})
    assert builds.wait(task["id"]) == TaskState.CLOSED
    result = builds.session.getTaskResult(task["id"])
    assert result == f"sent notification of build {build['id']} to: {', '.join(task['request'][0])}"


def test_links_in_a_mail_lead_somewhere(good: int, builds: Builds, box: Mailbox) -> None:
    builds.wait(good)
    _recipients, mail = box.about("Package: good-")
    urls = [line.strip() for line in text_of(mail).splitlines() if "/kojifiles/" in line]
    assert len(urls) > 4
    for url in urls:
        assert requests.get(url, timeout=60).status_code == 200, url


def test_a_build_that_failed(builds: Builds, box: Mailbox, site: Site) -> None:
    task_id = builds.submit(Package("bad", build="false"))
    assert builds.wait(task_id) == TaskState.FAILED
    _recipients, mail = box.about("Package: bad-")
    assert mail["X-Koji-Status"] == "failed"
    text = text_of(mail)
    build = builds.build_of(task_id)
    child = builds.child(task_id, "buildArch")
    assert f"\n{build['nvr']} ({build['id']}) failed on {BUILDER} (noarch):\n  error building package" in text
    assert f"\nFailed tasks:\n-------------\n\nTask {task_id} on {BUILDER}\n" in text
    link = f"{site.url}/getfile?taskID={child['id']}&name=build.log&volume=DEFAULT"
    assert f"{link}\n" in text
    assert "+ false" in requests.get(link, timeout=60).text


def test_a_build_that_was_canceled(builds: Builds, koji: Command, box: Mailbox) -> None:
    task_id = builds.submit(Package("slow", build="sleep 300"))
    child = builds.wait_for_child(task_id, "buildArch")
    koji("cancel", task_id)
    _recipients, mail = box.about("Package: slow-")
    lines = text_of(mail).splitlines()
    assert {"Status: canceled", f"Canceled by: {ADMIN}", f"Task {child['id']} on {BUILDER}"} <= set(lines)
    assert "Canceled tasks:" in lines


def test_tag_operations(good: int, builds: Builds, koji: Command, box: Mailbox) -> None:
    """The build's own tagging is not told; what people do afterwards is."""
    nvr = builds.build_of(good)["nvr"]
    assert not [mail for _, mail in box.received if "tagged into" in mail["Subject"]]
    koji("add-tag", "later")
    koji("add-pkg", "--owner", ADMIN, "later", "good")
    koji("call", "tagBuild", "later", nvr)
    _recipients, mail = box.about("successfully tagged into later")
    assert mail["Subject"] == f"{nvr} successfully tagged into later by {ADMIN}"
    assert text_of(mail) == (
        f"Package: good\nNVR: {nvr}\nUser: {ADMIN}\nStatus: complete\n"
        "Tag Operation: tagged\nInto Tag: later\n"
        f"\n{nvr} successfully tagged into later by {ADMIN}\n"
    )
    koji("untag-build", "later", nvr)
    _recipients, mail = box.about("untagged from later")
    assert mail.get_all("X-Koji-Tag") == ["later"]
    koji("move-build", "--nowait", content.DEST, "later", nvr)
    _recipients, mail = box.about("moved from")
    assert mail.get_all("X-Koji-Tag") == [content.DEST, "later"]
    assert mail["Subject"] == f"{nvr} successfully moved from {content.DEST} into later by {ADMIN}"


def test_a_failed_tagging(good: int, builds: Builds, koji: Command, box: Mailbox) -> None:
    nvr = builds.build_of(good)["nvr"]
    koji("add-tag", "strict")
    koji("add-pkg", "--owner", ADMIN, "strict", "good")
    task_id = builds.session.tagBuild("strict", nvr)
    assert builds.wait(task_id) == TaskState.CLOSED
    again = builds.session.makeTask("tagBuild", [builds.session.getTagID("strict"), nvr, False, None, False])
    assert builds.wait(again) == TaskState.FAILED
    _recipients, mail = box.about("unsuccessfully tagged into strict")
    assert "Operation failed with the error:\n    TagError: build " in text_of(mail)
    assert mail["X-Koji-Status"] == "failed"


def test_mail_that_cannot_be_sent(good: int, builds: Builds, box: Mailbox) -> None:
    """Nobody takes it: the task says so. Somebody does: it went."""
    build = builds.build_of(good)
    arguments = [True, None, None, build["id"], 1]
    nobody = builds.session.makeTask("tagNotification", [["nobody@x.example"], *arguments])
    assert "no such person" in str(builds.failure(nobody))
    both = builds.session.makeTask("tagNotification", [["nobody@x.example", "ada@x.example"], *arguments])
    assert builds.wait(both) == TaskState.CLOSED
    none = builds.session.makeTask("tagNotification", [[], *arguments])
    assert builds.wait(none) == TaskState.CLOSED and builds.session.getTaskResult(none) is None
    quiet = builds.session.makeTask("tagNotification", [["ada@x.example"], *arguments, True])
    assert builds.wait(quiet) == TaskState.CLOSED and builds.session.getTaskResult(quiet) is None
    wicked = {**build, "owner_name": "x\nBcc: all@x.example"}
    task_id = builds.session.makeTask("buildNotification", [["ada@x.example"], wicked, None, "http://x"])
    with pytest.raises(GenericError, match="not a mail header"):
        raise builds.failure(task_id)
