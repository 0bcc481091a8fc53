"""The options of typed functions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from annotated_types import Gt, MaxLen
from pydantic import Field
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.options import Args, Arguments, OptionError, OptionSet
from gramex_twisted.options.signature import signature_of


class Colour(Enum):
    RED = "r"
    GREEN = "g"


def everything(
    handler: Any,
    text: str,
    number: int = 3,
    real: float | None = None,
    flag: bool = False,
    words: list[str] = [],  # noqa: B006
    numbers: tuple[int, ...] = (),
    kind: Literal["a", "b"] = "a",
    colour: Colour = Colour.RED,
    colours: list[Colour] = [],  # noqa: B006
    day: date = date(2024, 1, 2),
    money: Decimal = Decimal(1),
    key: UUID | None = None,
    nothing=None,  # type: ignore[no-untyped-def]
    guessed=7,  # type: ignore[no-untyped-def]
    size: Annotated[int, Field(ge=1, le=9, alias="n", description="How many.")] = 5,
    above: Annotated[int, Gt(2), "More than two."] = 3,
    few: Annotated[set[str], MaxLen(2)] = frozenset(),  # type: ignore[assignment]
    *rest: Any,
    **others: Any,
) -> None:
    """Does everything.

    With a second line.

    :param text: what to do
        with it
    :returns: nothing
    """


def google(x: int, y: int = 0) -> None:
    """Adds.

    Args:
        x (int): the first
        y: the second,
            or not

    Returns:
        z: no parameter
    """


def called(function: Callable[..., Any], pattern: str = "", **arguments: Any) -> dict[str, Any]:
    """What the function would be called with."""
    signature = signature_of(function, pattern)
    args: Args = OptionSet({"*": signature.options}).parse("GET", Arguments(**arguments))
    return dict(signature.convert(args))


class SignatureTests(SynchronousTestCase):
    def test_types_defaults_and_limits(self) -> None:
        found = signature_of(everything).options
        self.assertEqual(found["text"], {"type": str, "required": True, "description": "what to do with it"})
        self.assertEqual(found["number"], {"type": int, "default": 3})
        self.assertEqual(found["real"], {"type": float, "default": None})
        self.assertEqual(found["words"], {"type": list, "items": str, "default": []})
        self.assertEqual(found["numbers"], {"type": tuple, "items": int, "default": ()})
        self.assertEqual(found["kind"], {"type": str, "enum": ("a", "b"), "default": "a"})
        self.assertEqual(found["colour"], {"type": str, "enum": ("r", "g"), "default": "r"})
        self.assertEqual(found["day"], {"type": str, "date_format": "%Y-%m-%d", "default": "2024-01-02"})
        self.assertEqual((found["nothing"]["type"], found["guessed"]), (str, {"type": int, "default": 7}))
        self.assertEqual(
            found["size"], {"type": int, "min": 1, "max": 9, "alias": "n", "description": "How many.", "default": 5}
        )
        self.assertEqual(found["above"], {"type": int, "min": 3, "description": "More than two.", "default": 3})
        self.assertEqual((found["few"]["type"], found["few"]["max"]), (set, 2))
        self.assertNotIn("handler", found)
        self.assertNotIn("others", found)

    def test_values_are_what_the_annotations_say(self) -> None:
        query = {"text": ["t"], "colour": ["g"], "colours": ["r,g"], "day": ["2024-02-29"], "money": ["1.10"],
                 "key": [str(UUID(int=5))], "numbers": ["1,2"]}  # fmt: skip
        found = called(everything, query=query)
        self.assertEqual((found["colour"], found["colours"]), (Colour.GREEN, [Colour.RED, Colour.GREEN]))
        self.assertEqual((found["day"], found["money"]), (date(2024, 2, 29), Decimal("1.10")))
        self.assertEqual((found["key"], found["numbers"], found["number"]), (UUID(int=5), (1, 2), 3))

    def test_what_is_refused(self) -> None:
        for query, info in (
            ({}, {"missing": "text"}),
            ({"text": ["t"], "kind": ["c"]}, {"keyword": "kind", "allowed": ["a", "b"]}),
            ({"text": ["t"], "n": ["10"]}, {"keyword": "size", "max": 9, "num": 10, "alias": "n"}),
            (
                {"text": ["t"], "day": ["2023-02-29"]},
                {"keyword": "day", "date_format": "%Y-%m-%d", "num": "2023-02-29"},
            ),
            ({"text": ["t"], "key": ["x"]}, {"reason": "Expect type UUID.", "keyword": "key"}),
            ({"text": ["t"], "colours": ["r,x"]}, {"keyword": "colours", "allowed": ["r", "g"]}),
        ):
            error = self.assertRaises(OptionError, called, everything, query=query)
            self.assertEqual(error.info, info)

    def test_docstrings(self) -> None:
        self.assertEqual(signature_of(everything).description, "Does everything.\n\nWith a second line.")
        found = signature_of(google)
        self.assertEqual(found.description, "Adds.")
        self.assertEqual(found.options["x"]["description"], "the first")
        self.assertEqual(found.options["y"]["description"], "the second, or not")

    def test_groups_of_the_pattern_fill_parameters(self) -> None:
        self.assertEqual(called(google, r"/add/(\d+)", path=["4"]), {"x": 4, "y": 0})
        self.assertEqual(called(google, r"/add/(?P<y>\d+)", names={"y": "4"}, query={"x": ["1"]}), {"x": 1, "y": 4})

    def test_annotations_that_no_option_stands_for(self) -> None:
        def two(x: int | str) -> None: ...
        def odd(x: range) -> None: ...
        def mixed(x: Literal["a", 1]) -> None: ...
        def nested(x: list[list[int]]) -> None: ...
        def above(x: Annotated[float, Field(gt=0)]) -> None: ...

        for function, message in {
            two: "x: no option is of several types; write options:",
            odd: "x: no option is a range; use str, int, float, bool, list or dict, or write options:",
            mixed: "x: its choices must all be texts, or all be numbers",
            nested: "x: no option is a list of lists",
        }.items():
            self.assertEqual(str(self.assertRaises(ValueError, signature_of, function)), message)
        self.assertEqual(signature_of(above).options["x"]["min"], 1)
