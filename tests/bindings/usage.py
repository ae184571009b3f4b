# SPDX-License-Identifier: MIT
"""What a worker in Python writes, for mypy alone (test_types.py). The lines with an ignore must be
wrong: mypy says so if they are not."""

from typing import List, Optional

import bearer


def work() -> Optional[int]:
    tokens = bearer.Bearer("unix:///run/bearerd/token.sock", max_age=5)
    token: bearer.Token = tokens.get("athena", timeout=5)
    texts: List[str] = [token.value, token.name, token.scope, token.practice_id]
    numbers: List[int] = [token.generation, token.expires_at]
    try:
        tokens.renew(token)
    except bearer.Fresh as error:
        return error.retry_after
    except bearer.Unreachable as error:
        return error.errno
    except bearer.BearerError as error:
        return int(error.is_passing)
    return len(texts) + len(numbers)


def work_for_a_while() -> str:
    with bearer.Bearer(max_age=5) as tokens:
        return tokens.get().value


def work_for_requests() -> object:
    return bearer.Bearer().auth("athena", timeout=5)


def wrong(tokens: bearer.Bearer) -> None:
    tokens.renew("a value")         # type: ignore[arg-type]
    tokens.get(5)                   # type: ignore[arg-type]
    tokens.get().value.generation   # type: ignore[attr-defined]
