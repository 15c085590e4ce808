"""What a pool's next user finds on a connection: nothing of the one before."""

from registry.log.connection import pool


async def test_a_transaction_that_was_left_open_is_over_for_the_next_user(database):
    async with await pool(database.writer, size=1) as one:
        async with one.acquire() as conn:
            await conn.execute("BEGIN; SET LOCAL statement_timeout = 1")
        async with one.acquire() as conn:
            assert not conn.is_in_transaction()
            assert await conn.fetchval("SHOW statement_timeout") == "8s"
