"""Signing in and out. ``base`` has what every way to sign in shares."""
