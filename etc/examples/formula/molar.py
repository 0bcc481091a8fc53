"""Molar masses."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from gramex_twisted.errors import HTTPError
from gramex_twisted.transforms import handler
from notebook.table import BY_SYMBOL

TOKEN = re.compile(r"([A-Z][a-z]?)(\d*)|(\()|\)(\d*)")


@handler
def mass(formula: str, moles: float = 1) -> dict[str, Any]:
    """The mass in grams of so many moles of a formula such as Ca(OH)2."""
    atoms = count(formula)
    one = sum(BY_SYMBOL[symbol].mass * number for symbol, number in atoms.items())
    return {"formula": formula, "atoms": atoms, "molar mass": round(one, 3), "grams": round(one * moles, 3)}


def count(formula: str) -> Counter[str]:
    """How many atoms of each element there are in a formula."""
    stack, end = [Counter[str]()], 0
    for match in TOKEN.finditer(formula):
        symbol, times, opened, group_times = match.groups()
        if match.start() != end or (symbol and symbol not in BY_SYMBOL):
            break
        end = match.end()
        if opened:
            stack.append(Counter())
        elif symbol:
            stack[-1][symbol] += int(times or 1)
        elif len(stack) > 1:
            group = stack.pop()
            stack[-1].update({name: number * int(group_times or 1) for name, number in group.items()})
        else:
            end = match.start()
            break
    if not formula or end < len(formula) or len(stack) > 1:
        raise HTTPError(400, f"formula: {formula or 'nothing'} is no formula; it goes wrong at character {end + 1}")
    return stack[0]
