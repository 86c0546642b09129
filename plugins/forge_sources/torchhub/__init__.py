"""Source ``torchhub``: models of ``hubconf.py`` files, and APIBench's rows."""
