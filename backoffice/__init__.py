"""The back office: a company's records, kept in step with its accounting system."""
