"""What the app keeps in places of its own."""

import json
import os

import gramex.cache
from gramex.config import variables


def who(handler):
    user = handler.current_user or {}
    count = handler.session.get("count")
    return json.dumps({"user": user.get("id"), "role": user.get("role"), "city": user.get("city"), "count": count})


def count(handler):
    handler.session["count"] = handler.session.get("count", 0) + 1
    return json.dumps(handler.session["count"])


def store(handler):
    """Add one to what a store of gramex.cache has."""
    kind = handler.path_args[0]
    path = os.path.join(variables["GRAMEXDATA"], f"store.{kind}")
    found = gramex.cache.get_store(kind, path=path)
    found.dump("count", {"n": found.load("count", {}).get("n", 0) + 1})
    found.flush()
    return json.dumps(found.load("count")["n"])
