"""What the services' HTTP routes share: one application, problems instead of errors, probes."""

from polyvox.http.app import create_app
from polyvox.http.operations import operations_router
from polyvox.http.problems import Problem, ProblemDocument, documented

__all__ = ["Problem", "ProblemDocument", "create_app", "documented", "operations_router"]
