"""What works with systems outside, one of them each; nobody imports an adapter, it is found by its name.

| folder | what |
|---|---|
| upstreams | those who answer over HTTP: whatever speaks OpenAI's format, and Anthropic |
| spark | whole digestion on Spark, the same as `digest.engines` on DuckDB |
"""
