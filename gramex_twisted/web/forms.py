"""Form bodies: urlencoded and multipart, as arguments and files."""

from __future__ import annotations

from typing import Any, BinaryIO

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.errors import HTTPError
from gramex_twisted.web.queries import RawArguments, parse_query

Files = dict[str, list[AttrDict]]

#: The media types of a form.
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
#: Bytes of one text field of a multipart form, and how many parts a form may have.
MAX_FIELD = 10 << 20
MAX_PARTS = 1000


class FormFile(AttrDict):
    """A file of a form: ``filename``, ``content_type`` and ``body``, its bytes, as Tornado has them.

    ``body`` is read from the disk, where a long file is, when it is first asked for. ``file`` has it without that.
    """

    __slots__ = ()

    def __init__(self, filename: str, content_type: str, file: BinaryIO) -> None:
        super().__init__(filename=filename, content_type=content_type, file=file)

    def __missing__(self, key: str) -> bytes:
        if key != "body":
            raise KeyError(key)
        self["file"].seek(0)
        self["body"] = body = self["file"].read()
        self["file"].seek(0)
        return body  # type: ignore[no-any-return]

    def get(self, key: str, default: Any = None) -> Any:
        """See ``dict.get``."""
        return self[key] if key == "body" else super().get(key, default)


def parse_form(content_type: str, content: BinaryIO) -> tuple[RawArguments, Files]:
    """The arguments and files of a form body; none for any other type.

    :param content: the body, read from its start and left there.
    :raises HTTPError: 400 for a malformed multipart body.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        content.seek(0)
        parsed = parse_query(content.read())
        content.seek(0)
        return parsed, {}
    if kind == "multipart/form-data":
        return _multipart(content_type, content)
    return {}, {}


def _multipart(content_type: str, content: BinaryIO) -> tuple[RawArguments, Files]:
    import multipart  # type: ignore[import-untyped]

    _, options = multipart.parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary:
        raise HTTPError(400, "the multipart body has no boundary in its Content-Type")
    arguments: RawArguments = {}
    files: Files = {}
    content.seek(0)
    try:
        parser: Any = multipart.MultipartParser(
            content, boundary, part_limit=MAX_PARTS, memory_limit=MAX_FIELD, spool_limit=MAX_FIELD, strict=False
        )
        for part in parser:
            name = part.name.encode("utf-8", "surrogateescape").decode("latin-1")
            if part.filename is None:
                arguments.setdefault(name, []).append(part.raw)
                part.close()
            else:
                files.setdefault(name, []).append(FormFile(part.filename, part.content_type, part.file))
    except multipart.MultipartError as error:
        raise HTTPError(400, f"the multipart body cannot be read: {error}") from error
    finally:
        content.seek(0)
    return arguments, files
