"""A local Xero to develop, test and show against: sign-in, the accounting API with its traps, and pages of its own."""
