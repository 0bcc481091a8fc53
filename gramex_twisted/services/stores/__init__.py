"""Stores: where sessions, rate limits, one-time passwords, upload metadata and cached responses are kept."""
