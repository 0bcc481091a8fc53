"""`orderedattrdict.yamlutils`: AttrDicts from YAML, and as YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.proxy import Proxy, target_of

__all__ = ["AttrDictYAMLLoader", "from_yaml"]


def from_yaml(loader: Any, node: Any) -> Iterator[AttrDict]:
    """A constructor of PyYAML: a mapping as an AttrDict."""
    made = AttrDict()
    yield made
    loader.flatten_mapping(node)
    made.update(loader.construct_mapping(node))


class AttrDictYAMLLoader(yaml.SafeLoader):
    """A Loader whose mappings are AttrDicts. It makes no other objects, whatever the YAML asks for."""


AttrDictYAMLLoader.add_constructor("tag:yaml.org,2002:map", from_yaml)


def represent() -> None:
    """Have yaml.dump write AttrDicts, and what stands for one, as mappings in their order."""
    for dumper in (yaml.Dumper, yaml.SafeDumper):
        dumper.add_multi_representer(AttrDict, _mapping)
        dumper.add_multi_representer(Proxy, lambda dumper, value: dumper.represent_data(target_of(value)))


def _mapping(dumper: Any, value: AttrDict) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", list(value.items()))


represent()
