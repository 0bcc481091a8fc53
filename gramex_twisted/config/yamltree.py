"""YAML text -> a tree of Nodes that know where they were written.

Built from libyaml's events with a stack of our own: no recursion that deep nesting could exhaust, and aliases are
counted before they are followed, so that a small file cannot grow into a large tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from gramex_twisted.config.marks import Mark
from gramex_twisted.config.problems import GiveUp, Problems

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_DEPTH = 64
MAX_ALIASED = 100_000

TAG = "tag:yaml.org,2002:"
TEXT = {TAG + "str", TAG + "value", TAG + "merge"}
CONSTRUCTORS: dict[str, Callable[[SafeConstructor, yaml.ScalarNode], Any]] = {
    TAG + "null": SafeConstructor.construct_yaml_null,
    TAG + "bool": SafeConstructor.construct_yaml_bool,
    TAG + "int": SafeConstructor.construct_yaml_int,
    TAG + "float": SafeConstructor.construct_yaml_float,
    TAG + "binary": SafeConstructor.construct_yaml_binary,
    TAG + "timestamp": SafeConstructor.construct_yaml_timestamp,
}


@dataclass(slots=True)
class Node:
    """A value and its places. ``value`` is a plain scalar, a dict of key -> Node, or a list of Nodes."""

    value: Any
    mark: Mark
    """Of the key or list item that leads here."""
    at: Mark
    """Of the value itself."""


@dataclass(slots=True)
class Frame:
    """A mapping or a list that is being built."""

    node: Node
    anchor: str | None
    is_key: bool
    size: int = 1
    merges: list[Node] = field(default_factory=list)
    key: Any = None
    key_mark: Mark | None = None
    skip: bool = False
    """The value of a key that was refused: read and forget."""


def wrap(value: Any, mark: Mark) -> Node:
    """Plain data as Nodes that all have the same mark."""
    if isinstance(value, dict):
        return Node({key: wrap(child, mark) for key, child in value.items()}, mark, mark)
    if isinstance(value, list | tuple):
        return Node([wrap(child, mark) for child in value], mark, mark)
    return Node(value, mark, mark)


def plain(node: Node) -> Any:
    """The plain data of a Node."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    return [plain(child) for child in value] if isinstance(value, list) else value


def load(data: bytes, file: str, problems: Problems) -> Node:
    """Parse one YAML document. An empty one gives a Node of None.

    Errors go to ``problems``, with ``file`` as the name in their marks; raises GiveUp when there is no tree to go on
    with. Duplicate keys and bad scalars are noted and reading goes on, so that all of them are told at once.
    """
    try:
        return Builder(file, problems).build(Loader(data))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Mark(file, mark.line + 1, mark.column + 1) if mark else Mark(file)
        text = " ".join(part for part in (error.problem, error.context) if part)
        if error.problem and error.context and error.context_mark and error.context_mark.line + 1 < where.line:
            text += f" that starts on line {error.context_mark.line + 1}"
        problems.error(where, f"YAML syntax: {text}{tab_hint(data, where)}")
    except yaml.reader.ReaderError as error:
        line = data.count(b"\n", 0, error.position) + 1
        column = error.position - (data.rfind(b"\n", 0, error.position) + 1) + 1
        problems.error(Mark(file, line, column), f"not YAML text: {error.reason}; save the file as UTF-8")
    raise GiveUp


def tab_hint(data: bytes, where: Mark) -> str:
    """What to do when the line of a syntax error is indented with a tab."""
    lines = data.split(b"\n")
    text = lines[where.line - 1] if 0 < where.line <= len(lines) else b""
    return "; indent with spaces, not tabs" if b"\t" in text[: len(text) - len(text.lstrip())] else ""


