"""Threads load modules in turn.

Python locks every module by itself, and lets the parts of a package be imported while the package
is half made. Two threads that come into a circle of modules at different places, as one that
imports ``numpy`` and one that imports ``numpy.typing``, wait for each other; the interpreter ends
that by handing both a module without the names they want: "cannot import name ... from partially
initialized module". What failed once stays broken for as long as the process lives.
"""

from threading import RLock

ONE_AT_A_TIME = RLock()
"""Held around an import that is left to the first thread which needs it.

Not around one on the way of a request, which would wait for whatever another thread loads: what
serves a version is loaded before the version is.
"""
