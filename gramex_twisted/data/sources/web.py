"""A file on another server, kept in Memory, and asked for again only when it has changed."""

from __future__ import annotations

import base64
import http.client
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gramex_twisted.data.errors import SourceError, TooSlow, Unavailable
from gramex_twisted.data.sources.base import Frame, Shared, Values
from gramex_twisted.data.sources.dataset import Dataset, public
from gramex_twisted.data.sources.fill import fill
from gramex_twisted.data.sources.readers import ENDS, kind_of, read

if TYPE_CHECKING:
    from gramex_twisted.data.frame import FrameTable

TIMEOUT = 30.0
"""Seconds that a server may take between two bytes, and ten times that for all, unless `timeout:` says otherwise."""
PIECE = 1 << 20
TYPES = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "text/html": "html",
    "application/yaml": "yaml",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.ms-excel": "xlsx",
}
"""What a file is whose URL does not tell."""


@dataclass(frozen=True)
class Fetched:
    """What a server sent: the table, and what tells whether it has changed since."""

    table: FrameTable
    etag: str | None
    modified: str | None
    size: int
    version: int
    """Different of all that has been fetched."""


class WebSource:
    """A file with an http or https URL."""

    def __init__(self, dataset: Dataset, shared: Shared) -> None:
        self.dataset = dataset
        self.shared = shared

    def open(self, values: Values) -> Frame:
        """See Source. Of requests at the same time one asks the server."""
        url = fill(self.dataset.url or "", values)
        options = dict(self.dataset.options)
        timeout = float(options.pop("timeout", None) or TIMEOUT)
        if self.dataset.table is not None:
            options["table"] = fill(self.dataset.table, values)
        key = ("http", url, self.dataset.ext, repr(sorted(options.items())))
        memory = self.shared.memory
        known: Fetched | None = memory.peek(key, "")
        asked = ("asked", *key)

        def ask() -> Fetched:
            found = fetch(url, self.dataset.ext, options, timeout, known, 4 * memory.size)
            memory.put(key, "", found, found.size)
            return found

        found = memory.get(asked, None, ask, lambda made: memory.size + 1)  # never kept: the server is asked each time
        return Frame(found.table, found.version)


class Redirects(urllib.request.HTTPRedirectHandler):
    """Goes on to http and https only."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """See HTTPRedirectHandler."""
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise Unavailable(f"{public(req.full_url)} redirects to another protocol")
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            made.remove_header("Authorization")  # it is for nobody else
        return made


def fetch(
    url: str, ext: str | None, options: dict[str, Any], timeout: float, known: Fetched | None, most: int
) -> Fetched:
    """What is at `url`; `known` where the server says that it has not changed. Raises Unavailable, SourceError."""
    handlers = [handler() for handler in (Redirects, urllib.request.HTTPHandler, urllib.request.HTTPSHandler)]
    opener = urllib.request.OpenerDirector()
    for handler in (
        *handlers,
        urllib.request.ProxyHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    headers = {"User-Agent": "gramex-twisted", "Accept": "*/*"}
    bare, authorization = without_user(url)
    if authorization:
        headers["Authorization"] = authorization
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    elif known is not None and known.modified:
        headers["If-Modified-Since"] = known.modified
    try:
        request = urllib.request.Request(bare, headers=headers)
        with opener.open(request, timeout=timeout) as response:
            return _read(response, url, ext, options, timeout, most)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304 and known is not None:
            return known
        raise Unavailable(f"{public(url)}: the server says {error.code} {error.reason}") from None
    except TimeoutError:
        raise Unavailable(f"{public(url)}: no answer in {timeout:g} seconds") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise Unavailable(f"{public(url)}: {str(reason) or type(error).__name__}") from None
    except ValueError as error:
        raise SourceError(f"{public(url)}: {error}") from None


def without_user(url: str) -> tuple[str, str | None]:
    """`url` without `user:password@`, and the header that says them."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    encoded = base64.b64encode(unquote(user).encode()).decode()
    return parts._replace(netloc=host).geturl(), f"Basic {encoded}"


def _read(response: Any, url: str, ext: str | None, options: dict[str, Any], timeout: float, most: int) -> Fetched:
    """The answer, by way of a temporary file, since it may be large."""
    from gramex_twisted.data.frame import table_of
    from gramex_twisted.data.sources.files import size_of

    name = Path(urlsplit(url).path).name
    guessed = ext or (
        None if name.rpartition(".")[2].lower() in ENDS else TYPES.get(response.headers.get_content_type())
    )
    kind = kind_of(name or public(url), guessed)
    deadline, size = monotonic() + 10 * timeout, 0
    length = response.headers.get("Content-Length")
    with tempfile.NamedTemporaryFile(prefix="gramex-", suffix=f".{kind}") as file:
        while piece := response.read1(PIECE):
            size += len(piece)
            if size > most:
                raise SourceError(f"{public(url)}: more than {most} bytes")
            if monotonic() > deadline:
                raise TooSlow(f"{public(url)}: takes more than {10 * timeout:g} seconds")
            file.write(piece)
        if length is not None and size < int(length):
            raise Unavailable(f"{public(url)}: the server sent {size} of {length} bytes")
        file.flush()
        try:
            frame = read(Path(file.name), kind, options)
        except SourceError as error:
            raise SourceError(str(error).replace(file.name, public(url))) from None
        table = table_of(frame.lazy().collect())
    return Fetched(
        table, response.headers.get("ETag"), response.headers.get("Last-Modified"), size_of(table), time_ns()
    )
