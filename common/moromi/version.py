"""The two versions that a Moromi installation reports.

Clients of a Koji hub test the protocol level with `getKojiVersion` and the
`Koji-Version` header; our own release is told apart from it.
"""

VERSION = "0.1.0"
KOJI_VERSION = "1.36.1"
