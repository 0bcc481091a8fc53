"""Which format an Accept header asks for (RFC 9110, 12.5.1). Pure."""

from __future__ import annotations

from gramex_twisted.resources.api.formats import FORMATS

_NAMES = {media: name for name, format_ in FORMATS.items() for media in format_.media_types}
#: Characters of the header that are read.
LONGEST = 2000


def accepted(header: str, default: str) -> str:
    """The name of the format that ``header`` likes best: of equal ones the first; ``default`` where it names none.

    ``*/*`` is ``default``, and ``application/*`` too where that is of this kind.
    """
    if not header or header == "*/*":
        return default
    best, quality = default, 0.0
    for part in header[:LONGEST].split(","):
        media, _, parameters = part.partition(";")
        media = media.strip().lower()
        name = _NAMES.get(media)
        if name is None and media in ("*/*", "application/*"):
            name = default
        if name is not None and (found := _quality(parameters)) > quality:
            best, quality = name, found
    return best


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "q":
            try:
                return min(float(value), 1.0)
            except ValueError:
                return 0.0
    return 1.0
