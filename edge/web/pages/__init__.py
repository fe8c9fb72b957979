"""Pages for people; every text in them is escaped where it is put in."""
