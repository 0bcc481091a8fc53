"""The process: listeners, reload, drain, signals, logging, systemd. An app comes and goes; this stays."""
