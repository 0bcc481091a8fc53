"""gramex_twisted turns one YAML file into a data server."""

__version__ = "0.1.0"
