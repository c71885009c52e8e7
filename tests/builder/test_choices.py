"""Arches of builds and subtasks; facts of source packages and checkouts."""

from pathlib import Path
from typing import Any

import pytest

from moromi.errors import BuildError
from moromi_builder.archchoice import build_arches, task_arch
from moromi_builder.srpm import SourcePackage, check_spec, find_spec, sources_directory

TAG: dict[str, Any] = {"id": 5, "name": "f1-build", "arches": "x86_64 i686 ppc64le", "extra": {}}


def package(
    build: tuple[str, ...] = (), exclusive: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
) -> SourcePackage:
    return SourcePackage("hello", "1", "1", None, build, exclusive, exclude)


@pytest.mark.parametrize(
    ("source", "extra", "override", "expected"),
    [
        (package(), None, None, ["x86_64", "i686", "ppc64le"]),
        (package(), "i586 aarch64", None, ["x86_64", "i686", "ppc64le", "i586"]),
        (package(build=("noarch",)), None, None, ["noarch"]),
        (package(exclusive=("x86_64", "noarch")), None, None, ["x86_64", "noarch"]),
        (package(exclude=("ppc64le",)), None, None, ["x86_64", "i686"]),
        (package(build=("noarch",), exclusive=("x86_64",)), None, None, ["noarch"]),
        (package(), None, "x86_64 x86_64 riscv64", ["x86_64"]),
    ],
)
def test_build_arches(
    source: SourcePackage, extra: str | None, override: str | None, expected: list[str]
) -> None:
    assert build_arches(source, TAG, extra, override) == expected


def test_no_arches() -> None:
    with pytest.raises(BuildError, match=r"No arches for tag f1-build \[5\]"):
        build_arches(package(), {**TAG, "arches": ""}, None, None)
    with pytest.raises(BuildError, match="No matching arches were found"):
        build_arches(package(exclusive=("s390x",)), TAG, None, None)


def test_task_arches() -> None:
    assert task_arch("i686", package(), TAG, "") == "i386"
    assert task_arch("i686", package(), TAG, "i?86") == "i686"
    assert task_arch("noarch", package(), TAG, "") == "noarch"
    assert task_arch("noarch", package(exclusive=("ppc64le", "noarch")), TAG, "") == "ppc64le"
    assert task_arch("noarch", package(exclude=("i686", "ppc64le")), TAG, "") == "x86_64"
    limited = {**TAG, "extra": {"noarch_arches": "x86_64 aarch64"}}
    assert task_arch("noarch", package(), limited, "") == "x86_64"
    assert task_arch("noarch", None, limited, "") == "x86_64"
    with pytest.raises(BuildError, match="No valid arches were found"):
        task_arch("noarch", package(exclude=("x86_64",)), limited, "")


def test_spec_of_a_checkout(tmp_path: Path) -> None:
    checkout = tmp_path / "hello"
    (checkout / "SPECS").mkdir(parents=True)
    with pytest.raises(BuildError, match="No spec file found"):
        find_spec(checkout, True)
    (checkout / "SPECS" / "other.spec").touch()
    assert find_spec(checkout, True).name == "other.spec"
    with pytest.raises(BuildError, match="No spec file found"):
        find_spec(checkout, False)
    (checkout / "one.spec").touch()
    (checkout / "two.spec").touch()
    with pytest.raises(BuildError, match=r"none is matching SCM checkout dir name: one\.spec, two\.spec"):
        find_spec(checkout, True)
    (checkout / "hello.spec").touch()
    assert find_spec(checkout, True).name == "hello.spec"


def test_links_out_of_a_checkout_are_refused(tmp_path: Path) -> None:
    checkout = tmp_path / "hello"
    checkout.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "hello.spec").touch()
    (checkout / "hello.spec").symlink_to(tmp_path / "secret" / "hello.spec")
    with pytest.raises(BuildError, match=r"hello\.spec leads out of hello"):
        find_spec(checkout, True)
    (checkout / "SOURCES").symlink_to(tmp_path / "secret")
    with pytest.raises(BuildError, match="SOURCES leads out of hello"):
        sources_directory(checkout, True)
    assert sources_directory(checkout, False) == checkout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Vendor: me", "Vendor is not allowed to be set in spec file"),
        ("packager : me", "Packager is not allowed to be set in spec file"),
        ("%define distribution mine", "distribution is not allowed to be defined in spec file"),
    ],
)
def test_specs_must_leave_the_build_system_its_tags(tmp_path: Path, line: str, message: str) -> None:
    spec = tmp_path / "a.spec"
    spec.write_text(f"Name: a\n{line}\n")
    with pytest.raises(BuildError) as caught:
        check_spec(spec)
    assert str(caught.value) == message
    spec.write_text("Name: a\nSummary: Vendor: of things\n%define vendorless 1\n")
    check_spec(spec)
