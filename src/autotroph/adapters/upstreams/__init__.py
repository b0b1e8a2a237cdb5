"""Those who answer outside this process, over HTTP; what is asked of them stands in `deploy.upstreams`.

| file | idea |
|---|---|
| openai.py | OpenAI's format, in which nothing is translated |
| chunks.py | the events of its streams, read as far as needed |
| anthropic.py | Anthropic's messages, asked for and answered as chat completions |
| requests.py | chat completions as Anthropic is asked for them |
| messages.py | its messages as chat completions |
| blocks.py | its streams as their chunks |
| dialect.py | what the formats differ in |
| progress.py | how far an answer has come, and its tokens |
| asking.py | one upstream: asked, asked again, left alone |
| exchange.py | one attempt |
| replies.py | whole answers and streams |
| line.py | the way to one upstream: never redirected, and sent again where that is safe |
| heads.py | what is said before a body, and which headers are passed on |
| pool.py | connections: kept, bounded, taken in turn |
| connection.py | one of them |
| parsing.py | bytes to responses |
| response.py | one of them, as it comes |
| reaching.py | from a name to a connection |
| addresses.py | where it may lead |
| broken.py | what comes of connections that do not work |
| watch.py | time limits, with one timer a stream |
| retrying.py | what is safe to try again, and when |
| budget.py | how much is tried again |
| breaker.py | when nothing is asked, and how it is probed |
| faults.py | what went wrong, without secrets |
"""
