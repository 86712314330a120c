"""What runs inside the child process: the SDK, a recording monitor and the program.

It imports nothing of Handrail besides itself, because it runs in the program's own environment, where Handrail may not
be installed. `__main__.py` loads it under a name of its own, so that it never stands in the way of a program's modules.
"""
