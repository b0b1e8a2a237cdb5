"""Shipped with the package: what every store and every extension promises, as checks to run on yours."""
