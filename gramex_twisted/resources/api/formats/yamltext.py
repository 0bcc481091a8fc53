"""YAML: in block style, keys sorted, Unicode readable."""

from __future__ import annotations

import re
from typing import Any

import yaml

from gramex_twisted.resources.api.formats.plain import plain

#: Line ends that PyYAML folds where it does not write their codes.
_BREAKS = re.compile("[\x85\u2028\u2029]")
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    """Writes everything out, also what is there twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _ReadableDumper(yaml.SafeDumper):
    """The same in Python: ten times slower, but libyaml writes the code of an emoji in its place."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, value: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if _BREAKS.search(value) else None)


for _kind in (_Dumper, _ReadableDumper):
    _kind.add_representer(str, _text)


def to_yaml(value: Any) -> bytes:
    """``value`` as YAML in UTF-8.

    :raises TypeError: for what YAML cannot say.
    """
    try:
        data = plain(value, long_numbers=int)
        text = _dumped(data, _Dumper)
        if "\\U000" in text:
            text = _dumped(data, _ReadableDumper)
        return text.encode("utf-8")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TypeError(f"the API's answer, a {type(value).__name__}, cannot be written as YAML: {error}") from error


def _dumped(data: Any, dumper: Any) -> str:
    text: str = yaml.dump(data, Dumper=dumper, allow_unicode=True, default_flow_style=False, sort_keys=True, width=120)
    return text
