"""A hub in the initial state of the conformance corpus, put back to it on demand.

`serve` runs it and prints its URL; `reset`, from another process, gives it a fresh
copy of the template database and an empty tree. No worker runs, as the corpus
says (tests/conformance/README.md).
"""

from __future__ import annotations

import argparse
import socket
import tempfile
from pathlib import Path


def control_path(port: int) -> Path:
    """The socket on which a running harness takes orders."""
    return Path(tempfile.gettempdir()) / f"moromi-conformance-{port}.sock"


def reset(port: int) -> None:
    """Ask the running harness for its initial state, and wait for it."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(control_path(port)))
        except OSError as error:
            raise SystemExit(f"no harness on port {port}: {error.strerror}") from None
        if connection.recv(2) != b"ok":
            raise SystemExit("the harness did not reset")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="util/conformance", description="The conformance harness.")
    parser.add_argument("command", choices=["serve", "reset"])
    parser.add_argument("--port", type=int, default=8790, help="port of the hub (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.command == "reset":
        reset(arguments.port)
        return
    # a reset happens before every scenario, so it does not load what only the server needs
    from harness import serve

    serve(arguments.port, control_path(arguments.port))


if __name__ == "__main__":
    main()
