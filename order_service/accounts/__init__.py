"""Accounts: who has one, how they sign in, and which role they have."""
