"""Calls about signatures and checksums of rpms."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from moromi.errors import GenericError, ParameterError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db.query_options import apply_in_memory, run_query
from moromi_hub.rpc.registry import ADMIN, ANYONE, HOST, exported, permission
from moromi_hub.signatures import queries, service


@exported("queryRPMSigs", access=ANYONE)
def query_rpm_sigs(call: Call, rpm_id: Any = None, sigkey: str | None = None, queryOpts: Any = None) -> Any:
    """[RPMSig]; [] for an unknown rpm. The key is compared in lower case."""
    found = None if rpm_id is None else service.rpm_id_of(call, rpm_id)
    if rpm_id is not None and (found is None or not arguments.fits_id(found)):
        return apply_in_memory([], queryOpts)
    return run_query(
        call.tx,
        queries.FIELDS,
        queries.listing(found, arguments.optional_text(sigkey)),
        queryOpts,
        stream=True,
    )


@exported("addRPMSig", access=permission("sign"))
def add_rpm_sig(call: Call, an_rpm: Any, data: Any, sigkey: str | None = None) -> None:
    """Store the signature header `data` (base64) of an rpm, under the key that it names or under `sigkey`.

    Raises GenericError for an external rpm, a header of another package (`wrong md5 …`), a key that is
    there, a `sigkey` that is no hexadecimal number.
    """
    given = None if sigkey is None else arguments.expect(sigkey, str)
    if isinstance(data, bytes):
        header = data
    else:
        try:
            header = base64.b64decode(arguments.expect(data, str))
        except (binascii.Error, ValueError) as error:
            raise ParameterError(f"signature data is not base64: {error}") from None
    service.add_signature(call, an_rpm, header, given)


@exported("renameRPMSig", access=permission("sign"))
def rename_rpm_sig(call: Call, rpminfo: Any, oldkey: str, newkey: str) -> None:
    """Record a signature of an rpm under another key; its signed copy and checksums go with it.

    Raises GenericError `No cached signature for package …, key …`, `Signature already exists for package
    …, key …`, or for a new key that is no hexadecimal number.
    """
    old, new = arguments.expect(oldkey, str), arguments.expect(newkey, str)
    service.rename_signature(call, rpminfo, old, new)


@exported("writeSignedRPM", access=permission("sign"))
def write_signed_rpm(call: Call, an_rpm: Any, sigkey: str, force: bool = False) -> None:
    """Write the signed copy of an rpm; one that is there is kept unless `force`.

    Raises GenericError `No cached signature for package …, key …`, `No such path: …`.
    """
    service.write_signed(call, an_rpm, arguments.expect(sigkey, str), bool(force))


@exported("host.writeSignedRPM", access=HOST)
def host_write_signed_rpm(call: Call, an_rpm: Any, sigkey: str, force: bool = False) -> None:
    """`writeSignedRPM` for builders that make dist repos."""
    service.write_signed(call, an_rpm, arguments.expect(sigkey, str), bool(force))


@exported("deleteRPMSig", access=ADMIN)
def delete_rpm_sig(call: Call, rpminfo: Any, sigkey: str | None = None, all_sigs: bool = False) -> None:
    """Forget one signature of an rpm, or all, and remove the signed copies.

    Raises GenericError `No signature specified`, `… has no matching signatures to delete`.
    """
    service.delete_signatures(call, rpminfo, sigkey, bool(all_sigs))


@exported("getRPMChecksums", access=ANYONE)
def get_rpm_checksums(
    call: Call, rpm_id: int, checksum_types: Any = None, cacheonly: bool = False
) -> dict[str, Any]:
    """{signature key: {checksum type: hex digits or nil}}; what is missing is computed unless `cacheonly`.

    Raises GenericError `rpm_id must be an integer`, `checksum_type must be a list`,
    `Checksum_type … isn't supported`.
    """
    if not isinstance(rpm_id, int) or isinstance(rpm_id, bool):
        raise GenericError("rpm_id must be an integer")
    if checksum_types is not None and not isinstance(checksum_types, (list, tuple)):
        raise GenericError("checksum_type must be a list")
    return service.rpm_checksums(call, rpm_id, checksum_types, bool(cacheonly))
