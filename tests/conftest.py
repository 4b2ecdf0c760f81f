"""What holds for every test."""

from hypothesis import settings

# A busy machine is no failure: speed is measured in benchmarks/.
settings.register_profile("paykit", settings(), deadline=None)
settings.load_profile("paykit")
