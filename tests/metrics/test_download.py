"""Downloads: what is whole and right is kept, everything else leaves nothing behind but one line."""

import hashlib
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rivals.core.errors import UserError
from rivals.metrics.download import download

BODY = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    calls = 0

    def do_GET(self) -> None:
        type(self).calls += 1
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/whole")
            self.end_headers()
            return
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://example.invalid/whole")
            self.end_headers()
            return
        if self.path == "/gone":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/unannounced":
            self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path == "/slow":
            threading.Event().wait(2)
            return
        self.wfile.write(BODY[:1000] if self.path == "/cut" else BODY)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        running.block_on_close = False
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def failing(url: str, path: Path, **options: object) -> str:
    """The line that a download ends with; nothing lies where the file was to be, nor beside it."""
    with pytest.raises(UserError) as told:
        download(url, path, **({"digest": DIGEST, "limit": 10**7} | options))
    assert not path.parent.exists() or list(path.parent.iterdir()) == []
    line = str(told.value)
    assert "\n" not in line and url in line and "--weights FILE" in line
    return line


def test_a_whole_file_is_kept_and_not_fetched_again(server: str, tmp_path: Path):
    path = tmp_path / "made" / "here" / "w.pth"
    assert download(f"{server}/whole", path, DIGEST, limit=10**7) == path
    assert path.read_bytes() == BODY and list(path.parent.iterdir()) == [path]
    before = Handler.calls
    download(f"{server}/gone", path, DIGEST, limit=10**7)
    assert Handler.calls == before
    path.write_bytes(b"damaged")
    download(f"{server}/moved", path, DIGEST, limit=10**7)
    assert path.read_bytes() == BODY


def test_a_length_that_is_not_told_is_no_fault(server: str, tmp_path: Path):
    assert download(f"{server}/unannounced", tmp_path / "w", DIGEST, limit=10**7).read_bytes() == BODY


def test_a_wrong_file_is_dropped(server: str, tmp_path: Path):
    line = failing(f"{server}/whole", tmp_path / "d" / "w", digest="0" * 64)
    assert f"SHA-256 {DIGEST[:8]}..., not 00000000..." in line


def test_a_file_that_was_there_survives_a_failed_download(server: str, tmp_path: Path):
    path = tmp_path / "w"
    path.write_bytes(b"old")
    with pytest.raises(UserError):
        download(f"{server}/cut", path, DIGEST, limit=10**7)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_cut_connection_is_told(server: str, tmp_path: Path):
    assert "cut after 1,000 of 1,024,000 bytes" in failing(f"{server}/cut", tmp_path / "d" / "w")


def test_a_server_that_has_no_file_is_told(server: str, tmp_path: Path):
    assert "the server says 404 Not Found" in failing(f"{server}/gone", tmp_path / "d" / "w")


def test_a_file_without_end_is_not_taken(server: str, tmp_path: Path):
    assert "longer than 1,000 bytes" in failing(f"{server}/whole", tmp_path / "d" / "w", limit=1000)


def test_silence_is_not_waited_for(server: str, tmp_path: Path):
    assert "timed out" in failing(f"{server}/slow", tmp_path / "d" / "w", timeout=0.2)


def test_no_network_is_told(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "refused" in failing(f"http://127.0.0.1:{port}/w", tmp_path / "d" / "w")
    assert "could not be downloaded" in failing("https://nowhere.invalid/w", tmp_path / "d" / "w")


@pytest.mark.parametrize("url", ["http://example.com/w", "file:///etc/passwd", "ftp://127.0.0.1/w"])
def test_only_protected_addresses_are_asked(url: str, tmp_path: Path):
    assert "not an https address" in failing(url, tmp_path / "d" / "w")


def test_nor_by_a_redirect(server: str, tmp_path: Path):
    with pytest.raises(UserError, match=r"http://example\.invalid/whole is not an https address"):
        download(f"{server}/away", tmp_path / "w", DIGEST, limit=10**7)
    assert list(tmp_path.iterdir()) == []
