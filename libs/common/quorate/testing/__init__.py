"""Servers that stand for what a test cannot have. Install ``quorate[testing]``.

``quorate.testing.github`` is GitHub, as far as reviews of pull requests need it.
"""
