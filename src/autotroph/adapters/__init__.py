"""What works with systems outside, one of them each; nobody imports an adapter, it is found by its name.

| folder | what |
|---|---|
| spark | whole digestion on Spark, the same as `digest.engines` on DuckDB |
"""
