"""Alerts: reports that are mailed."""
