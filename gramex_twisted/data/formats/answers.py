"""What is written: results of queries, and what user functions return in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gramex_twisted.data.frame import FrameResult
from gramex_twisted.data.records import Result
from gramex_twisted.data.types import Kind

if TYPE_CHECKING:
    import polars as pl

Answer: TypeAlias = Any
"""FrameResult, Result, a DataFrame of pandas or polars, a list of dicts, or (json, template) any JSON-able value."""
Answers: TypeAlias = Mapping[str, Answer]
"""By the names of the datasets."""
Tabular: TypeAlias = FrameResult | Result


def table(answer: Answer, name: str = "data") -> Tabular:
    """`answer` as rows with typed columns. Raises ValueError for what is no table, naming `name` and its type.

    The index of a pandas DataFrame is left out.
    """
    found = tabular(answer)
    if found is None and _records(answer):
        found = _result(answer)
    if found is None:
        raise ValueError(f"{name} is of type {type(answer).__name__}; a DataFrame or a list of dicts is needed")
    return found


def tabular(answer: Answer) -> Tabular | None:
    """`answer` as rows with typed columns, if it is a result or a frame."""
    if isinstance(answer, FrameResult | Result):
        return answer
    module = type(answer).__module__.partition(".")[0]
    if module == "pandas" and hasattr(answer, "iloc"):
        return _result(_unindexed(answer))
    if module == "polars" and type(answer).__name__ in ("DataFrame", "LazyFrame", "Series"):
        return _result(answer)
    return None


def tables(answers: Answers) -> dict[str, Tabular]:
    """All of `answers` as tables."""
    return {name: table(answer, name) for name, answer in answers.items()}


def only(answers: Answers, format: str) -> Tabular:
    """The one table of `answers`. Raises ValueError where there are more."""
    if len(answers) != 1:
        raise ValueError(f"format {format} holds one dataset, not {len(answers)}: ask for one of {', '.join(answers)}")
    [(name, answer)] = answers.items()
    return table(answer, name)


def frame(answer: Tabular) -> pl.DataFrame:
    """`answer` as a polars frame, with the types of its columns' kinds; columns of OTHER as they come."""
    import polars as pl

    if isinstance(answer, FrameResult):
        return answer.frame
    columns = list(zip(*answer.rows, strict=True)) or [()] * len(answer.fields)
    return pl.DataFrame([_series(f.name, f.kind, column) for f, column in zip(answer.fields, columns, strict=True)])


def to_pandas(answer: Answer) -> Any:
    """What templates of upstream expect: tables as pandas DataFrames, anything else as it is."""
    from gramex_twisted.data import frames

    found = tabular(answer)
    if found is None:
        return answer
    return answer if type(answer).__module__.startswith("pandas") else frames.to_pandas(frame(found))


def _series(name: str, kind: Kind, values: Sequence[Any]) -> pl.Series:
    import polars as pl

    from gramex_twisted.data.framecolumns import dtype_of

    dtype = None if kind is Kind.OTHER else dtype_of(kind)
    try:
        return pl.Series(name, values, dtype)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):  # SQLite has no types: a text in a column of numbers
        return pl.Series(name, [None if value is None else str(value) for value in values], pl.String)


def _records(answer: Answer) -> bool:
    return isinstance(answer, list) and all(isinstance(row, Mapping) for row in answer)


def _result(data: Any) -> FrameResult:
    """A frame whose columns have the form that queries give theirs."""
    from gramex_twisted.data import frames
    from gramex_twisted.data.frame import table_of

    made = frames.to_polars(data)
    ready = table_of(made)
    plain = ready.frame.collect()
    plain.columns = made.columns
    return FrameResult(ready.schema.fields, plain)


def _unindexed(data: Any) -> Any:
    """A pandas DataFrame without its index, and with names of columns that are texts."""
    flat = (data.to_frame() if data.ndim == 1 else data).reset_index(drop=True)
    names = [" ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in flat.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two columns are called {', '.join(twice)}: rename one")
    return flat.set_axis(names, axis="columns")
