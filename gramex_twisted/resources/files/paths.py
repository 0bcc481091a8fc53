"""From a URL's path to a file's: nothing that a client writes leaves the root. Pure: no file is touched."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import unquote_to_bytes

#: Never served, whatever `allow:` says: the secrets beside gramex.yaml, and what cookies are signed with.
NEVER = (".secrets.yaml", ".secrets.yml", "cookie_secret")

_DRIVE = re.compile(r"[A-Za-z]:")
_UNSAFE = re.compile(r"[/\\\0]")


class UnsafePathError(ValueError):
    """A URL path that can name no file."""


def decoded(path: str) -> str:
    """A percent-encoded path, or a part of one, decoded. A first and a last slash stay.

    :raises UnsafePathError: for segments that are ``.``, ``..`` or empty, and for those that hold a slash, backslash,
        NUL or drive letter once they are decoded. (``//admin/x`` and ``/./admin/x`` would otherwise be ways around a
        route ``/admin/.*``.)
    :raises UnicodeDecodeError: when it is not UTF-8.
    """
    segments = path.split("/")
    last = len(segments) - 1
    for number, segment in enumerate(segments):
        if "%" in segment:
            segment = segments[number] = unquote_to_bytes(segment).decode("utf-8")
        if not segment and 0 < number < last:
            raise UnsafePathError(path)
        if segment in (".", "..") or _UNSAFE.search(segment) or _DRIVE.match(segment):
            raise UnsafePathError(path)
    return "/".join(segments)


def below(root: str, relative: str) -> str:
    """The absolute path of ``relative`` (from ``decoded``) below the folder ``root``.

    :raises UnsafePathError: when it would not be below it.
    """
    path = os.path.normpath(os.path.join(root, relative.strip("/")))
    if not inside(path, root):
        raise UnsafePathError(relative)
    return path


def inside(path: str, root: str) -> bool:
    """Whether ``path`` is ``root`` or below it. Both absolute and normalised."""
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


def fixed_part(pattern: str, special: str) -> tuple[str, str]:
    """A path with a ``*`` or ``{`` in it, as the folder before that and the rest: ``a/b*.c`` -> ``a``, ``b*.c``."""
    start = pattern.find(special)
    folder, slash, rest = pattern[:start].rpartition("/")
    return folder + slash, rest + pattern[start:]


class Globs:
    """File patterns. One without a slash is for names, one with a slash for the path below the root or, when it begins
    with a slash, for the absolute path; ``*`` matches slashes too, ``**/`` also nothing.

    :param fold: upper and lower case are the same.
    """

    def __init__(self, patterns: Iterable[str], fold: bool = False) -> None:
        self.fold = fold
        self._names: list[str] = []
        self._paths: list[str] = []
        for pattern in patterns:
            self._add(pattern.lower() if fold else pattern)

    def _add(self, pattern: str) -> None:
        pattern = pattern.strip().removeprefix("./").removeprefix("**/").rstrip("/")
        if not pattern:
            return
        if "/" not in pattern:
            self._names.append(pattern)
            return
        for variant in {pattern, pattern.replace("/**/", "/")}:
            self._paths.append(variant)
            if not variant.startswith("/"):
                self._paths.append("*/" + variant)

    def __bool__(self) -> bool:
        return bool(self._names or self._paths)

    def match(self, relative: str, absolute: str) -> bool:
        """Whether the file ``absolute``, which is ``relative`` below the root, matches one of the patterns."""
        if self.fold:
            relative, absolute = relative.lower(), absolute.lower()
        name = absolute.rpartition("/")[2]
        return any(fnmatchcase(name, pattern) for pattern in self._names) or any(
            fnmatchcase(absolute if pattern.startswith("/") else relative, pattern) for pattern in self._paths
        )


class Visibility:
    """``ignore:`` and ``allow:``. A file is hidden when its name, its path or a folder that it is in below the root is
    ignored, and neither that folder nor the file is allowed. Upper case does not get around ``ignore``.
    """

    def __init__(self, ignore: Iterable[str], allow: Iterable[str]) -> None:
        self._ignore = Globs(ignore, fold=True)
        self._allow = Globs(allow)

    def hidden(self, relative: str, absolute: str) -> bool:
        """Whether the file or folder ``absolute``, ``relative`` below the root, is not to be seen."""
        segments = relative.split("/")
        root = absolute[: len(absolute) - len(relative)]
        for end in range(1, len(segments) + 1):
            if segments[end - 1].lower() in NEVER:
                return True
            part = "/".join(segments[:end])
            if self._ignore.match(part, root + part) and not (
                self._allow.match(part, root + part) or self._allow.match(relative, absolute)
            ):
                return True
        return False


def split_globs(text: str) -> list[str]:
    """The patterns in a key of ``transform:``, which spaces or commas separate."""
    return text.replace(",", " ").split()
