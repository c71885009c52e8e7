"""SCM URLs: what the grammar takes, and what an attacker might hope that it takes."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moromi.errors import BuildError, GenericError
from moromi.scm import is_scm_url, parse_scm_url


def test_the_parts() -> None:
    scm = parse_scm_url("git+ssh://joe@git.example.org:2222/rpms/mash.git?sub/dir/#refs/heads/f40")
    assert (scm.scmtype, scm.scheme, scm.user) == ("GIT+SSH", "git+ssh://", "joe")
    assert (scm.host, scm.repository) == ("git.example.org:2222", "/rpms/mash.git")
    assert (scm.module, scm.revision) == ("sub/dir", "refs/heads/f40")
    assert scm.url == "git+ssh://joe@git.example.org:2222/rpms/mash.git?sub/dir#refs/heads/f40"
    assert scm.public_url == "git+ssh://git.example.org:2222/rpms/mash.git?sub/dir#refs/heads/f40"
    assert scm.source("abc") == "git+ssh://git.example.org:2222/rpms/mash.git?sub/dir#abc"


def test_what_callbacks_and_policies_are_told() -> None:
    scm = parse_scm_url("git+https://h.org/a/b#c")
    assert scm.info() == {
        "url": "git+https://h.org/a/b#c",
        "scheme": "git+https://",
        "user": None,
        "host": "h.org",
        "repository": "/a/b",
        "module": "",
        "revision": "c",
        "scmtype": "GIT",
    }
    assert scm.policy_data() == {
        "scm_url": "git+https://h.org/a/b#c",
        "scm_scheme": "git+https://",
        "scm_user": None,
        "scm_host": "h.org",
        "scm_repository": "/a/b",
        "scm_module": "",
        "scm_revision": "c",
        "scm_type": "GIT",
    }


@pytest.mark.parametrize(
    ("url", "scmtype", "clone_url"),
    [
        ("git://h/a#r", "GIT", "git://h/a"),
        ("git+http://h/a#r", "GIT", "http://h/a"),
        ("git+https://h/a#r", "GIT", "https://h/a"),
        ("git+rsync://h/a#r", "GIT", "rsync://h/a"),
        ("git+file:///srv/a#r", "GIT", "file:///srv/a"),
        ("git+ssh://u@h/a#r", "GIT+SSH", "ssh://u@h/a"),
        ("svn://h/a#5", "SVN", "svn://h/a"),
        ("svn+http://h/a#HEAD", "SVN", "http://h/a"),
        ("svn+https://h/a#5", "SVN", "https://h/a"),
        ("svn+ssh://u@h/a#5", "SVN+SSH", "svn+ssh://u@h/a"),
        ("GIT+HTTPS://Git.Example.ORG/A#R", "GIT", "https://git.example.org/A"),
    ],
)
def test_clone_urls(url: str, scmtype: str, clone_url: str) -> None:
    scm = parse_scm_url(url)
    assert (scm.scmtype, scm.clone_url) == (scmtype, clone_url)


def test_cvs() -> None:
    assert parse_scm_url("cvs://h/cvs/repo?mod#HEAD").cvs_root == ":pserver:anonymous@h:/cvs/repo"
    assert parse_scm_url("cvs+ssh://u@h/cvs/repo?mod#HEAD").cvs_root == ":ext:u@h:/cvs/repo"


@pytest.mark.parametrize(
    ("url", "repository", "module"),
    [
        ("git://h//a///b//#r", "/a/b", ""),
        ("git://h/a/?#r", "/a", ""),
        ("git://h/a?/#r", "/a", ""),
        ("git://h/a?/m//n/#r", "/a", "m/n"),
        ("git://h/~joe/a.git#r", "/~joe/a.git", ""),
        ("git://h/libstdc++/a@b#r", "/libstdc++/a@b", ""),
    ],
)
def test_normalised_paths(url: str, repository: str, module: str) -> None:
    scm = parse_scm_url(url)
    assert (scm.repository, scm.module) == (repository, module)


@pytest.mark.parametrize(
    "revision", ["v1.0^0", "HEAD~1", "{2024-01-01}", "@{u}", "a=b", "origin/f40", "f40-+1"]
)
def test_revisions(revision: str) -> None:
    assert parse_scm_url(f"git://h/a#{revision}").revision == revision


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("git+file://h/a#r", "Unable to parse SCM URL: git+file://h/a#r . A file has no host."),
        ("http://h/a#r", "Invalid scheme in scm url. Valid schemes are: cvs+ssh://, cvs://, git+file://, "),
        ("file:///etc/passwd#r", "Invalid scheme in scm url."),
        ("ext::sh -c id#r", "Invalid scheme in scm url."),
        ("git:/h/a#r", "Invalid scheme in scm url."),
        ("git://u@v@h/a#r", "Invalid username@hostname specified: u@v@h"),
        ("git://u:p@h/a#r", "username:password format not supported: u:*"),
        ("git://h#r", "Unable to parse SCM URL: git://h#r . Could not find the path element."),
        ("git://h/#r", "Unable to parse SCM URL: git://h/#r . Could not find the path element."),
        ("git://h/a;x#r", "Unable to parse SCM URL: git://h/a;x#r . Params element x should be empty."),
        ("git://h/a", "Unable to parse SCM URL: git://h/a . Could not find the fragment element."),
        ("git://h/a#", "Unable to parse SCM URL: git://h/a# . Could not find the fragment element."),
    ],
)
def test_what_is_said(url: str, text: str) -> None:
    with pytest.raises(GenericError) as caught:
        parse_scm_url(url)
    assert str(caught.value).startswith(text)


ATTACKS = [
    # The path: climbing, escapes, backslashes, options.
    "git://good.org/ok/../evil#r",
    "git://good.org/ok/./evil#r",
    "git://good.org/..#r",
    "git://good.org/ok/%2e%2e/evil#r",
    "git://good.org/ok%2fevil#r",
    "git://good.org/ok%00#r",
    "git://good.org/ok\\..\\evil#r",
    "git://good.org/ok/--upload-pack=id#r",
    "git://good.org/-ok#r",
    "git://good.org/ok?../../etc#r",
    "git://good.org/ok?-x#r",
    "git://good.org/ok?a%2f..%2fb#r",
    # The host: two readings of where it ends.
    "git://good.org@evil.org@x/ok#r",
    "git://evil.org\\@good.org/ok#r",
    "git://evil.org%2f@good.org/ok#r",
    "git://good.org:80:90/ok#r",
    "git://good.org:port/ok#r",
    "git://good.org:99999/ok#r",
    "git://good.org:0/ok#r",
    "git://good.org:/ok#r",
    "git://good.org./ok#r",
    "git:///ok#r",
    "git://-oProxyCommand=id/ok#r",
    "git+ssh://u@-oProxyCommand=id/ok#r",
    "git+ssh://-oProxyCommand=id@good.org/ok#r",
    "git+ssh://@good.org/ok#r",
    "git://good.org ,evil.org/ok#r",
    "git://g\u043e\u043ed.org/ok#r",
    "git://[::1/ok#r",
    "git://[x]/ok#r",
    # The revision: options, refspecs, climbing, line breaks.
    "git://good.org/ok#--upload-pack=id",
    "git://good.org/ok#-x",
    "git://good.org/ok#a:refs/heads/main",
    "git://good.org/ok#+refs/heads/*",
    "git://good.org/ok#a..b",
    "git://good.org/ok#a b",
    "git://good.org/ok#a\nb",
    "git://good.org/ok#a#b",
    "git://good.org/ok#$(id)",
    "git://good.org/ok#`id`",
    # Characters that end or split words elsewhere.
    "git://good.org/ok\n#r",
    "git://good.org/o\0k#r",
    "git://good.org/o k#r",
    "git://good.org/ok?a?b#r",
    "git://good.org/$(id)#r",
    "git://good.org/*#r",
    "\tgit://good.org/ok#r",
]


@pytest.mark.parametrize("url", ATTACKS)
@pytest.mark.parametrize("allow_password", [False, True])
def test_attacks(url: str, allow_password: bool) -> None:
    with pytest.raises(GenericError):
        parse_scm_url(url, allow_password)


@pytest.mark.parametrize("scheme", ["git+ssh://", "svn+ssh://", "cvs+ssh://"])
def test_ssh_needs_a_user(scheme: str) -> None:
    with pytest.raises(BuildError, match="No user specified for repository access scheme"):
        parse_scm_url(f"{scheme}h/a#r")


def test_passwords() -> None:
    scm = parse_scm_url("git+https://joe:s3cret@h/a#r", allow_password=True)
    assert scm.user == "joe:s3cret"
    assert scm.clone_url == "https://joe:s3cret@h/a"
    assert "s3cret" not in scm.public_url + scm.source("x")
    for url in ("git+https://joe:s3cret@h/a#r", "git+https://joe:s3cret@h/../a#r"):
        with pytest.raises(GenericError) as caught:
            parse_scm_url(url)
        assert "s3cret" not in str(caught.value)
    with pytest.raises(GenericError) as caught:
        parse_scm_url("git+https://joe:s3cret@h/../a#r", allow_password=True)
    assert "s3cret" not in str(caught.value)


def test_is_scm_url() -> None:
    assert is_scm_url("git+https://h/a#r") and is_scm_url("SVN://h")
    assert not is_scm_url("cli-build/1/a.src.rpm")
    assert not is_scm_url("https://h/a.src.rpm")


WORDS = st.text("ab/.@:#?%-\\ ;~", max_size=14)


@example("", "", "/@")
@given(WORDS, WORDS, WORDS)
def test_what_is_judged_is_what_runs(before: str, middle: str, after: str) -> None:
    """No URL that a rule for one host and path lets through leads elsewhere."""
    try:
        scm = parse_scm_url(f"git://{before}good.org{middle}/ok{after}#r", allow_password=True)
    except GenericError:
        return
    if scm.host == "good.org" and fnmatch.fnmatchcase(scm.repository, "/ok/*"):
        # an `@` after the first slash belongs to the path, not to a login
        netloc, slash, path = scm.clone_url.removeprefix("git://").partition("/")
        rest = netloc.rpartition("@")[2] + slash + path
        assert rest.startswith("good.org/ok/")
        assert ".." not in rest.split("/") and "//" not in rest and "%" not in rest
    # The parts, written out, are read as the same parts.
    assert parse_scm_url(scm.url, allow_password=True) == scm
