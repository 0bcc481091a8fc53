"""Content-Disposition: under which name a browser saves what it gets (RFC 6266)."""

from __future__ import annotations

import re
from urllib.parse import quote

UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/]')


def attachment(filename: str) -> str:
    """The header's value for a download called `filename`; no part of it can be a folder, or end the header."""
    name = UNSAFE.sub("_", filename)
    if name.isascii():
        return f'attachment; filename="{name}"'
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
