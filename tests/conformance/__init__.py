"""The whole API against its own OpenAPI document, by schemathesis; `python -m tests.conformance --help` says how."""
