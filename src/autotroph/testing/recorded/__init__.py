"""A recorded upstream: an OpenAI-compatible server that answers what models really said.

    with Recorded(read(Path("answers.csv"))) as upstream:
        client = openai.OpenAI(base_url=upstream.url, api_key="any")

or `python -m autotroph.testing.recorded answers.csv`, a process of its own; docs/reference/recorded.md.

| file | what |
|---|---|
| answers.py | who answers what: a transcript of what models said, or always the same text |
| tokens.py | how tokens are counted: four characters each |
| manner.py | how long it takes and what it costs, as declared |
| refused.py | what is answered to what cannot be, in OpenAI's shape |
| asked.py | requests, read |
| chat.py | chat completions, whole and in chunks |
| responses.py | the same as responses, whole and as events |
| vectors.py | embeddings: the same words, the same vector |
| caller.py | the one who asked: what is sent, and whether they are still there |
| app.py | the routes |
| server.py | all of it, served from a thread |
"""

from autotroph.testing.recorded.answers import Stub, Transcript, read
from autotroph.testing.recorded.manner import Latency, Manner, Price
from autotroph.testing.recorded.server import Recorded

__all__ = ["Latency", "Manner", "Price", "Recorded", "Stub", "Transcript", "read"]
