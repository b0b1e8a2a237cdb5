"""Measurements side by side, each in one run: `.venv/bin/python -m benchmarks.NAME`."""
