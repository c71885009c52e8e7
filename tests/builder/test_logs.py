"""Growing logs: what is sent, where, and what happens when the hub is away."""

import os
from pathlib import Path

import pytest

from moromi.client import TransportError
from moromi_builder import logs
from moromi_builder.logs import LogUploader


class Directory:
    """Stands where the hub's task directory is: writes pieces as a raw upload with `overwrite` does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pieces = 0
        self.away = False

    def put(self, data: bytes, name: str, offset: int) -> None:
        if self.away:
            raise TransportError("connection refused")
        self.pieces += 1
        with open(self.path / name, "r+b" if (self.path / name).exists() else "w+b") as stream:
            stream.seek(offset)
            stream.write(data)
            stream.truncate()

    def text(self, name: str) -> str:
        return (self.path / name).read_text()


@pytest.fixture
def hub(tmp_path: Path) -> Directory:
    (tmp_path / "hub").mkdir()
    return Directory(tmp_path / "hub")


@pytest.fixture
def result(tmp_path: Path) -> Path:
    (tmp_path / "result").mkdir()
    return tmp_path / "result"


def test_follows_what_grows(hub: Directory, result: Path) -> None:
    uploader = LogUploader(hub.put)
    uploader.follow(result, "*.log")
    uploader.poll()
    assert uploader.names == []
    (result / "build.log").write_text("one\n")
    uploader.poll()
    with open(result / "build.log", "a") as stream:
        stream.write("two\n")
    uploader.poll()
    pieces = hub.pieces
    uploader.poll()
    assert hub.pieces == pieces == 2
    assert hub.text("build.log") == "one\ntwo\n"
    assert uploader.names == ["build.log"]


def test_large_file_goes_in_pieces(hub: Directory, result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "PIECE", 1000)
    (result / "root.log").write_bytes(bytes(range(256)) * 10)
    uploader = LogUploader(hub.put)
    uploader.follow(result, "*.log")
    uploader.poll()
    assert (hub.path / "root.log").read_bytes() == bytes(range(256)) * 10
    assert hub.pieces == 3


def test_replaced_and_shortened_files_start_again(hub: Directory, result: Path) -> None:
    uploader = LogUploader(hub.put)
    uploader.follow(result, "*.log")
    (result / "state.log").write_text("a long first text\n")
    uploader.poll()
    (result / "state.log").write_text("short\n")
    uploader.poll()
    assert hub.text("state.log") == "short\n"
    (result / "new").write_text("another file, longer than before\n")
    (result / "new").rename(result / "state.log")
    uploader.poll()
    assert hub.text("state.log") == "another file, longer than before\n"
    (result / "state.log").unlink()
    uploader.poll()
    assert hub.text("state.log") == "another file, longer than before\n"


def test_same_names_are_kept_apart(hub: Directory, result: Path, tmp_path: Path) -> None:
    uploader = LogUploader(hub.put)
    (tmp_path / "dnf.log").write_text("outer\n")
    (result / "dnf.log").write_text("inner\n")
    uploader.follow(tmp_path, "dnf*.log")
    uploader.follow(result, "dnf*.log")
    uploader.poll()
    assert hub.text("dnf.log") == "outer\n"
    assert hub.text("dnf.DUP00.log") == "inner\n"


def test_a_hub_that_is_away_gets_it_later(hub: Directory, result: Path) -> None:
    uploader = LogUploader(hub.put)
    uploader.follow(result, "*.log")
    (result / "build.log").write_text("first\n")
    hub.away = True
    uploader.poll()
    hub.away = False
    with open(result / "build.log", "a") as stream:
        stream.write("second\n")
    uploader.finish()
    assert hub.text("build.log") == "first\nsecond\n"


def test_finish_tells_when_it_cannot(hub: Directory, result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FINAL_PAUSE", 0.01)
    uploader = LogUploader(hub.put)
    uploader.follow(result, "*.log")
    (result / "build.log").write_text("first\n")
    hub.away = True
    with pytest.raises(TransportError):
        uploader.finish()


def test_timestamps(hub: Directory, result: Path) -> None:
    times = iter([100.0, 105.0])
    uploader = LogUploader(hub.put, timestamps=True, clock=lambda: next(times))
    uploader.follow(result, "*.log")
    for text in ("abc\n", "defgh\n"):
        with open(result / "build.log", "a") as stream:
            stream.write(text)
        uploader.poll()
    assert hub.text("build-ts.log") == "100 0\n105 4\n"
    assert uploader.names == ["build.log", "build-ts.log"]


def test_links_lead_nowhere(hub: Directory, result: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "dnf.log").write_text("secret\n")
    (result / "dnf.rpm.log").symlink_to(secret / "dnf.log")
    (result / "var").symlink_to(secret)
    os.mkfifo(result / "dnf.pipe.log")
    uploader = LogUploader(hub.put)
    uploader.follow(result, "dnf*.log")
    uploader.follow(result, "var/dnf*.log")
    uploader.finish()
    assert uploader.names == []
    (result / "dnf.log").write_text("harmless\n")
    uploader.finish()
    (result / "dnf.log").unlink()
    (result / "dnf.log").symlink_to(secret / "dnf.log")
    uploader.finish()
    assert hub.text("dnf.log") == "harmless\n"
