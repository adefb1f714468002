"""What stands on the terminal or in a pipe: tables, documents, names, and progress."""
