"""What is wrong with a hub's configuration is told in a line, before anything is started."""

from __future__ import annotations

import socket
from pathlib import Path

from click.testing import CliRunner

from moromi_hub.admin import main


def refusal(config: Path, command: str) -> str:
    result = CliRunner().invoke(main, [command, "--config", str(config)])
    assert result.exit_code == 1
    return result.output


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    config = tmp_path / "hub.conf"
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        config.write_text(f"[hub]\nKojiDir = {tmp_path}/tree\nPushListen = {taken}\nListen = 127.0.0.1:0\n")
        assert refusal(config, "serve") == f"Error: Nobody can listen on {taken}: Address already in use\n"
    assert not (tmp_path / "tree").exists()


def test_what_is_no_address_and_no_file(tmp_path: Path) -> None:
    config = tmp_path / "hub.conf"
    assert refusal(config, "worker") == f"Error: No such configuration file: {config}\n"
    config.write_text("[hub]\nListen = 8080\n")
    assert refusal(config, "web") == "Error: 8080 is no address to listen on: host:port is wanted\n"
