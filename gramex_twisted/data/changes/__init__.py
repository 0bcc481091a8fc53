"""Inserts, updates and deletes rows, in databases and in files."""
