"""Pictures of every page: `make screenshots`. They stand in docs/screens/ and in the README."""
