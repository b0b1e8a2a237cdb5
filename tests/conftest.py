"""Makes `typing_product` importable from every room's tests."""
