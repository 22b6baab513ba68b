from node.labs.hl7_batch import is_short_of


def test_is_short_of_when_a_block_holds_two_batches_then_each_is_counted_alone() -> None:
    batch = b"BHS|^~\\&\rMSH|1\rBTS|1\r"
    assert not is_short_of(b"FHS|^~\\&\r" + batch + batch + b"FTS|2\r")
    assert is_short_of(batch + b"BHS|^~\\&\rMSH|1\rBTS|2\r")
