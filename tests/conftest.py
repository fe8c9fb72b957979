"""What tests of every folder may ask for."""

from hypothesis import settings

pytest_plugins = ["tests.support.backend_fixtures"]

# Machines that test are busy: how long an example takes says nothing.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
