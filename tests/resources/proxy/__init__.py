"""Tests of ProxyHandler."""
