"""How cocktails are made, and how long each way takes."""

#: Seconds at speed 1.
BUILD_SECONDS = {"collins": 15, "stirred": 30, "shaken": 45, "sour": 60}

BUILDS = tuple(BUILD_SECONDS)
