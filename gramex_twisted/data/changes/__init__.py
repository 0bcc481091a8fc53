"""Inserts, updates and deletes rows, in databases and in files. All of it blocks: call it in a thread."""

from gramex_twisted.data.changes.applying import apply_many, delete, insert, prepare, update
from gramex_twisted.data.changes.change import Change, Delete, Insert, Operation, Update, rows_of

__all__ = [
    "Change",
    "Delete",
    "Insert",
    "Operation",
    "Update",
    "apply_many",
    "delete",
    "insert",
    "prepare",
    "rows_of",
    "update",
]
