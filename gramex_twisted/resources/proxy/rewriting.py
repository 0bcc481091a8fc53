"""Redirects and cookies of the upstream, as its own place and name are not the browser's."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from gramex_twisted.resources.proxy.target import Place


def public_path(path: bytes, place: Place) -> bytes | None:
    """The path here of a path there; None where the route does not lead there."""
    if place.below:
        return place.public + path[len(place.upstream) :] if path.startswith(place.upstream) else None
    return place.public if path == place.upstream else None


def location(value: bytes, asked: bytes, authorities: frozenset[bytes], place: Place) -> bytes:
    """A Location header for the client: one that leads to the upstream leads to the route.

    :param asked: the URL that was asked.
    :param authorities: the names by which the upstream knows itself.
    """
    base = asked.decode("latin-1")
    if asked.startswith(b"http+unix:"):
        base = "http://localhost/" + base.partition("://")[2].partition("/")[2]
    try:
        parts = urlsplit(urljoin(base, value.decode("latin-1")))
    except ValueError:
        return value
    authority = parts.netloc.lower().encode("latin-1")
    if authority not in authorities:
        return value
    here = public_path(parts.path.encode("latin-1") or b"/", place)
    if here is None or here[:2] == b"//":
        return value
    rest = (b"?" + parts.query.encode("latin-1") if parts.query else b"") + (
        b"#" + parts.fragment.encode("latin-1") if parts.fragment else b""
    )
    return here + rest


def cookie(value: bytes, session: bytes | None, place: Place) -> bytes | None:
    """A Set-Cookie header for the client: for this host, and for the route's part of it.

    None for one that would replace the visitor's session here, named ``session``.
    """
    pair, *attributes = value.split(b";")
    name = pair.partition(b"=")[0].strip()
    if session is not None and name == session:
        return None
    kept = [pair]
    for attribute in attributes:
        key, equals, text = attribute.partition(b"=")
        kind = key.strip().lower()
        if kind == b"domain":
            continue
        if kind == b"path" and equals and not name.startswith(b"__Host-"):
            attribute = key + b"=" + _cookie_path(text.strip(), place)
        kept.append(attribute)
    return b";".join(kept)


def _cookie_path(path: bytes, place: Place) -> bytes:
    if not place.below or path[:1] != b"/":
        return path
    upstream, public = place.upstream.rpartition(b"/")[0], place.public.rpartition(b"/")[0]
    if path == upstream or path.startswith(upstream + b"/"):
        return public + path[len(upstream) :] or b"/"
    if upstream.startswith(path.rstrip(b"/") + b"/") or path == b"/":
        return public + b"/"
    return path
