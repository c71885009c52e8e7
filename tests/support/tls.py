"""Certificates made on the spot by openssl, and a real nginx that ends TLS in front of a hub.

nginx runs with the very configuration that docs/authentication.md gives to operators.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from samplesite.services import wait_for
from samplesite.site import free_port
from support.programs import background, listens

PROXY_ADDRESS = "127.0.0.2"
"""Where nginx connects to the hub from, so that a hub can tell it from the rest of this machine."""
_GUIDE = Path(__file__).resolve().parents[2] / "docs" / "authentication.md"

_NGINX_CONF = """\
daemon off;
master_process off;
pid {place}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
{server}
}}
"""


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a directory of its own."""

    place: Path

    @property
    def certificate(self) -> Path:
        """What those who believe the authority need."""
        return self.place / "ca.crt"

    def create(self) -> Authority:
        """Make its key and certificate."""
        self.place.mkdir()
        files = ("-keyout", str(self.place / "ca.key"), "-out", str(self.certificate))
        _openssl("req", "-x509", "-subj", "/CN=Authority of a test", "-days", "2", *_new_key(), *files)
        return self

    def issue(self, name: str, subject: str, *extensions: str) -> Path:
        """A file with a key and its certificate. `subject` as openssl takes it: `/O=Example/CN=alice`."""
        request, key, certificate = (self.place / f"{name}.{kind}" for kind in ("csr", "key", "crt"))
        files = ("-keyout", str(key), "-out", str(request))
        _openssl("req", "-new", "-utf8", "-subj", subject, *_new_key(), *files)
        options = self.place / f"{name}.ext"
        options.write_text("\n".join(extensions), encoding="utf-8")
        signer = ("-CA", str(self.certificate), "-CAkey", str(self.place / "ca.key"), "-CAcreateserial")
        signed = ("-in", str(request), "-out", str(certificate), "-extfile", str(options))
        _openssl("x509", "-req", "-days", "1", *signer, *signed)
        together = self.place / f"{name}.pem"
        together.write_bytes(key.read_bytes() + certificate.read_bytes())
        return together


def _new_key() -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"openssl {' '.join(words)}: {done.stderr}"


def documented_server() -> str:
    """The `server` block of the operators' guide."""
    found = re.search(r"```nginx\n(.*?)```", _GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@contextlib.contextmanager
def running_nginx(place: Path, hub_port: int, authority: Authority) -> Iterator[str]:
    """nginx as documented, on a port of its own; the URL of the hub behind it."""
    port = free_port()
    served = authority.issue("localhost", "/CN=localhost", "subjectAltName=DNS:localhost")
    server = documented_server()
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "server_name hub.example.org": "server_name localhost",
        "/etc/koji-hub/hub.crt": str(served),
        "/etc/koji-hub/hub.key": str(served),
        "/etc/koji-hub/clients-ca.crt": str(authority.certificate),
        "proxy_pass http://127.0.0.1:8080": (
            f"proxy_bind {PROXY_ADDRESS}; proxy_pass http://127.0.0.1:{hub_port}"
        ),
    }.items():
        assert server.count(old) == 1, old
        server = server.replace(old, new)
    conf, log = place / "nginx.conf", place / "nginx.log"
    conf.write_text(_NGINX_CONF.format(place=place, server=server), encoding="utf-8")
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
    with background([program, "-p", str(place), "-c", str(conf)], log):
        assert wait_for(lambda: listens(port), 120), log.read_text(encoding="utf-8")
        yield f"https://localhost:{port}/kojihub"
