"""A configuration as people are shown it: what holds, without its secrets, in YAML."""

from __future__ import annotations

from typing import Any

import yaml

from gramex_twisted.config.document import Config
from gramex_twisted.config.masking import masked


def effective(config: Config) -> dict[Any, Any]:
    """The tree with the defaults of ``app:`` and ``threadpool:`` filled in, and secrets masked."""
    defaults = {
        "app": config.app.model_dump(mode="json", exclude_none=True),
        "threadpool": config.threadpool.model_dump(mode="json"),
    }
    return masked(config, {**config.tree, **defaults})


def as_yaml(tree: dict[Any, Any]) -> str:
    """``tree`` as YAML. What has no YAML (results of variables' functions) is shown as text."""
    text: str = yaml.dump(tree, Dumper=ShowDumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class ShowDumper(yaml.SafeDumper):
    """Writes each value in full, and any object as its text."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write an alias: people read this."""
        return True


ShowDumper.add_multi_representer(object, lambda dumper, value: dumper.represent_str(str(value)))
