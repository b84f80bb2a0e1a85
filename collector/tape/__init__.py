"""The tape: every frame of the venue as it came, in files, without delaying the feed.

- `lines`: the text of each kind of line.
- `tape_queue`: lines that wait for the thread, bounded in bytes.
- `connection_tape`: the tape of one connection, which the event loop writes to.
- `tape_file`: one file, compressed, from its `.partial` name to its last.
- `partial_files`: completes the files that a killed collector left.
- `folder`: the folder of all files, its lock, its layout and its limits.
- `writer`: the open files, one an hour and connection.
- `recorder`: the thread that writes, and the state of the tape.

docs/recordings.md describes the format.
"""
