"""A file from a public release: fetched whole, checked by its SHA-256, and only then put in its place."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from rivals.core.errors import UserError
from rivals.core.store import sha256, write_file

CHUNK = 2**18
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def download(url: str, path: Path, digest: str, *, limit: int, timeout: float = 60.0) -> Path:
    """`path`, holding the file with this SHA-256: as it is already there, or fetched from `url`.

    https alone, on each redirect too (http to this machine itself). A cut or wrong file is dropped, and the next call
    starts again. limit: bytes that the file may have at most. timeout: seconds without an answer.

    Raises:
        UserError: one line with the URL and the way round it. OSError where the disk is full or the folder read-only.
    """
    if path.is_file() and sha256(path) == digest:
        return path
    _refuse_plain(url)

    def fetch(file: Any) -> None:
        request = urllib.request.Request(url, headers={"User-Agent": "rivals"})
        try:
            with urllib.request.build_opener(_Safe()).open(request, timeout=timeout) as response:
                _copy(response, file, url, limit)
        except urllib.error.HTTPError as error:
            error.close()
            raise _failed(url, f"the server says {error.code} {error.reason}") from None
        except urllib.error.URLError as error:
            raise _failed(url, str(getattr(error.reason, "strerror", None) or error.reason)) from None
        except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
            raise _failed(url, str(error) or type(error).__name__) from None

    def place(found: str) -> str:
        if found != digest:
            raise _failed(url, f"what came has the SHA-256 {found[:8]}..., not {digest[:8]}...")
        return path.name

    write_file(path, fetch, place)
    return path


def _copy(response: Any, file: Any, url: str, limit: int) -> None:
    announced, done = response.headers.get("Content-Length", ""), 0
    while chunk := response.read(CHUNK):
        done += len(chunk)
        if done > limit:
            raise _failed(url, f"it is longer than {limit:,} bytes")
        file.write(chunk)
    if announced.isdecimal() and done != int(announced):
        raise _failed(url, f"the connection was cut after {done:,} of {int(announced):,} bytes")


def _failed(url: str, reason: str) -> UserError:
    return UserError(f"{url} could not be downloaded ({reason}): try again, or fetch it yourself and give --weights FILE")


def _refuse_plain(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise UserError(f"{url} is not an https address: nothing is downloaded unprotected; fetch it and give --weights FILE")


class _Safe(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            _refuse_plain(newurl)
        except UserError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)
