"""Names of uploaded files: what clients call them, made safe for a folder. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import PurePosixPath

#: Bytes that a name may have, so that ``.1`` and a time fit behind it.
LONGEST = 200
#: The name of a file that was sent without one.
NAMELESS = "data.bin"

_LEADING = re.compile(r"^[\s.]+")
_BAD = re.compile(r"[\x00-\x1f\x7f/\\]")


def safe_name(sent: str) -> str:
    """The last part of what a browser says, Windows paths too: without control characters and leading dots, and short
    enough. ``data.bin`` where nothing is left.
    """
    name = _BAD.sub("", re.split(r"[/\\]", unicodedata.normalize("NFC", sent))[-1])
    name = _LEADING.sub("", name.encode("utf-8", "ignore").decode("utf-8"))
    return shortened(name.strip()).strip() or NAMELESS


def safe_path(wanted: str) -> str:
    """A path relative to the folder, as a form may choose one: each of its parts safe, or it is refused.

    :raises ValueError: for what leads out of the folder, or to a hidden file.
    """
    path = unicodedata.normalize("NFC", wanted.strip())
    parts = [part.strip() for part in path.split("/")]
    if "\\" in path or any(not part or part.startswith(".") or _BAD.search(part) for part in parts):
        raise ValueError(f"{wanted!r} is no name for a file in the folder")
    try:
        return "/".join(shortened(part).strip() for part in parts)
    except UnicodeEncodeError:
        raise ValueError(f"{wanted!r} is no name for a file in the folder") from None


def shortened(name: str) -> str:
    """``name`` cut to ``LONGEST`` bytes of UTF-8; its extension stays, unless it is very long."""
    encoded = name.encode("utf-8")
    if len(encoded) <= LONGEST:
        return name
    suffix = PurePosixPath(name).suffix.encode("utf-8")
    if len(suffix) > 20:
        suffix = b""
    return encoded[: LONGEST - len(suffix)].decode("utf-8", "ignore") + suffix.decode("utf-8")


def numbered(name: str) -> Iterator[str]:
    """``x.csv``, then ``x.1.csv``, ``x.2.csv`` ..."""
    yield name
    path = PurePosixPath(name)
    number = 0
    while True:
        number += 1
        yield str(path.with_name(f"{path.stem}.{number}{path.suffix}"))


def dated(name: str, moment: str) -> str:
    """``x.20260131-120000.csv`` for ``x.csv``."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}.{moment}{path.suffix}"))
