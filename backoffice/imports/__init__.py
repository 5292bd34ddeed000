"""CSV in: reading a file, finding out what its rows mean in a company's books, and writing the good ones. No Flask."""
