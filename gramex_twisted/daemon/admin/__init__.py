"""The admin: what the server tells whoever runs it, on a port of its own."""
