"""The handlers: what a route of `url:` does with a request, one type a file."""
