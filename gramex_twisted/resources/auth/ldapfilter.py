"""LDAP filters and names from templates such as ``(uid={user})``.

A template is parsed once (RFC 4515), and what people type goes into the parsed filter as bytes: it is never read as a
filter, so nothing in it can change one. Names (RFC 4514) are text when they are sent, so there it is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

Values = Mapping[str, str]
Make = Callable[[Values], bytes]

_PLACE = re.compile(r"\{(\w+)\}")
_ITEM = re.compile(
    r"(?P<attr>[A-Za-z0-9][A-Za-z0-9.;-]*)?(?P<dn>:dn)?(?::(?P<rule>[A-Za-z0-9][A-Za-z0-9.-]*))?"
    r"(?P<kind>:=|~=|>=|<=|=)(?P<value>(?:\\[0-9A-Fa-f]{2}|[^()\\\x00])*)"
)
_AND, _OR, _NOT, _EQUAL, _SUBSTRINGS, _GREATER, _LESS, _PRESENT, _APPROX, _EXTENSIBLE = (
    *(0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6),
    *(0x87, 0xA8, 0xA9),
)
_SEQUENCE, _OCTETS, _INITIAL, _ANY, _FINAL = 0x30, 0x04, 0x80, 0x81, 0x82
_COMPARES = {"=": _EQUAL, ">=": _GREATER, "<=": _LESS, "~=": _APPROX}
_MOST_NESTED = 50


class FilterTemplate:
    """A filter with ``{name}`` where values go.

    :raises ValueError: for what is no filter.
    """

    def __init__(self, text: str) -> None:
        self.text = text if text.startswith("(") else f"({text})"
        self.names = names_in(text)
        self._at = 0
        self._make = self._filter(0)
        if self._at != len(self.text):
            raise self._wrong("the end")

    def wire(self, values: Values) -> bytes:
        """The filter in BER (RFC 4511, 4.5.1), as a search request has it."""
        return self._make(values)

    def _wrong(self, expected: str) -> ValueError:
        return ValueError(f"{self.text!r} is not a filter: character {self._at + 1} should be {expected}")

    def _expect(self, char: str) -> None:
        if not self.text.startswith(char, self._at):
            raise self._wrong(repr(char))
        self._at += 1

    def _filter(self, depth: int) -> Make:
        if depth > _MOST_NESTED:
            raise self._wrong(f"nested no deeper than {_MOST_NESTED}")
        self._expect("(")
        kind = self.text[self._at : self._at + 1]
        if kind in ("&", "|"):
            self._at += 1
            parts = [self._filter(depth + 1)]
            while self.text.startswith("(", self._at):
                parts.append(self._filter(depth + 1))
            made = _all_of(_AND if kind == "&" else _OR, parts)
        elif kind == "!":
            self._at += 1
            made = _all_of(_NOT, [self._filter(depth + 1)])
        else:
            made = self._item()
        self._expect(")")
        return made

    def _item(self) -> Make:
        found = _ITEM.match(self.text, self._at)
        if found is None or not (found["attr"] or found["rule"]):
            raise self._wrong("an attribute and a value, as in (uid={user})")
        if (found["dn"] or found["rule"]) and found["kind"] != ":=":
            raise self._wrong("an attribute and a value, as in (uid={user})")
        self._at = found.end()
        if found["kind"] == ":=":
            return _extensible(found)
        attr = octets(found["attr"].encode())
        if found["kind"] == "=" and found["value"] == "*":
            return lambda values: tlv(_PRESENT, found["attr"].encode())
        if found["kind"] == "=" and "*" in found["value"]:
            return _substrings(attr, found["value"].split("*"))
        tag, value = _COMPARES[found["kind"]], _value(found["value"])
        return lambda values: tlv(tag, attr + octets(value(values)))


def _all_of(tag: int, parts: list[Make]) -> Make:
    return lambda values: tlv(tag, b"".join(part(values) for part in parts))


def _substrings(attr: bytes, texts: list[str]) -> Make:
    last = len(texts) - 1
    tags = [_INITIAL if n == 0 else _FINAL if n == last else _ANY for n in range(last + 1)]
    pieces = [(tag, _value(text)) for tag, text in zip(tags, texts, strict=True) if text]

    def make(values: Values) -> bytes:
        return tlv(_SUBSTRINGS, attr + tlv(_SEQUENCE, b"".join(tlv(tag, piece(values)) for tag, piece in pieces)))

    return make


def _extensible(found: re.Match[str]) -> Make:
    rule = tlv(0x81, found["rule"].encode()) if found["rule"] else b""
    attr = tlv(0x82, found["attr"].encode()) if found["attr"] else b""
    value, dn = _value(found["value"]), tlv(0x84, b"\xff") if found["dn"] else b""
    return lambda values: tlv(_EXTENSIBLE, rule + attr + tlv(0x83, value(values)) + dn)


def _value(text: str) -> Make:
    """What is written in a filter as a value: bytes, with ``\\xx`` and ``{name}`` in them."""
    parts: list[bytes | str] = []
    at = 0
    for place in _PLACE.finditer(text):
        parts += [_unescaped(text[at : place.start()]), place[1]]
        at = place.end()
    parts.append(_unescaped(text[at:]))
    return lambda values: b"".join(
        part if isinstance(part, bytes) else values[part].encode("utf-8", "replace") for part in parts
    )


def _unescaped(text: str) -> bytes:
    return re.sub(rb"\\([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode("utf-8"))


def tlv(tag: int, content: bytes) -> bytes:
    """A tag, the length of ``content``, and ``content`` (X.690)."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def octets(content: bytes) -> bytes:
    """An OCTET STRING."""
    return tlv(_OCTETS, content)


# Names ----------------------------------------------------------------------------------------------------------------


def names_in(template: str) -> tuple[str, ...]:
    """The names of the places in ``template``, in order, each once."""
    return tuple(dict.fromkeys(_PLACE.findall(template)))


def is_dn(template: str) -> bool:
    """Whether ``template`` is a distinguished name, rather than ``DOMAIN\\{user}`` or ``{user}@example.org``."""
    return re.match(r"\s*[A-Za-z0-9.-]+\s*=", template) is not None


def filled(template: str, values: Values, escape: Callable[[str], str] = str) -> str:
    """``template`` with its places filled in.

    :raises KeyError: for a place that has no value.
    """
    return _PLACE.sub(lambda found: escape(values[found[1]]), template)


def escape_dn(value: str) -> str:
    """``value`` as one value in a distinguished name (RFC 4514, 2.4)."""
    return "".join(_escaped(value))


def _escaped(value: str) -> Iterator[str]:
    last = len(value) - 1
    for at, char in enumerate(value):
        outer_space = char == " " and at in (0, last)
        if char < " " or char in '",+\\<>;=#\x7f' or outer_space:
            yield f"\\{ord(char):02x}"
        else:
            yield char
