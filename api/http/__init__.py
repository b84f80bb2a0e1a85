"""Routes and answers: parameters in, JSON or a stream out."""
