"""Analytics: what the APIs of an app tell others of their use, in the background."""
