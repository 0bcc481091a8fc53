"""POST, PUT and DELETE: rows from arguments or from a JSON body, written in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson

from gramex_twisted.data.arguments import CONTROLS
from gramex_twisted.data.changes import Change, Delete, Insert, Update, apply_many, rows_of
from gramex_twisted.data.changes.change import Operation
from gramex_twisted.data.records import default
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.form.asking import Ask, ask
from gramex_twisted.resources.form.datasets import texts as texts_of
from gramex_twisted.resources.form.failures import answered
from gramex_twisted.resources.form.headers import set_meta
from gramex_twisted.web.values import JSON

if TYPE_CHECKING:
    from gramex_twisted.resources.form.handler import FormHandler
    from gramex_twisted.web.context import Context

Action = Literal["insert", "update", "delete"]


@dataclass(frozen=True)
class Sent:
    """What a request brings: arguments, and the rows of a JSON body that is a list."""

    args: Mapping[str, Sequence[Any]]
    rows: Sequence[Mapping[str, Any]] | None = None


async def write(handler: FormHandler, context: Context, action: Action) -> Any:
    """Do `action` to each dataset, and answer what has been done."""
    sent = _sent(context)
    asks = [await ask(handler, own, context, sent.args) for own in handler.sets.sets.values()]
    for each in asks:
        if not each.own.dataset.id:
            raise HTTPError(400, f"{handler.name}: {each.own.name} has no id:, so its rows cannot be changed")
    operations = [_operation(each, action, await _rows(handler, context, each, sent)) for each in asks]
    with answered(handler.name):
        made: list[Change] = await handler.datasets.run(asks[0].own.place, apply_many, operations)
    answer: dict[str, Any] = {}
    for each, change in zip(asks, made, strict=True):
        answer[each.own.name] = await _report(handler, context, each, change)
    if handler.sets.modify is not None:
        counts = {each.own.name: change.count for each, change in zip(asks, made, strict=True)}
        answer["modify"] = await handler.run(handler.sets.modify, context, counts, None, context)
    context.set_header("Cache-Control", "no-cache, no-store")
    if handler.redirects.active:
        handler.redirects.follow(context)
        return None
    context.set_header("Content-Type", JSON)
    return orjson.dumps(answer, default=default, option=orjson.OPT_NON_STR_KEYS)


async def _report(handler: FormHandler, context: Context, ask: Ask, change: Change) -> dict[str, Any]:
    """What is said of one dataset."""
    meta: dict[str, Any] = {"filters": change.filters, "ignored": change.ignored}
    if change.inserted:
        meta["inserted"] = change.inserted
    if ask.own.modify is not None:
        meta["modify"] = await handler.run(ask.own.modify, context, change.count, ask.own.name, context)
    context.set_header(f"Count-{ask.own.name}", str(change.count))
    if ask.first("_meta"):
        set_meta(context, ask.own.name, meta)
    return meta


def _sent(context: Context) -> Sent:
    """The arguments, and the JSON body: an object's keys are arguments, a list holds rows."""
    if context.get_content_type() != "application/json" or not context.native.body_size:
        return Sent(context.args)
    body = context.parse_body_as_json()
    if isinstance(body, dict):
        named = {key: value if isinstance(value, list) else [value] for key, value in body.items()}
        return Sent({**context.args, **named})
    if isinstance(body, list) and all(isinstance(row, dict) for row in body):
        return Sent(context.args, body)
    raise HTTPError(400, "the request body must be a JSON object, or a list of them")


async def _rows(handler: FormHandler, context: Context, asked: Ask, sent: Sent) -> list[dict[str, Any]] | None:
    """The rows of a JSON list, each with the arguments beside it and as `prepare` leaves it; None: there is none."""
    if sent.rows is None:
        return None
    if asked.own.prepare is None:
        shared = {name: texts[0] for name, texts in _meant(asked).items() if texts}
        return [{**shared, **row} for row in sent.rows]
    rows: list[dict[str, Any]] = []
    for row in sent.rows:
        alone = {name: value if isinstance(value, list) else [value] for name, value in row.items()}
        prepared = _meant(await ask(handler, asked.own, context, {**sent.args, **alone}))
        same = {name: row[name] for name in row if prepared.get(name) == texts_of(row[name])}
        rows.append({name: same.get(name, texts[0]) for name, texts in prepared.items() if texts})
    return rows


def _meant(ask: Ask) -> dict[str, Sequence[str]]:
    """The arguments that may be columns."""
    return {name: texts for name, texts in ask.values.items() if name not in ask.handled and name not in CONTROLS}


def _operation(ask: Ask, action: Action, rows: list[dict[str, Any]] | None) -> Operation:
    """What to do to one dataset."""
    values, key, meant = ask.values, ask.own.dataset.id, _meant(ask)
    if action == "delete":
        # What a DELETE says beside its filters may be meant to spare rows: it is for the plan to refuse.
        said = {name: texts for name, texts in values.items() if name in CONTROLS and name in ask.args}
        return Delete(ask.source, rows or {**meant, **said}, values, key, ask.handled)
    if rows is None:
        if action == "update":
            return Update(ask.source, meant, values, key)
        return Insert(ask.source, rows_of(meant), values, key)
    return Update(ask.source, rows, values, key) if action == "update" else Insert(ask.source, rows, values, key)
