"""Upstreams: the servers that proxied requests go to, and the connections to them."""
