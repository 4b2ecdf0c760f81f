"""Five services that sell things and share nothing but a broker: ``python -m examples.saga``.

``README.md`` beside this file says what happens and in which order to read the files.
"""
