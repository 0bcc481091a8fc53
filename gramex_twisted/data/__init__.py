"""Tables: one Query from a URL's arguments, and what compiles it to polars and to SQL.

Neither polars nor SQLAlchemy is imported until a function here first needs it.
"""
