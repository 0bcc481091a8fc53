"""Cache-Control of an API's answers. Pure."""

from __future__ import annotations


def cache_control(*ages: int | bool | None) -> tuple[str, str] | None:
    """The header for everybody, and that for who is signed in; None for no header.

    :param ages: seconds, from the weakest to the strongest; None says nothing, False no header.
    """
    said = [age for age in ages if age is not None and age is not True]
    if not said or said[-1] is False:
        return None
    age = int(said[-1])
    return ("max-age=0", "max-age=0, private") if age <= 0 else (f"max-age={age}, public", f"max-age={age}, private")
