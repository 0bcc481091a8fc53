"""FormHandler and FilterHandler: tables over HTTP."""
