"""What may stop a request before its handler: one question a file."""
