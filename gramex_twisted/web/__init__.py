"""HTTP: the site, its requests, and how a value becomes a response."""
