"""Whom to believe over https: the authorities and the certificate of a session as a TLS context.

In the order in which they count: the session's `serverca`; no check at all where it says so; the bundle that
$REQUESTS_CA_BUNDLE or $CURL_CA_BUNDLE names; the system's authorities. A host must be named in its
certificate's alternative names, its common name is not looked at.
"""

import os
import ssl

from moromi.client.options import SessionOptions
from moromi.client.trouble import CertificateError

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def tls_context(options: SessionOptions) -> ssl.SSLContext:
    """A context for HTTP/1.1. CertificateError when a file cannot be used."""
    bundle = options.serverca
    if not bundle and not options.no_ssl_verify:
        bundle = next((os.environ[name] for name in BUNDLES if os.environ.get(name)), None)
    try:
        context = _believing(bundle)
    except OSError as err:
        raise CertificateError(f"{bundle}: no certificates of authorities there: {err}") from err
    if options.no_ssl_verify and not options.serverca:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    if options.cert:
        _present(context, options.cert)
    return context


def _believing(bundle: str | None) -> ssl.SSLContext:
    """A context that checks against a file or directory of authorities; None: the system's."""
    if bundle is None:
        return ssl.create_default_context()
    if os.path.isdir(bundle):
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)


def _present(context: ssl.SSLContext, cert: str | tuple[str, str]) -> None:
    """Log in by a certificate: a file with the key in it, or two files."""
    files = (cert,) if isinstance(cert, str) else cert
    try:
        context.load_cert_chain(*files)
    except OSError as err:
        raise CertificateError(f"{' and '.join(files)}: no certificate with its key there: {err}") from err
