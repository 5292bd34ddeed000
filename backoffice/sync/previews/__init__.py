"""Previews: an Update rehearsed and taken back, what it would have done, and the chosen part of it done."""