class Builder:
    """Turns the events of one document into Nodes."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self.stack: list[Frame] = []
        self.root: Node | None = None
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.open_anchors: set[str] = set()
        self.count = 0
        self.plain_scalars: dict[str, tuple[str, Any]] = {}
        self.constructor = SafeConstructor()

    def build(self, loader: Any) -> Node:
        """Read every event. YAML errors of the loader pass through."""
        self.resolve = loader.resolve
        documents = 0
        while loader.check_event():
            event = loader.get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self.scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self.start(event, kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self.end()
            elif kind is yaml.AliasEvent:
                self.alias(event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self.problems.error(self.place(event), "a second YAML document starts here; keep one per file")
                    raise GiveUp
        return self.root or Node(None, Mark(self.file, 1, 1), Mark(self.file, 1, 1))

    def place(self, event: Any) -> Mark:
        """Where ``event`` starts."""
        mark = event.start_mark
        return Mark(self.file, mark.line + 1, mark.column + 1)

    def scalar(self, event: Any) -> None:
        """A key, an item or a value."""
        at = self.place(event)
        tag, value = self.construct(event, at)
        frame = self.stack[-1] if self.stack else None
        if frame and isinstance(frame.node.value, dict) and frame.key_mark is None:
            if tag == TAG + "bool" and event.value.lower() not in ("true", "false"):
                value = event.value  # `on:` and `yes:` are words when they are keys
            if event.anchor:
                self.anchors[event.anchor] = (Node(value, at, at), 1)
            self.set_key(frame, value, at, merge=tag == TAG + "merge")
        else:
            self.add(value, at, 1, event.anchor)

    def construct(self, event: Any, at: Mark) -> tuple[str, Any]:
        """The tag and the Python value of a scalar."""
        text: str = event.value
        tag: str | None = event.tag
        if tag in (None, "!"):
            if not event.implicit[0]:
                return TAG + "str", text
            if text in self.plain_scalars:
                return self.plain_scalars[text]
            tag = self.resolve(yaml.ScalarNode, text, event.implicit)
        assert tag is not None
        result = (tag, text if tag in TEXT else self.convert(tag, text, at))
        if event.tag is None:
            self.plain_scalars[text] = result
        return result

    def convert(self, tag: str, text: str, at: Mark) -> Any:
        """``text`` as its tag says, or an error and the text itself."""
        construct = CONSTRUCTORS.get(tag)
        if construct is None:
            self.problems.error(at, f"the tag {short_tag(tag)} is not allowed; use plain values, lists and mappings")
            return text
        try:
            return construct(self.constructor, yaml.ScalarNode(tag, text))
        except (ValueError, LookupError, AttributeError, OverflowError, yaml.YAMLError):
            self.problems.error(at, f"'{text[:40]}' is not a valid {short_tag(tag)[2:]}; quote it if it is text")
            return text

    def start(self, event: Any, is_mapping: bool) -> None:
        """Open a mapping or a list."""
        at = self.place(event)
        if len(self.stack) >= MAX_DEPTH:
            self.problems.error(at, f"nested more than {MAX_DEPTH} levels deep")
            raise GiveUp
        if event.tag not in (None, "!", TAG + "map", TAG + "seq"):
            self.problems.error(at, f"the tag {short_tag(event.tag)} is not allowed; use plain lists and mappings")
        parent = self.stack[-1] if self.stack else None
        is_key = parent is not None and isinstance(parent.node.value, dict) and parent.key_mark is None
        if event.anchor:
            self.open_anchors.add(event.anchor)
        self.stack.append(Frame(Node({} if is_mapping else [], at, at), event.anchor, is_key))

    def end(self) -> None:
        """Close a mapping or a list."""
        frame = self.stack.pop()
        if frame.merges:
            self.merge(frame)
        if frame.anchor:
            self.open_anchors.discard(frame.anchor)
        if frame.is_key:
            self.refuse_key(self.stack[-1], frame.node.at)
        else:
            self.add(frame.node.value, frame.node.at, frame.size, frame.anchor)

    def alias(self, event: Any) -> None:
        """Put the anchored value here too."""
        at = self.place(event)
        if event.anchor in self.open_anchors or event.anchor not in self.anchors:
            why = "is inside itself" if event.anchor in self.open_anchors else f"has no anchor &{event.anchor} above it"
            self.problems.error(at, f"the alias *{event.anchor} {why}")
            raise GiveUp
        node, size = self.anchors[event.anchor]
        frame = self.stack[-1]
        if isinstance(frame.node.value, dict) and frame.key_mark is None:
            if isinstance(node.value, dict | list):
                self.refuse_key(frame, at)
            else:
                self.set_key(frame, node.value, at)
            return
        if frame.size + size > MAX_ALIASED + 10 * self.count:
            self.problems.error(at, f"aliases expand to more than {MAX_ALIASED} values; write them out or remove them")
            raise GiveUp
        self.add(node.value, at, size, None)

    def set_key(self, frame: Frame, key: Any, mark: Mark, merge: bool = False) -> None:
        """The next value of ``frame`` belongs to ``key``."""
        frame.key, frame.key_mark, frame.skip = key, mark, False
        if merge:
            frame.key = MERGE
        elif key in frame.node.value:
            first = frame.node.value[key].mark
            self.problems.error(mark, f"duplicate key '{key}'; the first is on line {first.line}")

    def refuse_key(self, frame: Frame, mark: Mark) -> None:
        """A list or mapping stands where a key should."""
        self.problems.error(mark, "a key must be text, a number or a date, not a list or a mapping")
        frame.key, frame.key_mark, frame.skip = None, mark, True

    def add(self, value: Any, at: Mark, size: int, anchor: str | None) -> None:
        """Put a finished value where it belongs."""
        self.count += 1
        frame = self.stack[-1] if self.stack else None
        mark = frame.key_mark if frame and frame.key_mark else at
        node = Node(value, mark, at)
        if anchor:
            self.anchors[anchor] = (node, size)
        if frame is None:
            self.root = node
            return
        frame.size += size
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
            return
        if frame.key is MERGE:
            frame.merges.append(node)
        elif not frame.skip:
            frame.node.value[frame.key] = node
        frame.key_mark = None

    def merge(self, frame: Frame) -> None:
        """Put the keys of `<<:` under the mapping's own."""
        merged: dict[Any, Node] = {}
        for node in frame.merges:
            for source in node.value if isinstance(node.value, list) else [node]:
                if isinstance(source.value, dict):
                    merged = {**merged, **{key: child for key, child in source.value.items() if key not in merged}}
                else:
                    self.problems.error(source.at, "'<<' takes a mapping or a list of mappings")
        frame.node.value = {**merged, **frame.node.value}


MERGE = object()


def short_tag(tag: str) -> str:
    """``tag:yaml.org,2002:int`` as people write it: ``!!int``."""
    return "!!" + tag[len(TAG) :] if tag.startswith(TAG) else tag
