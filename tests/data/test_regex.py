"""A pattern has one meaning: every engine finds the same, or the pattern is refused with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import polars as pl
import re2
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.regex import Engine, Pattern
from gramex_twisted.data.regexparser import parse
from tests.data.backends import engine_of

TEXTS = (
    *("", "a", "b", "B", "aa", "ab", "abc", "aab", "a b", "a\nb", "a\n", "\n", "1", "12", "a1", "_", "-", "]", "["),
    *("a.b", "axb", "é", "É", "東京", "東 京", "a&b", "a&&b", "~", "#", "a-c", "a|b", "{", "}", "a{2}", "(", ")"),
    *("\t", "\r", "\f", "\v", "\x85", "\xa0", "ß", "\u212a", "k", "ſ", "٣", "😀", "aB1_", " a", "a ", "\x1f"),
    *("*", "\\", "^", "$", "%"),
)


def by_rust(pattern: Pattern) -> list[bool]:
    """What polars finds."""
    return pl.Series(TEXTS).str.contains(pattern.write(Engine.RUST)).to_list()


def by_re2(pattern: Pattern) -> list[bool]:
    """What SQLite's REGEXP finds."""
    compiled = re2.compile(pattern.write(Engine.RE2))
    return [compiled.search(text) is not None for text in TEXTS]


def by_database(name: str, condition: str, engine: Engine) -> Callable[[Pattern], list[bool]]:
    """What a database finds, in one question for all texts."""
    columns = ", ".join(f"{condition.format(f':t{place}')} AS c{place}" for place in range(len(TEXTS)))
    select = sa.text(f"SELECT {columns}")
    texts = {f"t{place}": text for place, text in enumerate(TEXTS)}

    def find(pattern: Pattern) -> list[bool]:
        with engine_of(name).connect() as connection:
            row = connection.execute(select, {**texts, "p": pattern.write(engine)}).one()
        return [bool(cell) for cell in row]

    return find


def by_postgresql() -> Callable[[Pattern], list[bool]]:
    """As `sqlflavours` asks PostgreSQL."""
    return by_database("postgresql", 'CAST({} AS TEXT) COLLATE "C" ~ CAST(:p AS TEXT)', Engine.POSTGRES)


def by_mariadb() -> Callable[[Pattern], list[bool]]:
    """As `sqlflavours` asks MariaDB."""
    return by_database(
        "mariadb", "CAST({} AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_nopad_bin REGEXP :p", Engine.PCRE
    )


def found(pattern: str, *, ignore_case: bool = False) -> list[str]:
    """The texts that polars finds."""
    return [text for text, hit in zip(TEXTS, by_rust(parse(pattern, ignore_case=ignore_case)), strict=True) if hit]


def refused(pattern: str) -> str:
    """Why a pattern is not taken."""
    try:
        parse(pattern)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"{pattern} is taken")


