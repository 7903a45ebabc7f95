"""The suites of `slt serve`: each starts one in a process of its own, and talks to it through a socket."""
