"""FilterHandler: which values a column still has, under the filters on the other columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gramex_twisted.data.distinct import parse_distinct
from gramex_twisted.data.query import Query
from gramex_twisted.data.schema import Schema
from gramex_twisted.resources.form.asking import Ask
from gramex_twisted.resources.form.chosen import Format
from gramex_twisted.resources.form.handler import FormHandler
from gramex_twisted.resources.form.options import FilterOptions
from gramex_twisted.resources.form.reading import Found

if TYPE_CHECKING:
    from gramex_twisted.config.model import Model
    from gramex_twisted.web.context import Context


class FilterHandler(FormHandler):
    """Answers `?_c=city&_c=country` with the different values of each."""

    options_model: ClassVar[type[Model]] = FilterOptions

    def questions(self, ask: Ask, schema: Schema) -> Mapping[str, Query]:
        """One for each `_c`."""
        names, own = ask.names, ask.own.name
        return parse_distinct(ask.args, schema, defaults=ask.defaults, dataset=own, datasets=names, handled=ask.handled)

    def result(self, found: Found) -> dict[str, Any]:
        """The values by what `_c` says."""
        return found.answers

    def answers(self, results: Mapping[str, Any], chosen: Format) -> tuple[Mapping[str, Any], bool]:
        """Each list of values is a table of its own; of several datasets, JSON nests them."""
        if self.sets.single:
            [result] = results.values()
            return (result, False) if isinstance(result, dict) else ({"data": result}, True)
        if chosen.info.name == "json":
            return results, False
        flat = {f"{name}:{key}": values for name, result in results.items() for key, values in result.items()}
        return flat, False

    def _is_direct(self, asks: Sequence[Ask], chosen: Format) -> bool:
        return False

    def handlers(self) -> dict[str, Callable[[Context], Any]]:
        """It changes nothing."""
        return {method: found for method, found in super().handlers().items() if method in ("GET", "HEAD")}
