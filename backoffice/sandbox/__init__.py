"""Programs that play an accounting system; they import nothing of the rest, and the rest nothing of them."""
