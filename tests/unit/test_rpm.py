"""The rpm reader against real packages, and against createrepo_c, which reads them with librpm."""

from __future__ import annotations

import struct
from pathlib import Path

import createrepo_c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moromi import rpm
from moromi.constants import DepType
from moromi.errors import GenericError
from moromi.rpm.openpgp import packet_key_id
from moromi.rpm.raw import MAGIC, MAX_COUNT, RawHeader
from moromi.rpm.tags import TAGS

DATA = Path(__file__).parent.parent / "data" / "rpms"
FILES = sorted(DATA.glob("*.rpm"))
BINARY = DATA / "fermenter-1.2-3.mr1.x86_64.rpm"
SIGNED = DATA / "fermenter-1.2-3.mr1.x86_64.signed.rpm"
SOURCE = DATA / "fermenter-1.2-3.mr1.src.rpm"
NOARCH = DATA / "yeast-7-1.mr1.noarch.rpm"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_agrees_with_librpm(path: Path) -> None:
    header = rpm.read_header(path)
    package = createrepo_c.package_from_rpm(str(path), changelog_limit=100)
    assert header.name == package.name
    assert header.arch == package.arch
    assert str(header["EPOCHNUM"]) == package.epoch
    assert (header.version, header.release) == (package.version, package.release)
    assert header["SUMMARY"] == package.summary
    assert header["DESCRIPTION"] == package.description
    assert header["LICENSE"] == package.rpm_license
    assert header["BUILDTIME"] == package.time_build
    assert header["BUILDHOST"] == package.rpm_buildhost
    assert header["SOURCERPM"] == (package.rpm_sourcerpm or None)
    assert header["SIZE"] == package.size_installed
    assert header["ARCHIVESIZE"] == package.size_archive
    assert (header.start, header.end) == (package.rpm_header_start, package.rpm_header_end)
    files = [f"{directory}{name}" for _type, directory, name, *_rest in package.files]
    if not header.is_source:
        assert header.filenames == files
    newest_last = [(author, time, text) for author, time, text in package.changelogs]
    assert [(entry.author, entry.time, entry.text) for entry in header.changelogs()][::-1] == newest_last


def test_binary_package() -> None:
    header = rpm.read_header(BINARY)
    assert header.nvra == "fermenter-1.2-3.mr1.x86_64"
    assert (header.epoch, header.is_source, header.sigkey) == (0, False, "")
    assert header["sourcerpm"] == "fermenter-1.2-3.mr1.src.rpm"
    assert header["NEVRA"] == "fermenter-0:1.2-3.mr1.x86_64"
    assert header["REQUIRENAME"][:2] == ["config(fermenter)", "fermenter-data"]
    assert header["ENHANCENAME"] == []
    assert header["NOSOURCE"] == []
    assert header.sigmd5 == header.identity == "03e0d75ec06b618c1e46bfb4bb692950"
    assert header.dependencies(DepType.OBSOLETE) == [("old-fermenter", "1.0", 2, DepType.OBSOLETE)]
    assert {each.type for each in header.dependencies()} == {
        *(DepType.REQUIRE, DepType.PROVIDE, DepType.OBSOLETE, DepType.CONFLICT),
        *(DepType.SUGGEST, DepType.RECOMMEND),
    }
    assert header["REQUIRENEVRS"][0] == "config(fermenter) = 0:1.2-3.mr1"
    assert header["OBSOLETENEVRS"] == ["old-fermenter < 1.0"]
    assert [entry.text for entry in header.changelogs()][1] == "- \u00dcbersetzung added"


def test_files() -> None:
    files = {entry.name: entry for entry in rpm.read_header(BINARY).files()}
    config = files["/etc/fermenter/mash.conf"]
    assert (config.user, config.group, config.digest_algo) == ("root", "root", "sha256")
    assert len(config.digest) == 64
    assert config.mode == 0o100644
    assert config.flags & 1
    link = files["/usr/lib/.build-id/d9/83c8e28eda396a4f95482c88c479fa3f2d2f19"]
    assert link.linkto == "../../../../usr/bin/fermenter"
    assert (link.mode, link.digest) == (0o120777, "")


def test_source_package() -> None:
    header = rpm.read_header(SOURCE)
    assert (header.is_source, header.arch, header["ARCH"], header["SOURCEPACKAGE"]) == (
        True,
        "src",
        "x86_64",
        1,
    )
    assert header.fields(["Arch", "name"], src_arch=True) == {"Arch": "src", "name": "fermenter"}
    assert header.fields(["ARCH"]) == {"ARCH": "x86_64"}


def test_package_without_epoch() -> None:
    header = rpm.read_header(NOARCH)
    assert header.epoch is None
    assert header.fields(["epoch", "evr"]) == {"epoch": None, "evr": "7-1.mr1"}


