"""The ledger: an SQL index of the inbox, of the work, and of what was delivered."""
