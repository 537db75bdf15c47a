"""Speed, measured: our training against the source texts' loops as written, in one run."""
