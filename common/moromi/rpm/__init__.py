"""Reading rpm files without rpm: headers, dependencies, file lists, signatures."""

from moromi.rpm.header import (
    Changelog,
    Dependency,
    FileEntry,
    Header,
    read_header,
)
from moromi.rpm.openpgp import packet_key_id
from moromi.rpm.package import (
    check_rpm_file,
    check_sigmd5,
    get_sighdr_key,
    padded,
    parse_sighdr,
    rip_rpm_hdr,
    rip_rpm_sighdr,
    sighdr_sigmd5,
    splice_rpm_sighdr,
    spliced,
)
from moromi.rpm.payload import opened_payload
from moromi.rpm.raw import RawHeader
from moromi.rpm.tags import CONTENT_TAGS

__all__ = [
    "CONTENT_TAGS",
    "Changelog",
    "Dependency",
    "FileEntry",
    "Header",
    "RawHeader",
    "check_rpm_file",
    "check_sigmd5",
    "get_sighdr_key",
    "opened_payload",
    "packet_key_id",
    "padded",
    "parse_sighdr",
    "read_header",
    "rip_rpm_hdr",
    "rip_rpm_sighdr",
    "sighdr_sigmd5",
    "splice_rpm_sighdr",
    "spliced",
]
