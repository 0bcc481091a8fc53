"""ProxyHandler: passes requests to another server, and its answers back."""
