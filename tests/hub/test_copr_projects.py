"""API v3 over real HTTP: transport, tokens, projects, chroots. The rows of the contract's tables."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from support.copr import CHROOT, CHROOTS, LOGIN_INVALID, PROJECT, Api, CoprHub

URL = "http://copr.example.org"


def test_transport(copr: CoprHub, alice: Api) -> None:
    nobody = copr.anonymous()
    assert nobody.ok("GET", "/") == {"version": 3}
    assert nobody.error("GET", "/no/such") == (404, "Such API endpoint doesn't exist")
    assert nobody.error("GET", "/build/abc") == (404, "Such API endpoint doesn't exist")
    assert nobody.error("POST", "/project") == (405, "The method is not allowed for the requested URL.")
    where = "ownername=alice&projectname=proj"
    assert nobody.ok("GET", f"/project/?{where}")["full_name"] == "alice/proj"
    # copies of the path in the query do not count, keys that are null or unknown neither
    query = "?ownername=bob&projectname=other"
    body = {"description": "x", "homepage": None, "progress_callback": None}
    edited = alice("PUT", f"/project/edit/alice/proj/{query}", body)
    assert edited.status_code == 200 and edited.json()["description"] == "x"
    assert "Warning" not in edited.headers
    old = alice("POST", "/project/edit/alice/proj", {"description": "y"})
    assert old.headers["Warning"] == "This method is deprecated: Use PUT method instead of POST"
    refused = alice("POST", "/project/edit/alice/proj", {"isolation": "x"})
    assert refused.status_code == 400 and "deprecated" in refused.headers["Warning"]
    broken = alice("PUT", "/project/edit/alice/proj", data="{", headers={"Content-Type": "application/json"})
    text = "The browser (or proxy) sent a request that this server could not understand."
    assert (broken.status_code, broken.json()["error"]) == (400, text)
    assert nobody.error("GET", "/project") == (400, "Missing argument ownername")
    form = alice("PUT", "/project/edit/alice/proj", data={"description": "plain", "enable_net": "True"})
    assert (form.json()["description"], form.json()["enable_net"]) == ("plain", True)
    lists = alice("PUT", "/project/edit/alice/proj", data={"chroots": " ".join(CHROOTS[:2])})
    assert sorted(lists.json()["chroot_repos"]) == sorted(CHROOTS[:2])
    unknown = nobody.error("GET", "/project?ownername=@none&projectname=x")
    assert unknown == (404, "Group none does not exist.")


def test_tokens(copr: CoprHub, alice: Api) -> None:
    refused = (401, LOGIN_INVALID.format(URL))
    who = alice.ok("GET", "/auth-check")
    assert who["name"] == "alice"
    login, token = alice.auth or ("", "")
    assert max(len(login), len(token)) <= 40 and (login + token).islower() and ":" not in login
    for auth in (None, (login, "wrong"), ("nobody", token), (login, "")):
        assert Api(copr.url, auth).error("GET", "/auth-check") == refused
    for header in ("Basic", "Basic !", "Bearer x", "Basic " + "eA=="):
        answer = copr.anonymous()("GET", "/auth-check", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["output"]) == (401, "notok")
    new = alice.ok("POST", "/api-token")
    assert new["expiration"] == str(date.today() + timedelta(days=180))
    assert alice.error("GET", "/auth-check") == refused
    again = Api(copr.url, (new["api_login"], new["api_token"]))
    assert again.ok("GET", "/auth-check") == who
    assert Api(copr.url, ("alice", "bob")).error("POST", "/api-token") == refused
    text = "Can't log-in using GSSAPI: Kerberos authentication failed (no credentials provided)"
    assert copr.anonymous().error("GET", "/gssapi_login/") == (403, text)
    nothing = (404, "Such API endpoint doesn't exist")
    assert copr.anonymous().error("POST", "/module/build/alice/proj", {}) == nothing


def test_token_page(copr: CoprHub) -> None:
    web = copr.anonymous().session
    assert "New token" in web.get(f"{copr.url}/api/", timeout=60).text
    given = web.post(f"{copr.url}/api/new/", data={"username": "bob", "password": "bob"}, timeout=60)
    lines = dict(line.split(" = ") for line in given.text.splitlines() if " = " in line)
    assert (lines["username"], lines["copr_url"], lines["encrypted"]) == ("bob", URL, "False")
    assert Api(copr.url, (lines["login"], lines["token"])).ok("GET", "/auth-check")["name"] == "bob"
    wrong = web.post(f"{copr.url}/api/new/", data={"username": "bob", "password": "x"}, timeout=60)
    assert wrong.status_code == 401


NAME = "Name must contain only letters, digits, underscores, dashes and dots."
URLS = (
    "additional_repos: A list of http[s] URLs separated by whitespace characters is needed"
    " ('nonsense' doesn't seem to be a valid URL)."
)
BAD_PROJECTS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name: This field is required."),
    ({"name": "a/b"}, f"name: {NAME}"),
    ({"name": ".."}, f"name: {NAME}"),
    ({"name": "../../etc"}, f"name: {NAME}"),
    ({"name": "é"}, f"name: {NAME}"),
    ({"name": "x" * 101}, f"name: {NAME}"),
    ({"name": "a+b"}, f"name: {NAME}"),
    ({"name": "12"}, "name: Project's name can not be just number."),
    ({"name": "proj"}, "name: You already have a project named 'proj'."),
    ({"chroots": ["nope"]}, "chroots: 'nope' is not a valid choice for this field."),
    ({"chroots": []}, "chroots: At least one chroot must be selected"),
    ({"chroots": None}, "chroots: At least one chroot must be selected"),
    ({"homepage": "ftp://x"}, "homepage: Invalid URL."),
    ({"contact": "nobody"}, "contact: Contact must be email address or URL"),
    ({"bootstrap": "maybe"}, "bootstrap: Not a valid choice."),
    ({"isolation": "maybe"}, "isolation: Not a valid choice."),
    ({"delete_after_days": 721}, "delete_after_days: Number must be between -1 and 720."),
    ({"delete_after_days": "soon"}, "delete_after_days: Not a valid integer value."),
    ({"repo_priority": -5}, "repo_priority: Number must be at least 1."),
    ({"repo_priority": 0}, "repo_priority: Number must be at least 1."),
    ({"description": ["x"]}, "description: Not a valid choice."),
    ({"homepage": "http://x/ y"}, "homepage: Invalid URL."),
    ({"additional_repos": ["nonsense"]}, URLS),
    ({"additional_repos": ["http://x/\n[y]"]}, URLS.replace("nonsense", "http://x/\n[y]")),
    ({"additional_repos": "nonsense"}, URLS),
    ({"additional_repos": ["copr://bob/none"]}, "additional_repos: copr://bob/none does not exist."),
    (
        {"name": "12", "contact": "x"},
        "contact: Contact must be email address or URL\nname: Project's name can not be just number.",
    ),
]


def test_bad_projects(copr: CoprHub, alice: Api) -> None:
    for fields, text in BAD_PROJECTS:
        found = alice.error("POST", "/project/add/alice", {"name": "new", "chroots": [CHROOT], **fields})
        assert found == (400, text), fields
    for field, value, text in (
        ("persistent", True, "Non-admin cannot create persistent project."),
        ("auto_prune", False, "Non-admin cannot disable auto-prunning."),
        ("storage", "backend", "Non-admin cannot set storage"),
    ):
        refused = alice.error("POST", "/project/add/alice", {**PROJECT, "name": "new", field: value})
        assert refused == (403, text), field
    admin = copr.user("kojiadmin")
    body = {**PROJECT, "persistent": True, "delete_after_days": 3}
    text = "delete_after_days: 'delete after' can not be combined with persistent"
    assert admin.error("POST", "/project/add/kojiadmin", body) == (400, text)
    # nothing of all that was left behind
    assert [each["name"] for each in alice.ok("GET", "/project/list")["items"]] == ["proj"]
    assert [path.name for path in (copr.topdir / "copr").iterdir()] == ["alice"]


def test_owners(copr: CoprHub, alice: Api, bob: Api) -> None:
    admin = copr.admin()
    admin("newGroup", "brewers")
    text = "You were authorized as 'alice' user without permissions to access projects of user 'bob'"
    assert alice.error("POST", "/project/add/bob", PROJECT) == (403, text)
    assert alice.error("POST", "/project/add/nobody", PROJECT) == (404, "No such user `nobody'")
    assert alice.error("POST", "/project/add/@none", PROJECT) == (404, "Group none does not exist.")
    text = "User 'alice' doesn't have access to the copr group 'brewers' (fas_name='brewers')"
    assert alice.error("POST", "/project/add/@brewers", PROJECT) == (403, text)
    admin("addGroupMember", "brewers", "alice")
    made = alice.ok("POST", "/project/add/@brewers", PROJECT)
    assert (made["ownername"], made["full_name"]) == ("@brewers", "@brewers/proj")
    text = "name: Group brewers (fas: brewers) already has a project named 'proj'."
    assert alice.error("POST", "/project/add/@brewers", PROJECT) == (400, text)
    again = alice.ok("POST", "/project/add/@brewers?exist_ok=True", {**PROJECT, "description": "other"})
    assert again == made
    assert admin("getTag", f"coprg+brewers+proj+{CHROOT}+build")["arches"] == "x86_64"
    # whoever leaves the group has no rights left
    alice.ok("PUT", "/project/edit/@brewers/proj", {"description": "ours"})
    admin("dropGroupMember", "brewers", "alice")
    text = "Only owners and admins may update their projects."
    assert alice.error("PUT", "/project/edit/@brewers/proj", {}) == (403, text)
    assert copr.user("kojiadmin").ok("POST", "/project/add/bob", PROJECT)["ownername"] == "bob"
    assert bob.error("PUT", "/project/edit/alice/proj", {"chroots": ["nope"]}) == (403, text)
    assert bob.error("PUT", "/project/edit/alice/none", {})[0] == 404


def test_mapping(copr: CoprHub, alice: Api, bob: Api) -> None:
    """Tags, links, targets, external repositories and extra data of a project."""
    admin = copr.admin()
    base = {**PROJECT, "name": "base"}
    bob.ok("POST", "/project/add/bob", base)
    repos = ["http://example.org/$chroot/", "copr://bob/base"]
    alice.ok("PUT", "/project/edit/alice/proj", {"additional_repos": repos, "enable_net": True})
    fields = {
        "additional_packages": "gcc make",
        "additional_repos": ["http://example.org/$distname"],
        "with_opts": "ssl",
        "isolation": "nspawn",
        "additional_modules": "nodejs:18,!perl:5",
    }
    chroot = f"/project-chroot/edit/alice/proj/{CHROOT}"
    edited = alice.ok("PUT", chroot, fields)
    assert (edited["additional_packages"], edited["with_opts"]) == (["gcc", "make"], ["ssl"])
    dest, build = f"copr+alice+proj+{CHROOT}", f"copr+alice+proj+{CHROOT}+build"
    links = {link["name"]: link["priority"] for link in admin("getInheritanceData", build)}
    assert links == {dest: 0, f"copr+bob+base+{CHROOT}": 10, f"chroot+{CHROOT}": 50}
    assert [link["name"] for link in admin("getInheritanceData", dest)] == ["copr+alice+proj"]
    target = admin("getBuildTarget", dest)
    assert (target["build_tag_name"], target["dest_tag_name"]) == (build, dest)
    used = admin("getTagExternalRepos", build)
    assert [use["url"] for use in used] == ["http://example.org/mini-1-x86_64/", "http://example.org/mini/"]
    assert {use["merge_mode"] for use in used} == {"bare"}
    # the distribution is linked as links are made unless somebody says otherwise
    admin("createExternalRepo", "mini", "http://mini.example.org/")
    admin("addExternalRepoToTag", "distribution", "mini", 10)
    assert {use["merge_mode"] for use in admin("getExternalRepoList", build)} == {"bare"}
    extra = admin("getBuildConfig", build)["extra"]
    assert extra == {
        "repo.merge_mode": "bare",
        "copr.enable_net": True,
        "mock.new_chroot": 1,
        "rpm.macro._with_ssl": "--with-ssl",
        "mock.module_setup_commands": [["enable", "nodejs:18"], ["disable", "perl:5"]],
    }
    (group,) = [each for each in admin("getTagGroups", build) if each["name"] == "build"]
    assert {entry["package"] for entry in group["packagelist"]} == {"gcc", "make"}
    config = f"/project-chroot/build-config?ownername=alice&projectname=proj&chrootname={CHROOT}"
    shown = alice.ok("GET", config)
    assert [repo["id"] for repo in shown["repos"]] == [
        "copr_base",
        "http_example_org_chroot",
        "copr_bob_base",
        "http_example_org_distname",
    ]
    assert shown["repos"][2]["baseurl"] == f"{URL}/results/bob/base/{CHROOT}/"


def test_mapping_ends(copr: CoprHub, alice: Api) -> None:
    admin = copr.admin()
    dest, build = f"copr+alice+proj+{CHROOT}", f"copr+alice+proj+{CHROOT}+build"
    chroot = f"/project-chroot/edit/alice/proj/{CHROOT}"
    fields = {
        "additional_repos": ["http://example.org/"],
        "isolation": "nspawn",
        "additional_packages": "gcc",
    }
    alice.ok("PUT", chroot, fields)
    alice.ok("PUT", "/project/edit/alice/proj", {"additional_repos": "http://example.com/"})
    assert len(admin("getTagExternalRepos", build)) == 2
    target = admin("getBuildTarget", dest)
    alice.ok("PUT", chroot, {"reset_fields": ["additional_packages", "isolation", "additional_repos"]})
    alice.ok("PUT", "/project/edit/alice/proj", {"additional_repos": ""})
    assert [use["url"] for use in admin("getTagExternalRepos", build)] == []
    assert "mock.new_chroot" not in admin("getBuildConfig", build)["extra"]
    alice.ok("DELETE", "/project/delete/alice/proj", {"verify": True})
    assert admin("getTag", build) is None and admin("getBuildTarget", dest) is None
    assert not (copr.topdir / "copr/alice/proj").exists()
    assert alice.ok("POST", "/project/add/alice", PROJECT)["name"] == "proj"
    assert admin("getBuildTarget", dest)["id"] == target["id"]


def test_lists(copr: CoprHub, alice: Api, bob: Api) -> None:
    for name in ("brew", "Ale"):
        alice.ok("POST", "/project/add/alice", {**PROJECT, "name": name, "description": f"about {name}s"})
    hidden = {**PROJECT, "name": "hidden", "unlisted_on_hp": True}
    bob.ok("POST", "/project/add/bob", hidden)

    def listed(query: str) -> list[str]:
        return [each["full_name"] for each in alice.ok("GET", f"/project/{query}")["items"]]

    assert listed("list") == ["alice/proj", "alice/brew", "alice/Ale"]
    assert listed("list?ownername=bob") == ["bob/hidden"]
    assert listed("list?ownername=nobody") == listed("list?ownername=@none") == []
    assert listed("list?order=name&order_type=DESC") == ["alice/proj", "alice/brew", "alice/Ale"]
    assert listed("list?limit=2&offset=1") == ["alice/brew", "alice/Ale"]
    assert listed("list?limit=2&offset=9") == []
    assert listed("search?query=ABOUT a") == ["alice/Ale"]
    assert listed("search?query=hid") == []
    assert listed("search?query=LIC/ew") == ["alice/brew"]
    assert listed("search?query=@LIC/ew") == []
    assert listed("search?query=100%25") == []
    meta = alice.ok("GET", "/project/list?limit=2&offset=1&order=name")["meta"]
    assert meta == {"limit": 2, "offset": 1, "order": "name", "order_type": "ASC"}
    number = "['Not a valid integer value.']"
    wrong = {
        "limit=x": f"{{'limit': {number}}}",
        "offset=1.5": f"{{'offset': {number}}}",
        "order=color": "Cannot order by color, copr doesn't have such property",
        "order_type=up": "{'order_type': ['Not a valid choice.']}",
    }
    for query, text in wrong.items():
        assert alice.error("GET", f"/project/list?{query}") == (400, text)


BAD_CHROOTS = {
    "bootstrap_image: Custom image is selected, but not specified": {"bootstrap": "custom_image"},
    "bootstrap_image: Enter valid bootstrap image id (<name>[:<tag>], e.g. fedora:33 or"
    " registry.fedoraproject.org/fedora:rawhide).": {"bootstrap_image": "Fedora::x"},
    "module_toggle: Module name 'x' must consist of two parts separated with colon, e.g. module:stream": {
        "additional_modules": "x"
    },
    # the next would be an option of a program
    "module_toggle: Module name '-c:x' must consist of two parts separated with colon, e.g. module:stream": {
        "additional_modules": "-c:x"
    },
    "module_toggle: Module name 'a' specified multiple times": {"additional_modules": "a:1,a:2"},
    "Trying to reset an invalid attribute: color\n"
    f"See `copr-cli get-chroot alice/proj/{CHROOT}' for all the possible attributes": {
        "reset_fields": ["color"]
    },
    "repos: A list of http[s] URLs separated by whitespace characters is needed"
    " ('x' doesn't seem to be a valid URL).": {"additional_repos": "x"},
    "isolation: Not a valid choice.": {"isolation": "x"},
}


def test_chroots(copr: CoprHub, alice: Api, bob: Api) -> None:
    assert alice.ok("GET", "/mock-chroots/list") == dict.fromkeys(CHROOTS, "")
    where = "ownername=alice&projectname=proj"
    path = f"/project-chroot?{where}&chrootname="
    text = f"Chroot name {CHROOTS[1]} does not exist in Copr alice/proj."
    assert alice.error("GET", path + CHROOTS[1]) == (404, text)
    assert alice.error("GET", path + "x") == (404, "Chroot identification is not valid")
    shown = alice.ok("GET", path + CHROOT)
    assert shown["mock_chroot"] == CHROOT and shown["isolation"] == "unchanged"
    edit = f"/project-chroot/edit/alice/proj/{CHROOT}"
    for text, fields in BAD_CHROOTS.items():
        assert alice.error("PUT", edit, fields) == (400, text)
    text = "Only owners and admins may update their projects."
    assert bob.error("PUT", edit, {"isolation": "x"}) == (403, text)
    assert alice.error("PUT", edit.replace(CHROOT, CHROOTS[2]), {})[0] == 404
    # as the published client sends it
    comps = b"<comps/>"
    fields = ("json", b'{"with_opts": "a b"}', "application/json")
    sent = alice("PUT", edit, files={"json": fields, "upload_comps": ("c.xml", comps)})
    assert (sent.json()["comps_name"], sent.json()["with_opts"]) == ("c.xml", ["a", "b"])
    # a chroot that goes and comes back has what it had
    alice.ok("PUT", "/project/edit/alice/proj", {"chroots": [CHROOTS[2]]})
    assert list(alice.ok("GET", f"/project?{where}")["chroot_repos"]) == [CHROOTS[2]]
    assert (copr.topdir / "copr/alice/proj" / CHROOT / "repodata/repomd.xml").exists()
    alice.ok("PUT", "/project/edit/alice/proj", {"chroots": list(CHROOTS)})
    assert alice.ok("GET", path + CHROOT)["with_opts"] == ["a", "b"]
    copr.admin()("editCoprChroot", CHROOT, active=False, comment="end of life")
    assert CHROOT not in alice.ok("GET", "/mock-chroots/list")
    assert CHROOT not in alice.ok("GET", f"/project?{where}")["chroot_repos"]


def test_ends(copr: CoprHub, alice: Api, bob: Api) -> None:
    where = "/project/delete/alice/proj"
    assert bob.error("DELETE", where) == (403, "Only owners may delete their projects.")
    build = {"ownername": "alice", "projectname": "proj", "pkgs": ["http://example.org/x.src.rpm"]}
    numbers = [alice.ok("POST", "/build/create/url", build)["items"][0]["id"] for _ in range(2)]
    assert bob.error("DELETE", where) == (403, "Only owners may delete their projects.")
    text = "Build(s) {}, {} are still running.\n".format(*numbers)
    assert alice.error("DELETE", where) == (400, text)
    text = (
        f"Can't drop chroot from project, related builds {numbers[0]} and {numbers[1]} are still in progress"
    )
    body = {"chroots": [CHROOTS[1]]}
    assert alice.error("PUT", "/project/edit/alice/proj", body) == (409, text)
    numbers.append(alice.ok("POST", "/build/create/url", build)["items"][0]["id"])
    text = "Can't drop chroot from project, related builds {}, {}, and {} are still in progress"
    assert alice.error("PUT", "/project/edit/alice/proj", body) == (409, text.format(*numbers))
    numbers += [alice.ok("POST", "/build/create/url", build)["items"][0]["id"] for _ in range(3)]
    text = (
        f"Can't drop chroot from project, related builds {', '.join(str(n) for n in numbers[:5])},"
        " and others are still in progress"
    )
    assert alice.error("PUT", "/project/edit/alice/proj", body) == (409, text)
    for number in numbers[1:]:
        assert alice.ok("PUT", f"/build/cancel/{number}")["state"] == "canceled"
    text = f"Can't drop chroot from project, related build {numbers[0]} is still in progress"
    assert alice.error("PUT", "/project/edit/alice/proj", body) == (409, text)
    alice.ok("PUT", f"/build/cancel/{numbers[0]}")
    # an admin of the project may delete it
    alice.ok("PUT", "/project/permissions/set/alice/proj", {"bob": {"admin": "approved"}})
    assert bob.ok("DELETE", where, {"verify": True})["full_name"] == "alice/proj"
    gone = alice.error("GET", "/project?ownername=alice&projectname=proj")
    assert gone == (404, "Project alice/proj does not exist.")
    assert alice.error("GET", f"/build/{numbers[0]}") == (404, f"Build {numbers[0]} does not exist.")
    admin = copr.user("kojiadmin")
    admin.ok("POST", "/project/add/alice", {**PROJECT, "name": "kept", "persistent": True})
    text = "This project is protected against deletion."
    assert alice.error("DELETE", "/project/delete/alice/kept") == (403, text)
