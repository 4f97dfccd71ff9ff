"""What the exit code of a command says, the same for each of them."""

from __future__ import annotations

OK = 0  # yes
NO = 1  # the answer is no: something is rejected, failing, left over
BAD_INPUT = 2  # nothing was done; what was given cannot be used
FAILED = 3  # the tool itself could not go on, or nobody answered it: no verdict
INTERRUPTED = 130

IN_WORDS = "exit code: 0 yes, 1 the answer is no, 2 bad input, 3 no answer: spo itself, or who it asks, failed"
