"""A mail from what user code says of it: ``to="a@example.org", subject="...", html="...", attachments=["x.pdf"]``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from gramex_twisted.services.addresses import is_address, split_addresses

#: Most bytes of one mail's files. Servers take less.
MOST_BYTES = 64 << 20
RECIPIENTS = ("to", "cc", "bcc")
ADDRESSES = (*RECIPIENTS, "reply_to", "on_behalf_of", "from", "sender")
OURS = frozenset({"date", "message_id", "mime_version", "content_type", "content_transfer_encoding"})


@dataclass(frozen=True)
class Mail:
    """What is sent: ``content`` from the address ``sender`` to the addresses ``recipients``."""

    content: bytes
    sender: str
    recipients: tuple[str, ...]


def compose(options: Mapping[str, Any], default_sender: str, root: Path = Path()) -> Mail:
    """The mail of ``Mailer.mail(**options)``. Reads files, so call it in a thread.

    :param default_sender: the From: address where ``options`` have none.
    :param root: the folder of relative paths.
    :raises ValueError: for no recipient, what is no address, what has no UTF-8, or too large files.
    :raises OSError: for files that cannot be read.
    """
    given = {key.lower().replace("-", "_"): value for key, value in options.items() if value is not None}
    given["from"] = given.get("from") or given.pop("sender", None) or default_sender
    files = Files(root)
    message = _content(given, files)
    recipients: list[str] = []
    for key in [key for key in given if key not in CONTENT]:
        if key in OURS:
            raise ValueError(f"{key}: is set by the server")
        if key not in ADDRESSES:
            message[_header(key)] = _one_line(given[key])
            continue
        found = _addresses(given[key], key)
        recipients += [address.addr_spec for address in found] if key in RECIPIENTS else []
        if found and key != "bcc":
            message[_header(key)] = found
    if not recipients:
        raise ValueError("no recipient: to, cc and bcc have no address")
    senders = _addresses(given["from"], "from")
    if len(senders) != 1:
        raise ValueError("from: needs one address")
    _stamp(message, senders[0])
    return Mail(message.as_bytes(policy=SMTP), senders[0].addr_spec, tuple(dict.fromkeys(recipients)))


CONTENT = frozenset({"body", "html", "attachments", "images"})


def _stamp(message: EmailMessage, sender: Address) -> None:
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = make_msgid(domain=sender.domain or "localhost")
    if "Auto-Submitted" not in message:
        message["Auto-Submitted"] = "auto-generated"


class Files:
    """Reads the files of one mail, which together have a limit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left = MOST_BYTES

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """A file's content."""
        with open(self.root / path, "rb") as file:
            content = file.read(self.left + 1)
        return self.count(content)

    def count(self, content: bytes) -> bytes:
        """``content``, which counts too."""
        self.left -= len(content)
        if self.left < 0:
            raise ValueError(f"the files of one mail may have {MOST_BYTES >> 20} MB")
        return content


def _content(given: Mapping[str, Any], files: Files) -> EmailMessage:
    message = EmailMessage()
    body, html = given.get("body"), given.get("html")
    if body is not None or not html:
        message.set_content(str(body or ""))
    if html:
        message.add_alternative(str(html), subtype="html") if body is not None else message.set_content(
            str(html), subtype="html"
        )
        _add_images(message, given.get("images") or {}, files)
    for item in _listed(given.get("attachments")):
        _attach(message, item, files)
    return message


def _add_images(message: EmailMessage, images: Mapping[str, Any], files: Files) -> None:
    html = message.get_body(("html",))
    assert isinstance(html, MIMEPart)
    for name, source in images.items():
        is_path = isinstance(source, str | os.PathLike)
        content = files.read(source) if is_path else files.count(bytes(source))
        maintype, subtype = _kind(os.fspath(source) if is_path else "").split("/", 1)
        if maintype != "image":
            maintype, subtype = "image", _sniffed(content)
        html.add_related(content, maintype, subtype, cid=f"<{_one_line(name)}>", disposition="inline")


def _attach(message: EmailMessage, item: Any, files: Files) -> None:
    if isinstance(item, Mapping):
        body = item.get("body")
        filename = str(item.get("filename") or "data.bin")
        if body is None:
            raise ValueError(f"attachments: {filename}: needs body")
        content = files.count(body.encode("utf-8") if isinstance(body, str) else bytes(body))
        kind = str(item.get("content_type") or _kind(filename))
    else:
        filename, content, kind = os.fspath(item), files.read(item), _kind(os.fspath(item))
    maintype, _, subtype = kind.partition(";")[0].strip().partition("/")
    name = _one_line(os.path.basename(filename))
    params = {"charset": "utf-8"} if maintype == "text" and _is_utf8(content) else None
    message.add_attachment(content, maintype or "application", subtype or "octet-stream", filename=name, params=params)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _kind(filename: str) -> str:
    kind, encoding = guess_type(filename, strict=False)
    return kind if kind and not encoding else "application/octet-stream"


def _sniffed(content: bytes) -> str:
    """The kind of a picture without a telling name."""
    signs = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"<svg": "svg+xml", b"<?xml": "svg+xml"}
    return next((kind for sign, kind in signs.items() if content.startswith(sign)), "webp")


def _listed(value: Any) -> Iterable[Any]:
    return [] if value is None else [value] if isinstance(value, str | os.PathLike | Mapping) else value


def _addresses(value: Any, key: str) -> tuple[Address, ...]:
    """The addresses of a text, or of a list of such.

    :raises ValueError: for what is none.
    """
    found = []
    for text in value if isinstance(value, list | tuple | set) else [value]:
        try:
            found += [_address(name, spec) for name, spec in split_addresses(_one_line(text))]
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    return tuple(found)


def _address(name: str, spec: str) -> Address:
    local, _, domain = spec.rpartition("@")
    with suppress(UnicodeError):  # then it is no address, which is told below
        domain = domain.encode("idna").decode("ascii")
    if not is_address(f"{local}@{domain}"):
        raise ValueError(f"{spec!r} is no mail address")
    return Address(display_name=name, username=local, domain=domain)


def _one_line(value: Any) -> str:
    """Nobody adds headers of his own."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return " ".join(str(value).split())


def _header(key: str) -> str:
    return "-".join(word.upper() if word in ("id", "mts", "ipms") else word.capitalize() for word in key.split("_"))
