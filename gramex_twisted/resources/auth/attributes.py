"""More attributes of users: ``lookup:`` finds them in a table, ``rules:`` make them of others."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.options import Lookup, Rule, Source
from gramex_twisted.resources.auth.tables import Rows, rows_of
from gramex_twisted.resources.base import Setup

_RULE = ("selector", "pattern", "field", "value")


class Attributes:
    """What the ``lookup:`` and ``rules:`` of one route add to users.

    :raises ConfigError: for a table that cannot be read.
    """

    def __init__(self, setup: Setup, lookup: Lookup | None, rules: list[Rule] | Source | None) -> None:
        self.threads = setup.services.threads
        self.lookup = lookup
        self.lookup_rows = None if lookup is None else rows_of(setup, lookup, "lookup")
        self.rules: list[Mapping[str, Any]] = [rule.model_dump() for rule in rules] if isinstance(rules, list) else []
        self.rule_rows: Rows | None = rows_of(setup, rules, "rules") if isinstance(rules, Source) else None

    async def of(self, user: dict[str, Any]) -> dict[str, Any]:
        """``user`` with what is found for its ``id``."""
        if self.lookup is not None and self.lookup_rows is not None:
            found = await self.threads.run(self.lookup_rows.find, self.lookup.id, str(user["id"]))
            if found:
                user.update({key: value for key, value in found[0].items() if value is not None and key != "id"})
        rules = self.rules
        if self.rule_rows is not None:
            rules = await self.threads.run(self.rule_rows.all)
        for rule in rules:
            self._apply(rule, user)
        return user

    def _apply(self, rule: Mapping[str, Any], user: dict[str, Any]) -> None:
        missing = [name for name in _RULE if name not in rule]
        if missing:
            raise HTTPError(500, f"the table of rules has no column {missing[0]}")
        value = user.get(rule["selector"])
        if fnmatchcase("" if value is None else str(value), str(rule["pattern"] or "")):
            user[rule["field"]] = rule["value"]
