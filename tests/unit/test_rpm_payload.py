"""What is inside packages, read without rpm, and archives that are none."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from moromi import rpm
from moromi.errors import GenericError

DATA = Path(__file__).parent.parent / "data" / "rpms"
SOURCE = DATA / "fermenter-1.2-3.mr1.src.rpm"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.rpm")), ids=lambda path: path.name)
def test_members_are_those_of_the_header(path: Path) -> None:
    header = rpm.read_header(path)
    # the content of what is listed as a ghost is nowhere
    expected = {each.name: each for each in header.files() if not each.flags & 64}
    with rpm.opened_payload(path) as members:
        found = {member.name: (member.mode, len(member.read())) for member in members}
    assert set(found) == set(expected)
    for name, (mode, size) in found.items():
        assert mode == expected[name].mode & 0xFFFF
        assert size == expected[name].size or not stat.S_ISREG(mode)


def test_what_is_not_read_is_skipped() -> None:
    with rpm.opened_payload(SOURCE) as members:
        names = [(member.name, member.read(2))[0] for member in members]
    assert "fermenter.spec" in names


def test_broken_archives(tmp_path: Path) -> None:
    whole = SOURCE.read_bytes()
    end = rpm.read_header(SOURCE).end
    path = tmp_path / "x.rpm"
    for data in (
        whole[: end + 40],
        whole[:end],
        whole[:end] + b"\0" * 300,
        whole[: end + 20] + b"\xff" * 60 + whole[end + 80 :],
    ):
        path.write_bytes(data)
        with pytest.raises(GenericError, match="payload of an rpm"), rpm.opened_payload(path) as members:
            for member in members:
                member.read()


def test_archives_without_end() -> None:
    with rpm.opened_payload(SOURCE, most=500) as members, pytest.raises(GenericError, match="no end"):
        for member in members:
            member.read()
