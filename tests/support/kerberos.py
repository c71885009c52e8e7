"""A real KDC of the test's own: two realms that trust each other, on a port of the loopback address."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from samplesite.services import wait_for
from samplesite.site import free_port
from support.programs import background, listens

REALM, OTHER_REALM = "EXAMPLE.ORG", "OTHER.ORG"
_SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"

_KRB5_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
    {other} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {realm}
[capaths]
    {other} = {{
        {realm} = .
    }}
"""
_KDC_CONF = """\
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
"""
_KDC_REALM = """\
    {realm} = {{
        database_name = {place}/{realm}.db
        key_stash_file = {place}/{realm}.stash
        acl_file = {place}/kadm5.acl
    }}
"""


@dataclass(frozen=True)
class Kdc:
    """A running KDC, and what it takes to be one of its clients."""

    place: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """For programs that shall use this KDC only."""
        return {
            "KRB5_CONFIG": str(self.place / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.place / "kdc.conf"),
            "KRB5RCACHEDIR": str(self.place),
        }

    def add(self, *principals: str) -> None:
        """Make principals, with their names as passwords."""
        for principal in principals:
            name, _, realm = principal.partition("@")
            self.administer(f"add_principal -pw {name} {principal}", realm or REALM)

    def keytab(self, name: str, *principals: str) -> Path:
        """A keytab with new keys of principals; what a keytab of that name had before stays in it."""
        path = self.place / f"{name}.keytab"
        for principal in principals:
            self.administer(f"ktadd -k {path} {principal}", REALM)
        return path

    def ticket(self, principal: str) -> str:
        """A credentials cache with a ticket of a principal that `add` has made."""
        cache = f"FILE:{self.place}/{principal.replace('/', '_')}.ccache"
        self.run(["kinit", "-c", cache, principal], text=principal.partition("@")[0] + "\n")
        return cache

    def administer(self, query: str, realm: str) -> None:
        """A command of `kadmin.local`."""
        self.run(["kadmin.local", "-r", realm, "-q", query])

    def run(self, command: Sequence[str], text: str = "") -> None:
        """Run a program of Kerberos, which must succeed."""
        environment = {**os.environ, **self.environment, "PATH": _SBIN}
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@contextlib.contextmanager
def running_kdc(place: Path) -> Iterator[Kdc]:
    """A KDC without principals but those of its own and of the trust between its realms."""
    port = free_port()
    kdc = Kdc(place)
    names = {"realm": REALM, "other": OTHER_REALM, "port": port}
    (place / "krb5.conf").write_text(_KRB5_CONF.format(**names), encoding="utf-8")
    realms = [_KDC_REALM.format(realm=realm, place=place) for realm in (REALM, OTHER_REALM)]
    (place / "kdc.conf").write_text(_KDC_CONF.format(port=port) + "".join(realms), encoding="utf-8")
    for realm in (REALM, OTHER_REALM):
        kdc.run(["kdb5_util", "-r", realm, "create", "-s", "-P", "master"])
        kdc.administer(f"add_principal -pw trust krbtgt/{REALM}@{OTHER_REALM}", realm)
    environment = {**os.environ, **kdc.environment, "PATH": _SBIN}
    command = ["krb5kdc", "-n", "-r", REALM, "-r", OTHER_REALM, "-P", str(place / "kdc.pid")]
    with background(command, place / "kdc.log", environment):
        assert wait_for(lambda: listens(port), 120), (place / "kdc.log").read_text(encoding="utf-8")
        yield kdc
