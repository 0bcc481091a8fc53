"""Sentry: unexpected errors of an app's routes, reported to where somebody looks at them."""
