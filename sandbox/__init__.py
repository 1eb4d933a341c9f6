"""A stand-in for Open-Meteo and the MediaWiki Action API, for tests and for networks that reach neither.

Its responses have the real services' shapes, limits and errors; its values are invented: pure functions of place and
hour, and of page and time. Nothing it says is an observation.
"""

from sandbox.faults import Fault
from sandbox.messages import Request, Response
from sandbox.server import Sandbox

__all__ = ["Fault", "Request", "Response", "Sandbox"]