PIECES = (
    *r"aB1 _.-,:&~#é東ß|()[]{}^$*+?\\",
    *(r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\b", r"\n", "[^", "a-c", "{1,2}", "(?:", "*?"),
)
PATTERNS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


class MeaningTests(SynchronousTestCase):
    def check(self, find: Callable[[Pattern], Sequence[bool]], examples: int) -> None:
        """Whatever is taken means to an engine what it means to Python, where case counts; and to Rust, always."""

        @settings(deadline=None, max_examples=examples)
        @given(PATTERNS, st.booleans())
        def compare(source: str, ignore_case: bool) -> None:
            try:
                pattern = parse(source, ignore_case=ignore_case)
            except ValueError:
                return
            expected = by_rust(pattern)
            if not ignore_case:
                python = re.compile(pattern.write(Engine.PCRE).replace(r"\z", r"\Z"), re.ASCII)
                self.assertEqual(expected, [python.search(text) is not None for text in TEXTS], source)
            if find is not by_rust and not pattern.nested:
                self.assertEqual(list(find(pattern)), expected, source)

        compare()

    def test_polars(self) -> None:
        self.check(by_rust, 300)

    def test_sqlite(self) -> None:
        self.check(by_re2, 300)

    def test_postgresql(self) -> None:
        self.check(by_postgresql(), 150)

    def test_mariadb(self) -> None:
        self.check(by_mariadb(), 150)


class PatternTests(SynchronousTestCase):
    def test_anchors_are_the_ends_of_the_text_not_of_lines(self) -> None:
        self.assertEqual(found("^b"), ["b"])
        self.assertEqual(found("a$"), ["a", "aa", " a"])
        self.assertEqual(found("^$"), [""])

    def test_a_dot_is_any_character_but_a_newline(self) -> None:
        self.assertEqual(found("a.b"), ["aab", "a b", "a.b", "axb", "a&b", "a|b"])

    def test_classes_are_ascii(self) -> None:
        self.assertNotIn("٣", found(r"\d"))
        self.assertNotIn("é", found(r"\w"))
        self.assertNotIn("\xa0", found(r"\s"))
        self.assertEqual(found(r"^\s$"), ["\n", "\t", "\r", "\f", "\v"])

    def test_case_is_ignored_for_letters_of_all_alphabets(self) -> None:
        self.assertEqual(found("É", ignore_case=True), ["é", "É"])
        self.assertEqual(found("[é-ë]", ignore_case=True), ["é", "É"])
        self.assertEqual(found("^B$", ignore_case=True), ["b", "B"])
        self.assertEqual(found("^k$", ignore_case=True), ["k"])

    def test_text_without_metacharacters_is_searched_as_it_is(self) -> None:
        literals = {"a b": "a b", r"a\.b": "a.b", r"\\": "\\", "é": "é", "%_": "%_", r"\x41\u6771": "A東", "{": "{"}
        self.assertEqual({source: parse(source).literal for source in literals}, literals)
        self.assertEqual([parse(source).literal for source in ("a.b", "a|b", "^a", "[ab]", "a?")], [None] * 5)
        self.assertIsNone(parse("a", ignore_case=True).literal)

    def test_what_not_every_engine_has_is_refused_with_the_reason(self) -> None:
        group = "has a group of a kind that not every database knows; (?:...) and (...) are"
        reasons = {
            "(?=a)": group,
            "(?<!a)": group,
            "(?i)a": group,
            "(?P<x>a)": group,
            r"(a)\1": r"has \1, which not every database knows",
            r"\p{L}": r"has \p, which not every database knows",
            r"\B": r"has \B, which not every database knows",
            r"\Qa": r"has \Q, which not every database knows",
            "[[:alpha:]]": "has [: in a set, which not every database knows",
            "a++": "has a quantifier after a quantifier",
            "a**": "has a quantifier after a quantifier",
            "*a": "has a quantifier with nothing before it",
            "^*": "repeats a place, not a character",
            "(a": "has a ( without its )",
            "a)": "has a ) without its (",
            "[a": "ends too early",
            "[]": "ends too early",
            "a\\": "ends too early",
            "[b-a]": "has a range whose end is before its start",
            "a{2,1}": "has a {m,n} with n below m",
            r"\u0000": "names a character that does not exist",
            r"\ud800": "names a character that does not exist",
            r"[\s\S]": "has a set of all characters, or of none",
        }
        self.assertEqual({source: refused(source) for source in reasons}, reasons)

    def test_patterns_that_would_cost_too_much_are_refused(self) -> None:
        self.assertEqual(refused("a{256}"), "repeats something more than 255 times")
        for source in ("(a{100}){100}", "((((a?){30})?){30})?", r"(\W{250}){4}", "(a{18}){18}"):
            self.assertEqual(refused(source), "repeats too much")
        self.assertEqual(parse("a" * 1000).literal, "a" * 1000)
        self.assertEqual(refused("((a{30}){30}){30}"), "repeats too much")
        self.assertEqual(refused("(" * 50 + "a" + ")" * 50), "has too many groups in groups")
        self.assertEqual(refused("a" * 1001), "is longer than 1000 characters")
        with self.assertRaisesRegex(ValueError, "has too large a range to ignore case in"):
            parse("[a-\uffff]", ignore_case=True)

    def test_repeating_a_repetition_is_known(self) -> None:
        self.assertEqual([parse(source).nested for source in ("(a+)+", "(a*b)*", "(a{2,9})*")], [True] * 3)
        self.assertEqual([parse(source).nested for source in ("a+b+", "(ab)+", "(a?b)+", "(a+)?")], [False] * 4)