def test_all_fields() -> None:
    fields = rpm.read_header(BINARY).fields()
    assert fields["NAME"] == "fermenter"
    assert "EPOCH" in fields and "ENHANCENAME" not in fields
    # each tag once, under the name that rpm lists it by
    assert {"PROVIDES", "FILEMD5S", "SIGMD5"} <= fields.keys() and len(fields) == 79
    assert not {"PROVIDENAME", "FILEDIGESTS", "N", "PKGID", "HEADERIMMUTABLE"} & fields.keys()


def test_derived_fields() -> None:
    """The values are what `rpm --queryformat` prints."""
    header = rpm.read_header(BINARY)
    libc = "libc.so.6(GLIBC_2.2.5)(64bit) libc.so.6(GLIBC_2.34)(64bit) libc.so.6()(64bit) rtld(GNU_HASH)"
    assert header["FILEREQUIRE"] == ["", libc, "", "", ""]
    assert header["FILEPROVIDE"] == [""] * 5
    assert (header["HEADERCOLOR"], header["ARCHSUFFIX"], header["DBINSTANCE"]) == (2, ".x86_64", 0)
    assert rpm.read_header(SOURCE)["ARCHSUFFIX"] == ".src"
    lees = rpm.read_header(DATA / "derived" / "lees-1-2.x86_64.rpm")
    assert lees["TRIGGERCONDS"] == ["bar, foo > 1", "baz", "qq", "qz"]
    assert lees["TRIGGERTYPE"] == ["in", "un", "prein", "postun"]
    assert (lees["FILETRIGGERCONDS"], lees["FILETRIGGERTYPE"]) == (["/etc, /usr/lib"], ["in"])
    assert (lees["TRANSFILETRIGGERCONDS"], lees["TRANSFILETRIGGERTYPE"]) == (["/opt"], ["postun"])
    assert lees["FILENLINKS"] == [1, 1, 2, 2, 1, 1]
    assert lees["FILECLASS"] == [
        "Perl script text executable",
        "directory",
        *["ASCII text"] * 2,
        "symbolic link to `a'",
        "fifo (named pipe)",
    ]


def test_unknown_field() -> None:
    with pytest.raises(GenericError, match=r"^No such rpm header field: COLOUR$"):
        rpm.read_header(BINARY)["colour"]


def test_signatures() -> None:
    signed, unsigned = rpm.rip_rpm_sighdr(SIGNED), rpm.rip_rpm_sighdr(BINARY)
    assert rpm.get_sighdr_key(signed) == rpm.read_header(SIGNED).sigkey == "dd1e7033"
    assert rpm.get_sighdr_key(unsigned) is None
    assert list(rpm.read_header(SIGNED).signatures()) == ["RSAHEADER"]
    assert rpm.sighdr_sigmd5(signed) == rpm.sighdr_sigmd5(unsigned) == rpm.read_header(BINARY).sigmd5
    assert len(signed) % 8 == 0
    assert rpm.rip_rpm_hdr(SIGNED) == rpm.rip_rpm_hdr(BINARY)


def test_splice(tmp_path: Path) -> None:
    target = tmp_path / "signed.rpm"
    target.write_text("older")
    rpm.splice_rpm_sighdr(rpm.rip_rpm_sighdr(SIGNED), BINARY, target)
    assert target.read_bytes() == SIGNED.read_bytes()
    assert target.stat().st_mode == BINARY.stat().st_mode
    assert list(tmp_path.iterdir()) == [target]
    unpadded = rpm.RawHeader(rpm.rip_rpm_sighdr(SIGNED)).data
    with BINARY.open("rb") as source:
        assert b"".join(rpm.spliced(source, unpadded)) == SIGNED.read_bytes()


