"""What a model is asked with: inputs, checked by a schema, through a template to messages.

| file | idea |
|---|---|
| sections.py | a template's text to its sections, a message each |
| sandbox.py | what a template may do: bounded in time and size, without a way out |
| prompt.py | a template and inputs to messages |
| schema.py | what inputs must be, as JSON Schema says it |
| documents.py | a template as a document of the ledger, named by its digest |
| checking.py | whether the prompts and schemas of a declaration are right |
"""
