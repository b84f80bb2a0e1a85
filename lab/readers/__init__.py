"""Former place of the readers in lab.sse."""
