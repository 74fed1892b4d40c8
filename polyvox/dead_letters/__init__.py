"""Dead letters: what a worker gave up on, and how it is given another chance."""

from polyvox.dead_letters.letter import DeadLetter, build, parse
from polyvox.dead_letters.selection import Selection
from polyvox.dead_letters.topic import find, letters, replay

__all__ = ["DeadLetter", "Selection", "build", "find", "letters", "parse", "replay"]
