"""The product over HTTP: thin, over the same functions that the library has.

Imported only by what serves: uvicorn and starlette are felt.

| file | idea |
|---|---|
| server.py | the process: signals, the end |
| listening.py | its socket, before anything slow begins |
| protocol.py | the connection: heads that are too long or too slow |
| head.py | the head of a request |
| app.py | guard, route, handler; what goes wrong becomes an answer |
| guard.py | host, origin, key, scope |
| route.py | what a route is, and how a path finds it |
| routes.py | all routes, in one table |
| openapi.py | the OpenAPI document, made of the table |
| refusals.py | errors in one shape |
| bodies.py | a body, within a deadline and a size |
| shapes.py | requests and answers |
| service.py | what handlers share, threads among it |
| batcher.py | single callers, taken together |
| arriving.py | signals and imports |
| deciding.py | decisions |
| chatting.py | OpenAI's endpoints |
| predicting.py | OpenAI's decisions: typed questions |
| passing.py | whatever else an upstream offers |
| leaving.py | those who do not wait for their answer |
| reading.py | status, plan, releases, verdicts, measurements, journal |
| operating.py | cycle, rollback, approval, export, erasure |
| halting.py | freeze, thaw |
| trying.py | experiments by hand |
| index.py | what there is, alive, ready |
"""
