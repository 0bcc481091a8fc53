"""`urlfetch`: a URL as a file."""

from __future__ import annotations

import atexit
import mimetypes
import os
import tempfile
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

PIECE = 64 << 10
TIMEOUT = 60.0
"""Seconds without a byte, unless `timeout=` says otherwise."""


def urlfetch(url: str, info: bool = False, **kwargs: Any) -> Any:
    """The path of a file with what ``url`` has, gone when the server ends; ``url`` itself where it is a path.

    ``info``: a dict of ``name`` (the path), ``r`` (the response), ``url``, ``ext``, ``content_type``. ``kwargs`` are
    those of requests.get. Blocks. Raises what requests raises.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        kind = mimetypes.guess_type(url)[0]
        found = {"name": url, "r": None, "url": None, "ext": os.path.splitext(url)[1], "content_type": kind}
        return found if info else url
    requests = _requests()
    kwargs.setdefault("timeout", TIMEOUT)
    response = requests.get(url, stream=True, **kwargs)
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip() or None
    guessed = mimetypes.guess_extension(kind, strict=False) if kind else None
    ext = guessed or os.path.splitext(parts.path)[1]
    with response, tempfile.NamedTemporaryFile(suffix=ext, delete=False) as file:
        atexit.register(_remove, file.name)
        for piece in response.iter_content(PIECE):
            file.write(piece)
    found = {"name": file.name, "r": response, "url": url, "ext": ext, "content_type": kind}
    return found if info else file.name


def _requests() -> Any:
    try:
        import requests
    except ImportError as error:
        raise ImportError("gramex.cache.urlfetch needs requests: pip install requests") from error
    return requests


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
