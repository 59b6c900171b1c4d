"""Accounts: who has one, how they sign in and out, and which role they have."""
