"""YAML -> a validated, frozen Config."""
