"""The work of a run's stages: one module per kind of stage.

A stage's key counts the module of its work and all that it imports (`slt.pipeline.cache.code`): so these modules take
plain values and import neither the run's config nor each other.
"""
