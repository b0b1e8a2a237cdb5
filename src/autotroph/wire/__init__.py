"""What is alike in every call over HTTP, whoever makes it: the gateway, or the client when there is none.

| file | idea |
|---|---|
| sse.py | bytes to events |
| said.py | what an answer says |
| secret.py | keys by reference |
| failed.py | what is said of an error, without the key |
"""
