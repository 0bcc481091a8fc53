"""The examples. Their functions are named in YAML by their dotted path: examples.formula.molar.mass."""
