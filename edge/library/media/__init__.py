"""What files are, apart from where they are: titles, tags, visibility, length, qualities."""
