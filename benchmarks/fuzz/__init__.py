"""Coverage-guided fuzzing of every reader of outside bytes, with atheris (the extra ``fuzz``)."""
