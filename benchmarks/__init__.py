"""Side-by-side measurements of gramex_twisted and what it is compared with: `python -m benchmarks --help`."""
