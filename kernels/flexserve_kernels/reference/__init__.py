"""Plain torch implementations of every op: the truth that the fast ones are tested against."""
