"""Files on their way in, in parts that may come in any order and more than once."""
