"""JSONHandler: a tree of JSON that requests read and change."""
