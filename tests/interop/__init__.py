"""Other people's readers and writers on the tables that our binaries make."""
