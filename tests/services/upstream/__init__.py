"""Tests of what connects to upstreams."""