def test_a_failed_splice_leaves_nothing(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.rpm"
    damaged.write_bytes(BINARY.read_bytes()[:200])
    with pytest.raises(GenericError):
        rpm.splice_rpm_sighdr(rpm.rip_rpm_sighdr(SIGNED), damaged, tmp_path / "out.rpm")
    assert list(tmp_path.iterdir()) == [damaged]


def test_sigmd5(tmp_path: Path) -> None:
    assert rpm.check_sigmd5(BINARY) and rpm.check_sigmd5(SIGNED)
    changed = bytearray(BINARY.read_bytes())
    changed[-1] ^= 1
    damaged = tmp_path / "damaged.rpm"
    damaged.write_bytes(changed)
    assert not rpm.check_sigmd5(damaged)
    rpm.check_rpm_file(damaged)


@pytest.mark.parametrize("size", [0, 4, 50, 96, 100, 112, 500, 4400, 4600, 7000])
def test_truncated_files(tmp_path: Path, size: int) -> None:
    path = tmp_path / "short.rpm"
    path.write_bytes(BINARY.read_bytes()[:size])
    with pytest.raises(GenericError, match="RPM"):
        rpm.check_rpm_file(path)


@given(st.integers(96, 7500), st.binary(min_size=1, max_size=8))
def test_damaged_headers(position: int, garbage: bytes) -> None:
    data = bytearray(BINARY.read_bytes())
    data[position : position + len(garbage)] = garbage
    path = _Bytes(bytes(data))
    try:
        header = rpm.read_header(path)
        assert all([isinstance(header[name], list) for name, tag in TAGS.items() if tag.kind.is_list])
        header.fields()
        header.files()
        header.dependencies()
        header.changelogs()
    except GenericError as error:
        assert "RPM" in str(error)


class _Bytes:
    """An open file that can only be read forward, as a request body is."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def read(self, size: int) -> bytes:
        start, self.position = self.position, self.position + size
        return self.data[start : self.position]


def entry(tag: int, kind: int, offset: int, count: int) -> bytes:
    return struct.pack(">IIII", tag, kind, offset, count)


def raw(entries: list[bytes], store: bytes) -> bytes:
    return MAGIC + bytes(4) + struct.pack(">II", len(entries), len(store)) + b"".join(entries) + store


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x8e\xad\xe8\x02" + bytes(12),
        MAGIC + bytes(4) + struct.pack(">II", 0x10000, 0),
        MAGIC + bytes(4) + struct.pack(">II", 1, 0xFFFFFFFF),
        raw([entry(1, 4, 0, 1)], b"1234")[:-1],
        raw([entry(1, 4, 5, 1)], b"1234"),
    ],
)
def test_malformed_structures(data: bytes) -> None:
    with pytest.raises(GenericError, match="malformed RPM header"):
        RawHeader(data)


@pytest.mark.parametrize(
    "bad",
    [
        entry(1, 4, 0, 2),
        entry(1, 5, 0, 1),
        entry(1, 4, 0, 0xFFFFFFFF),
        entry(1, 7, 0, 5),
        entry(1, 6, 0, 1),
        entry(1, 8, 0, 1),
        entry(1, 99, 0, 1),
    ],
)
def test_malformed_entries(bad: bytes) -> None:
    header = RawHeader(raw([bad], b"abcd"))
    with pytest.raises(GenericError, match="malformed RPM header"):
        header.get(1)


@pytest.mark.parametrize("kind", [1, 4, 8])
def test_entries_that_would_fill_the_memory(kind: int) -> None:
    count = MAX_COUNT + 1
    header = RawHeader(raw([entry(1, kind, 0, count)], bytes(count)))
    with pytest.raises(GenericError, match="tag 1 holds too much"):
        header.get(1)


def test_raw_values() -> None:
    store = b"one\0two\0\xe9\0\0\0\0\x01\0\0\0\x02\xff\xff"
    header = RawHeader(
        raw(
            [
                entry(1, 8, 0, 2),
                entry(2, 6, 8, 1),
                entry(3, 4, 10, 2),
                entry(4, 3, 18, 1),
                entry(5, 9, 0, 1),
                entry(6, 7, 0, 3),
                entry(1, 6, 8, 1),
            ],
            store,
        )
    )
    assert [header.get(tag) for tag in range(1, 8)] == [
        *(["one", "two"], "\u00e9", [1, 2], [65535], ["one"], b"one"),
        None,
    ]
    assert header.tags() == [1, 2, 3, 4, 5, 6]


KEY = bytes.fromhex("aa8903cbdd1e7033")


@pytest.mark.parametrize(
    ("packet", "key"),
    [
        # Version 3, old and new packet formats.
        (b"\x88\x13\x03\x05\x00\x00\x00\x00\x00" + KEY + bytes(4), "dd1e7033"),
        (b"\xc2\x13\x03\x05\x00\x00\x00\x00\x00" + KEY + bytes(4), "dd1e7033"),
        (b"\x8b\x03\x05\x00\x00\x00\x00\x00" + KEY, "dd1e7033"),
        # Version 4: the issuer in the unhashed area, a fingerprint in the hashed one.
        (b"\x88\x12\x04\x00\x01\x08\x00\x00\x00\x0a\x09\x10" + KEY, "dd1e7033"),
        (b"\x88\x1e\x04\x00\x01\x08\x00\x17\x16\x21\x04" + bytes(12) + KEY + b"\x00\x00", "dd1e7033"),
        # No issuer, another packet, not OpenPGP, cut off, a future version.
        (b"\x88\x08\x04\x00\x01\x08\x00\x00\x00\x00", None),
        (b"\x98\x13\x03\x05\x00\x00\x00\x00\x00" + KEY, None),
        (b"\x00\x01", None),
        (b"\x88\x13\x03\x05\x00", None),
        (b"\x88", None),
        (b"", None),
        (b"\x88\x02\x06\x00", None),
    ],
)
def test_key_ids(packet: bytes, key: str | None) -> None:
    assert packet_key_id(packet) == key


@given(st.binary(max_size=60))
def test_key_id_of_garbage(packet: bytes) -> None:
    for data in (packet, b"\x88\x30\x04" + packet, b"\xc2\x30\x04\x00\x01\x08" + packet):
        key = packet_key_id(data)
        assert key is None or len(key) == 8
