from spo.events import Key
from spo.queue import FIRST_DELAY_S, LAST_DELAY_S, Queue

A, B = Key("SeccompProfile", "default", "a"), Key("SeccompProfile", "default", "b")


def test_of_two_wishes_for_one_key_the_earlier_wins() -> None:
    queue = Queue()
    queue.add(A, 10.0)
    queue.add(A, 5.0)
    queue.add(A, 7.0)

    assert queue.next() == 5.0
    assert queue.pop_due(5.0) == [A]
    assert queue.pop_due(100.0) == []


def test_due_keys_come_in_a_fixed_order() -> None:
    queue = Queue()
    queue.add(B, 1.0)
    queue.add(A, 2.0)

    assert queue.pop_due(2.0) == [A, B]


def test_nothing_is_due_before_its_time() -> None:
    queue = Queue()
    queue.add(A, 3.0)

    assert queue.pop_due(2.9) == []
    assert len(queue) == 1


def test_each_failure_in_a_row_doubles_the_delay_up_to_a_minute() -> None:
    queue = Queue()
    waits = []
    for _ in range(8):
        queue.failed(A, now=0.0)
        waits.append(queue.next())
        queue.pop_due(LAST_DELAY_S)

    assert waits == [FIRST_DELAY_S, 2.0, 4.0, 8.0, 16.0, 32.0, LAST_DELAY_S, LAST_DELAY_S]


def test_success_forgets_the_failures() -> None:
    queue = Queue()
    queue.failed(A, now=0.0)
    queue.failed(A, now=0.0)
    queue.pop_due(LAST_DELAY_S)
    queue.succeeded(A)
    queue.failed(A, now=100.0)

    assert queue.next() == 100.0 + FIRST_DELAY_S


def test_a_server_that_names_a_delay_is_not_asked_sooner() -> None:
    queue = Queue()
    queue.failed(A, now=0.0, at_least_s=30.0)

    assert queue.next() == 30.0


def test_news_comes_before_the_back_off() -> None:
    queue = Queue()
    queue.failed(A, now=0.0, at_least_s=60.0)
    queue.add(A, 1.0)

    assert queue.pop_due(1.0) == [A]
    assert queue.pop_due(60.0) == []
